package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TTL finds dynamic users whose time is over. Removals that failed need no trigger: their operation stays open, and waits
// in the index of all waiting operations for its next try.
func TTL(r table.Reader, now model.Time, limit int) []Due {
	if waits(r) {
		return nil
	}
	var due []Due
	for u := range state.DynamicUsers.Range(r, "ends", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			break
		}
		due = append(due, Due{User: u.ID, Trigger: "ttl"})
	}
	return due
}
