package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Ending finds secrets of applications and authorizations that ended by their date, until automations were told.
func Ending(r table.Reader, now model.Time, limit int) []Due {
	if waits(r) {
		return nil
	}
	var due []Due
	for s := range state.DSMSecrets.Range(r, "ending", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			return due
		}
		due = append(due, Due{Ended: s.ID})
	}
	for a := range state.Authorizations.Range(r, "ending", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			return due
		}
		due = append(due, Due{Over: a.ID})
	}
	return due
}
