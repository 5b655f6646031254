package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// CustodyEnd finds custodies whose time is over.
func CustodyEnd(r table.Reader, now model.Time, limit int) []Due {
	if waits(r) {
		return nil
	}
	var due []Due
	for c := range state.Custodies.Range(r, "until", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			break
		}
		due = append(due, Due{Custody: c.ID})
	}
	return due
}
