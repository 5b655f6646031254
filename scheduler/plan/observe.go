package plan

import (
	"time"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Pause is the least time between two rounds: the changes that a round itself makes arrive together, and a round of which
// nothing was taken is not followed at once by the same one. futile counts such rounds without a break.
func Pause(futile int) time.Duration {
	const least, most = 5 * time.Millisecond, 500 * time.Millisecond
	return min(most, least<<min(futile, 10))
}

// Observed is what a leader itself saw of leases in its term: when the end of each last moved. It starts empty with the
// term, so that a new leader waits in full before it takes a lease back.
type Observed map[model.Pos]Sighting

// Sighting is the end of a lease and when, on the leader's monotonic clock, it was first seen so.
type Sighting struct {
	Until model.Time
	At    time.Duration
}

// Overdue notes the leases of a view and lists those to be taken back. now is the leader's clock, mono its monotonic one.
func (s Observed) Overdue(r table.Reader, now model.Time, mono time.Duration) []Held {
	timing := state.SystemRow(r).Leases
	live := map[model.Pos]bool{}
	var out []Held
	for _, h := range Leases(r) {
		live[h.Lease.Token] = true
		seen, ok := s[h.Lease.Token]
		if !ok || seen.Until != h.Lease.Until {
			s[h.Lease.Token] = Sighting{h.Lease.Until, mono}
			continue
		}
		if Overdue(h.Lease, timing, now, mono-seen.At) {
			out = append(out, h)
		}
	}
	for t := range s {
		if !live[t] {
			delete(s, t)
		}
	}
	return out
}
