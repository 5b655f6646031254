package trigger

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Held finds what nobody asked for and what waits while changes are frozen or stopped, or outside of the execution hours: it is
// put off, so that the scheduler does not look at it in every round.
func Held(r table.Reader, now model.Time, limit int) []Due {
	a := state.Automation(r)
	until := Closed(&a, now)
	if a.Stopped == 0 && a.FrozenUntil(now) == 0 && until == 0 {
		return nil
	}
	indexes := []string{"patient"} // the others, thousands perhaps, are held back after a restore only
	if a.Restored != 0 {
		indexes = append(indexes, "prompt")
	}
	var due []Due
	for _, index := range indexes {
		for o := range state.Operations.Glance(r, index, table.TimeKey(0), table.TimeKey(now+1)) {
			if len(due) == limit {
				return due
			}
			if a.Holds(o, until != 0) {
				due = append(due, Due{Hold: o.ID, Until: until})
			}
		}
	}
	return due
}

// Freed finds what was put off and is held back by nothing any more: a freeze or a stop ended before anybody knew that it would, or the
// execution hours changed. While they hold something back what they hold is not searched.
func Freed(r table.Reader, now model.Time, limit int) []Due {
	a := state.Automation(r)
	if a.Restored != 0 || Closed(&a, now) != 0 {
		return nil
	}
	var due []Due
	for _, automatic := range []bool{true, false} {
		if automatic && (a.Stopped != 0 || a.FrozenUntil(now) != 0) {
			continue
		}
		for o := range state.Operations.Range(r, "held", state.HeldKey(automatic, now+1), state.HeldKey(automatic, 1<<62)) {
			if len(due) == limit {
				break
			}
			due = append(due, Due{Free: o.ID})
		}
	}
	return due
}
