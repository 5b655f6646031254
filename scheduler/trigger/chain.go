package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Chain finds chains whose next automatic run is due. Outside of the chain's window it waits until that opens.
func Chain(r table.Reader, now model.Time, limit int) []Due {
	a := state.Automation(r)
	if waits(r) || a.Stopped != 0 || a.FrozenUntil(now) != 0 || Closed(&a, now) != 0 || a.Left(now, state.Registered(r)) == 0 {
		return nil
	}
	var due []Due
	for c := range state.Chains.Range(r, "due", table.TimeKey(0), table.TimeKey(now+1)) {
		if len(due) == limit {
			break
		}
		d := Due{Chain: c.ID}
		if opens := Opens(&c.Window, now); opens > now {
			d.Until = opens
		}
		due = append(due, d)
	}
	return due
}
