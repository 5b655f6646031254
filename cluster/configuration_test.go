package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"cofre/cluster/clustertest"
)

// TestStreamCarriesTheConfiguration: the members changed after the newest record of a snapshot, and a node that is far behind gets
// the state of later: it knows them, also after a power cut, although it never sees the entry that changed them (RULES 2: raft
// stores no configuration by itself).
func TestStreamCarriesTheConfiguration(t *testing.T) {
	three(t, clustertest.Options{Real: true, Snapshots: 50, Trailing: 5}, func(t *testing.T, c *clustertest.Cluster) {
		away := c.Follower().ID
		c.Crash(away)
		write := func(n int) {
			t.Helper()
			for i := range n {
				if _, err := c.Leader().Proposer.Propose(c.Context(30*time.Second), clustertest.NoteCommand(fmt.Sprint(i))); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(120)
		<-time.After(5 * time.Second) // a record, and the log is truncated
		leader := c.Leader()
		if err := leader.Node.AddNonvoter(c.Context(10*time.Second), "later", "later"); err != nil {
			t.Fatal(err)
		}
		write(3)
		before := leader.Replica.Directory()
		m := c.Restart(away)
		c.Await("it has the state", func() bool { return m.Replica.Applied() >= leader.Replica.Applied() })
		if m.Replica.Directory() == before {
			t.Fatal("no state was received: the log was long enough")
		}
		if !m.Node.Has("later") {
			t.Error("who received the state does not know the newest member")
		}
		c.Crash(away)
		if m = c.Restart(away); !m.Node.Has("later") {
			t.Error("after a power cut it does not know the newest member")
		}
	})
}
