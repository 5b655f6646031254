package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Held finds changes that nobody asked for and that wait while changes are frozen or stopped: they are put off, so that the
// scheduler does not look at them in every round.
func Held(r table.Reader, now model.Time, limit int) []Due {
	a := state.Automation(r)
	if a.Stopped == 0 && a.FrozenUntil(now) == 0 {
		return nil
	}
	var due []Due
	for o := range state.Operations.Range(r, "waiting", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			break
		}
		if o.State == model.OpReady && o.Automatic() {
			due = append(due, Due{Hold: o.ID})
		}
	}
	return due
}
