package plan_test

import (
	"testing"
	"time"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
)

func TestOverdue(t *testing.T) {
	t.Parallel()
	l := model.Lease{Until: now}
	lt := model.DefaultLeases // TTL 60 s, grace 30 s
	for _, c := range []struct {
		at     model.Time
		silent time.Duration
		want   bool
	}{
		{now.Add(30 * time.Second), 90 * time.Second, true},
		{now.Add(30*time.Second) - 1, 90 * time.Second, false},
		{now.Add(30 * time.Second), 90*time.Second - 1, false},
		{now.Add(80 * 365 * 24 * time.Hour), time.Second, false}, // a clock that leapt takes no lease away
		{now.Add(-24 * time.Hour), time.Hour, false},
	} {
		if got := plan.Overdue(l, lt, c.at, c.silent); got != c.want {
			t.Errorf("at %s, silent %v: %v", c.at, c.silent, got)
		}
	}
}

// TestObserved: a leader takes a lease back only after it has itself seen no renewal for TTL and grace.
func TestObserved(t *testing.T) {
	t.Parallel()
	held := func(until model.Time) *table.View {
		return view(t, func(tx *table.Tx) {
			state.System.Put(tx, &model.System{Level: 1, Leases: model.DemoLeases}) // 6 s and 3 s
			waits(tx, "a", 1, func(o *model.Operation, _ *model.Credential) {
				o.State, o.Lease = model.OpRunning, &model.Lease{Node: "gone", Token: 7, Until: until}
			})
		})
	}
	first, renewed, seen := held(now), held(now+5), plan.Observed{}
	late := now.Add(time.Hour)
	for i, step := range []struct {
		v    *table.View
		mono time.Duration
		want int
	}{
		{first, 0, 0}, {first, 9*time.Second - 1, 0}, {first, 9 * time.Second, 1},
		{renewed, 10 * time.Second, 0}, {renewed, 18 * time.Second, 0}, {renewed, 19 * time.Second, 1},
	} {
		if got := seen.Overdue(step.v, late, step.mono); len(got) != step.want {
			t.Errorf("step %d: %v, want %d", i, got, step.want)
		}
	}
	if seen.Overdue(view(t, func(*table.Tx) {}), late, time.Minute); len(seen) != 0 {
		t.Errorf("leases that are gone are remembered: %v", seen)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{0: 5 * time.Millisecond, 1: 10 * time.Millisecond, 7: 500 * time.Millisecond, 1 << 20: 500 * time.Millisecond} {
		if got := plan.Pause(n); got != want {
			t.Errorf("after %d futile rounds: %v, want %v", n, got, want)
		}
	}
}
