package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Deletion finds applications and authorizations that are being deleted and whose dynamic users are gone.
func Deletion(r table.Reader, _ model.Time, limit int) []Due {
	var due []Due
	for a := range state.Applications.By(r, "deleting", "yes") {
		if len(due) == limit {
			return due
		}
		if state.LiveLeases(r, a.ID).Live == 0 {
			due = append(due, Due{Left: a.ID})
		}
	}
	for a := range state.Authorizations.By(r, "deleting", "yes") {
		if len(due) == limit {
			return due
		}
		if !state.OwnsUsers(r, a.ID) {
			due = append(due, Due{Unneeded: a.ID})
		}
	}
	return due
}
