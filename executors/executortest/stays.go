package executortest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"cofre/executors"
)

// stays changes accounts one after the other as a manager whose session stays: the next attempt goes on in it, in whatever state the
// connection is by then; nobody gets it with another secret or for another target.
func (k Kit) stays(t *testing.T) {
	t.Parallel()
	if !k.Stays {
		return
	}
	w := k.burst(t)
	before := w.writes()
	if a := k.next(t, "the next one", w); a.outcome != executors.Applied || w.dials() != 1 {
		t.Errorf("the next one: %s, %v, %d dials instead of the one of the first", a.outcome, a.err, w.dials())
	}
	writes := w.writes() - before

	w.kill()
	if a := k.next(t, "after the target hung up", w); a.outcome != executors.Applied || w.dials() != 2 {
		t.Errorf("after the target hung up: %s, %v, %d dials", a.outcome, a.err, w.dials())
	}

	other := k
	other.Manager = &Account{k.Manager.Name, "Wrong-pass-1"}
	if a := other.next(t, "with a wrong secret", w); a.outcome != executors.NotStarted || ClassOf(a.err) != executors.ClassAuth {
		t.Errorf("with a wrong secret somebody got the session: %s, %v", a.outcome, a.err)
	}
	dials := w.dials()
	other = k
	other.Target.InsecureTLS = !other.Target.InsecureTLS
	if a := other.next(t, "with other settings", w); w.dials() != dials+1 {
		t.Errorf("a device with other settings got the session: %s, %v", a.outcome, a.err)
	}

	var wg sync.WaitGroup
	gate := make(chan struct{}, 4)
	for n := 1; n <= writes; n++ {
		for _, mode := range []cutMode{cutBefore, cutAfter, cutAnswer, cutDeaf} {
			wg.Go(func() {
				gate <- struct{}{}
				defer func() { <-gate }()
				w := k.burst(t)
				w.fault(mode, n)
				k.next(t, fmt.Sprintf("cut %s write %d of %d in a session that stayed", mode, n, writes), w)
			})
		}
	}
	wg.Wait()
	t.Logf("%d writes in a session that stayed, cut four times each", writes)
}

// burst makes a first change, after which the session stays.
func (k Kit) burst(t testing.TB) *wire {
	w := &wire{sessions: executors.NewSessions(time.Minute)}
	t.Cleanup(w.sessions.Close)
	if a := k.next(t, "the first of a burst", w); a.outcome != executors.Applied || w.dials() != 1 {
		t.Errorf("the first of a burst: %s, %v, %d dials", a.outcome, a.err, w.dials())
	}
	return w
}

// next changes an account of its own, and asks the target what is in force.
func (k Kit) next(t testing.TB, name string, w *wire) attempt {
	acc, fresh := k.Account(t), Fresh()
	a := k.change(t.Context(), t, acc, fresh, w, nil)
	k.inForce(t, name, a, acc, fresh)
	return a
}
