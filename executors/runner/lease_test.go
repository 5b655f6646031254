package runner

import (
	"testing"
	"testing/synctest"
	"time"

	"cofre/fsm/model"
)

// TestLeaseEndsWithItsTrust: an attempt is stopped when its lease can be trusted no longer, counted from when the last accepted renewal was
// sent, also if no step asks; and what was lost is not won back by a late answer. In the bubble timers run, and the clock of the boot, by
// which steps are checked, stands still.
func TestLeaseEndsWithItsTrust(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const window = 50 * time.Second
		l := newLease(t.Context(), 1, "o1", model.Leases{TTL: 60_000, Margin: 10_000})
		defer l.end()
		if l.check("") == nil {
			t.Error("it is trusted before begin was accepted")
		}
		sent := bootClock()
		l.trust(sent)
		time.Sleep(window - time.Second)
		l.trust(sent + 20*time.Second) // what is taken for now stands still: this one came 20 seconds later
		time.Sleep(20 * time.Second)
		if l.ctx.Err() != nil || l.check("") != nil {
			t.Error("a renewal did not extend it")
		}
		time.Sleep(window)
		if l.ctx.Err() == nil || l.check("") == nil {
			t.Error("nothing ended the work when the trust did")
		}
		l.trust(bootClock())
		if l.check("") == nil {
			t.Error("what was lost is trusted again")
		}

		late := newLease(t.Context(), 2, "o2", model.Leases{TTL: 60_000, Margin: 10_000})
		defer late.end()
		late.trust(bootClock() - window) // the machine slept while the answer was on its way
		if late.check("") == nil {
			t.Error("a step may begin after the time that is counted from the sending")
		}
		synctest.Wait()
		if late.ctx.Err() == nil {
			t.Error("the work goes on after it")
		}
	})
}
