package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// Automations holds the one row about what the system starts by itself.
var Automations = table.Define(40, "automation", func(*model.Automation) string { return SystemKey })

// Automation reads that row; a new cluster has none and works with the defaults.
func Automation(r table.Reader) model.Automation {
	if a, ok := Automations.Look(r, SystemKey); ok {
		row := *a
		row.Settings.Complete()
		return row
	}
	return model.Automation{Settings: model.DefaultAutomation()}
}

// Registered is how many credentials were ever registered.
func Registered(r table.Reader) uint64 {
	if s, ok := Sequences.Look(r, "credential"); ok {
		return s.Last
	}
	return 0
}
