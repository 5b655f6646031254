package plan_test

import (
	"testing"
	"time"

	"cofre/scheduler/plan"
)

// The share of background work begins at a twentieth when requests begin to come, grows while it is used and they do not wait, falls
// while they wait longer than at best, and is whole when few come.
func TestYield(t *testing.T) {
	t.Parallel()
	var y plan.Yield
	var mono, waited time.Duration
	asks := 0
	// pass lets a time go by with so many requests a second that wait so long each, and gives the share then.
	pass := func(span time.Duration, rate int, wait time.Duration, used bool) (share int) {
		const look = 50 * time.Millisecond
		for end := mono + span; mono < end; mono += look {
			share = y.Share(mono, asks, waited, used)
			n := rate * int(look) / int(time.Second)
			asks, waited = asks+n, waited+time.Duration(n)*wait
		}
		return share
	}
	for _, c := range []struct {
		what          string
		span          time.Duration
		rate          int
		wait          time.Duration
		used          bool
		least, atMost int
	}{
		{"nobody asks", 10 * time.Second, 0, 0, true, 100, 100},
		{"the first requests show what is usual", 300 * time.Millisecond, 100, 4 * time.Millisecond, true, 5, 5},
		{"nothing falls due", 10 * time.Second, 100, 4 * time.Millisecond, false, 5, 5},
		{"they wait no longer with more work", 10 * time.Second, 100, 5 * time.Millisecond, true, 95, 100},
		{"they wait twice as long", 300 * time.Millisecond, 100, 8 * time.Millisecond, true, 47, 50},
		{"they wait six times as long", 300 * time.Millisecond, 100, 24 * time.Millisecond, true, 5, 5},
		{"for long", time.Minute, 100, 16 * time.Millisecond, true, 5, 5},
		{"and for so long that it might become usual", 5 * time.Minute, 100, 16 * time.Millisecond, true, 5, 5},
		{"it is over", 10 * time.Second, 100, 4 * time.Millisecond, true, 95, 100},
		{"again", time.Minute, 100, 16 * time.Millisecond, true, 5, 5},
		{"they stop asking", 5 * time.Second, 0, 0, true, 100, 100},
		{"they begin again", 300 * time.Millisecond, 100, 4 * time.Millisecond, true, 5, 5},
	} {
		if got := pass(c.span, c.rate, c.wait, c.used); got < c.least || got > c.atMost {
			t.Errorf("%s: %d %%, want %d to %d", c.what, got, c.least, c.atMost)
		}
	}
}
