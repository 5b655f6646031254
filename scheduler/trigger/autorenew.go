package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// AutoRenew finds secrets of applications whose renewal is due.
func AutoRenew(r table.Reader, now model.Time, limit int) []Due {
	if waits(r) {
		return nil
	}
	var due []Due
	for s := range state.DSMSecrets.Range(r, "renew", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			break
		}
		due = append(due, Due{Renew: s.ID})
	}
	return due
}
