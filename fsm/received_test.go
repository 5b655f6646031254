package fsm_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
)

// TestAnswersOfAReceivedState: a state brings the answers along that were given in it. A command that comes again after that gets the one it
// got there, also where this node had answered others before, and both states go on alike: also in what they forget, and when.
func TestAnswersOfAReceivedState(t *testing.T) {
	t.Parallel()
	leader, follower := start(t), start(t)
	follower.id = 1000
	old := follower.envelope("test.add", t0, struct{}{})
	follower.entry(t0, old)
	leader.one(t0, "test.add", struct{}{})
	first := leader.envelope("test.add", t0.Add(time.Second), struct{}{})
	answer := leader.entry(t0.Add(time.Second), first)
	if err := follower.Restore(io.NopCloser(bytes.NewReader(streamOf(t, leader.FSM)))); err != nil {
		t.Fatal(err)
	}
	follower.index, follower.id = leader.index, leader.id
	both := func(at model.Time) {
		t.Helper()
		next := leader.envelope("test.add", at, struct{}{})
		follower.id = leader.id
		a, b := leader.entry(at, first, old, next), follower.entry(at, first, old, next)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("the answers differ at %s:\n%s", at, diff)
		}
		if kind(a[0]) == "ok" && cmp.Diff(answer[0], a[0]) != "" {
			t.Errorf("asked again it is another answer: %v, not %v", a[0], answer[0])
		}
		if diff := cmp.Diff(fsmtest.Dump(leader.FSM), fsmtest.Dump(follower.FSM)); diff != "" {
			t.Errorf("the states differ at %s:\n%s", at, diff)
		}
	}
	for _, later := range []time.Duration{2 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute} {
		both(t0.Add(later))
	}
}
