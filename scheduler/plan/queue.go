package plan

import (
	"iter"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Queue remembers how far a leader has looked at the waiting operations. It holds none of them, and starts anew with each
// term.
type Queue struct{ prompt, patient string } // positions in the indexes; empty: at the front

// walk yields operations of an index that are due: the first, half of the limit, and then from where the last walk ended.
// So what waits longest is always seen, and what cannot start, as thousands that wait for one broken host, hides nothing
// for long.
func walk(r table.Reader, index string, at *string, now model.Time, limit int) iter.Seq[*model.Operation] {
	return func(yield func(*model.Operation) bool) {
		end, front := table.TimeKey(now+1), (limit+1)/2
		from := table.TimeKey(0)
		for half, most := range []int{front, limit - front} {
			seen, last := 0, (*model.Operation)(nil)
			for o := range state.Operations.Glance(r, index, from, end) {
				if seen == most {
					break
				}
				if seen++; !yield(o) {
					return
				}
				last = o
			}
			if last != nil {
				from = state.After(last)
			}
			switch {
			case seen < most:
				*at = "" // the end
				return
			case half == 1:
				*at = from
			default:
				from = max(from, *at)
			}
		}
	}
}
