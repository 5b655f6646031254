package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Expiry finds credentials whose secret is too old, or was viewed too long ago, under their policy. RotateAt holds both.
func Expiry(r table.Reader, now model.Time, limit int) []Due {
	if waits(r) {
		return nil
	}
	var due []Due
	for c := range state.Credentials.Range(r, "due", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			break
		}
		if _, open := state.Operations.First(r, "open", string(c.ID)); open || c.Execution.Executor == "" {
			continue // its trigger has fired already, or nothing can change it
		}
		due = append(due, Due{Credential: c.ID, Trigger: "expiry"})
	}
	return due
}
