package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Replan finds that policies changed and credentials were not planned anew since.
func Replan(r table.Reader, _ model.Time, _ int) []Due {
	if state.SystemRow(r).Replan == 0 {
		return nil
	}
	return []Due{{Plan: true}}
}
