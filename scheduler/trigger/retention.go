package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Retention finds credentials with secret versions that are not needed any more. While an operation on one is open, none
// of its versions goes.
func Retention(r table.Reader, _ model.Time, limit int) []Due {
	if waits(r) {
		return nil
	}
	var due []Due
	for c := range state.Credentials.By(r, "spent", "yes") {
		if len(due) == limit {
			break
		}
		if _, open := state.Operations.First(r, "open", string(c.ID)); !open {
			due = append(due, Due{Spent: c.ID})
		}
	}
	return due
}
