package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"cofre/cluster/clustertest"
)

// TestPowerCutsWhileAStateArrives: a node that is far behind gets a state, is cut off from power at any write of that, to the store that
// is built aside, the record, the pointer or the log, and starts again: from the former state or the new one, and becomes equal to the others.
func TestPowerCutsWhileAStateArrives(t *testing.T) {
	three(t, clustertest.Options{Real: true, Snapshots: 40, Trailing: 10}, func(t *testing.T, c *clustertest.Cluster) {
		away := c.Follower().ID
		c.Crash(away)
		for i := range 150 {
			if _, err := c.Leader().Proposer.Propose(c.Context(30*time.Second), clustertest.NoteCommand(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(5 * time.Second) // a record, and the log is truncated
		leader := c.Leader()
		former := ""
		start := func(what string) {
			t.Helper()
			m := c.Restart(away)
			if former == "" {
				former = m.Replica.Directory()
			}
			c.Await(what+": it has the state", func() bool { return m.Replica.Applied() >= leader.Replica.Applied() })
			if m.Replica.Directory() == former {
				t.Fatalf("%s: no state was received", what)
			}
			_, theirs := trailOf(t, leader)
			if _, ours := trailOf(t, m); ours != theirs {
				t.Errorf("%s: its state is another one", what)
			}
			c.Stop(away)
		}
		cuts := c.PowerCuts(away, 1)
		start("without a cut")
		all := cuts()
		if len(all) < 20 {
			t.Fatalf("%d writes are too few", len(all))
		}
		step := max(1, len(all)/60)
		if testing.Short() {
			step = max(1, len(all)/12)
		}
		for i := 0; i < len(all); i += step {
			all[i]()
			start(fmt.Sprintf("a cut before write %d of %d", i, len(all)))
		}
	})
}
