package membership

import (
	"maps"
	"testing"
	"time"

	"cofre/cluster"
	"cofre/cluster/raftnode"
	"cofre/fsm/model"
)

// TestTrack: a newcomer votes when it was caught up for a while. One that falls back, or does not answer, begins anew.
func TestTrack(t *testing.T) {
	t.Parallel()
	now := time.Now()
	of := func(lag uint64) cluster.MemberStatus {
		return cluster.MemberStatus{Member: raftnode.Member{ID: "b"}, Status: &cluster.Status{}, Lag: lag}
	}
	silent := of(0)
	silent.Status = nil
	caughtUp := map[model.NodeID]time.Time{}
	for i, step := range []struct {
		member cluster.MemberStatus
		since  int // step from which on it counts; -1: not
	}{
		{of(maxLag + 1), -1}, {of(maxLag), 1}, {of(0), 1}, {silent, -1}, {of(0), 4}, {of(maxLag + 1), -1}, {of(3), 6}, {of(4), 6},
	} {
		track(caughtUp, []cluster.MemberStatus{step.member}, now.Add(time.Duration(i)*time.Second))
		want := map[model.NodeID]time.Time{}
		if step.since >= 0 {
			want["b"] = now.Add(time.Duration(step.since) * time.Second)
		}
		if !maps.Equal(caughtUp, want) {
			t.Errorf("step %d: %v", i, caughtUp)
		}
	}
}
