package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// SessionEnd finds sessions that nobody ended in their time.
func SessionEnd(r table.Reader, now model.Time, limit int) []Due {
	if waits(r) {
		return nil
	}
	var due []Due
	for s := range state.Sessions.Range(r, "until", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			break
		}
		due = append(due, Due{Session: s.ID})
	}
	return due
}
