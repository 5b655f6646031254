package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"cofre/cluster/clustertest"
)

// TestReceivedStateReplacesTheLog: a former leader has entries that were never committed, and receives a state because the others' logs begin
// later. Nothing stays of its log, which would go on behind a gap: while it leads, it would send those entries to who is as far behind as it
// was. It takes part, also after a power cut, and leads.
func TestReceivedStateReplacesTheLog(t *testing.T) {
	three(t, clustertest.Options{Snapshots: 20, Trailing: 5}, func(t *testing.T, c *clustertest.Cluster) {
		old := c.Leader()
		writeMany(t, c, old, 10)
		c.Isolate(old.ID)
		for range 3 { // what it appends before it steps down stays its own
			_, _ = clustertest.Write(c.Context(50*time.Millisecond), old.Proposer, "lost", "x")
		}
		writeMany(t, c, c.Leader(old.ID), 100)
		<-time.After(5 * time.Second) // a record, and the log is truncated
		_, _, builds := old.Machine.Seen()
		c.Rejoin(old.ID)
		c.Await("it has the state", func() bool { return old.Machine.Applied() >= c.Leader().Machine.Applied() })
		if _, _, now := old.Machine.Seen(); now == builds {
			t.Fatal("no state was received: the log was long enough")
		}
		writeMany(t, c, c.Leader(), 3)
		c.Await("it goes on", func() bool { return old.Machine.Applied() >= c.Leader().Machine.Applied() })
		whole(t, old.Log())
		if old.Machine.Get("lost") != "" {
			t.Error("it applied what was never committed")
		}
		c.Crash(old.ID)
		old = c.Restart(old.ID)
		c.Await("it takes part", func() bool { return old.Machine.Applied() >= c.Leader().Machine.Applied() })
		if err := c.Leader().Node.TransferLeader(c.Context(10*time.Second), old.ID); err != nil && c.Leader() != old {
			t.Fatal(err)
		}
		writeMany(t, c, c.Leader(), 3)
		whole(t, old.Log())
	})
}

// TestReceivedStateBeforeTheEndOfTheLog: what a former leader has that was never committed reaches behind the state that it receives. It takes
// the entries behind that state, and no second one; with none yet it waits for them.
func TestReceivedStateBeforeTheEndOfTheLog(t *testing.T) {
	for _, lost := range []int{50, 300} { // ending within what the others wrote since, and behind all of it
		t.Run(fmt.Sprint(lost), func(t *testing.T) { receivedBefore(t, lost) })
	}
}

func receivedBefore(t *testing.T, lost int) {
	three(t, clustertest.Options{Snapshots: 20, Trailing: 5}, func(t *testing.T, c *clustertest.Cluster) {
		old := c.Leader()
		writeMany(t, c, old, 10)
		c.Isolate(old.ID)
		for range lost {
			old.Node.Nudge() // an entry
		}
		writeMany(t, c, c.Leader(old.ID), 40)
		<-time.After(5 * time.Second) // a record, and the log is truncated
		_, _, builds := old.Machine.Seen()
		end, err := old.Log().LastIndex()
		if err != nil || end <= c.Leader(old.ID).Machine.Applied() {
			t.Fatalf("its log ends at %d: %v", end, err)
		}
		c.Rejoin(old.ID)
		c.Await("it has the state", func() bool { return old.Machine.Applied() >= c.Leader().Machine.Applied() })
		<-time.After(10 * time.Second)
		writeMany(t, c, c.Leader(), 3)
		c.Await("it goes on", func() bool { return old.Machine.Applied() >= c.Leader().Machine.Applied() })
		if _, _, now := old.Machine.Seen(); now != builds+1 {
			t.Errorf("it received the state %d times", now-builds)
		}
		whole(t, old.Log())
		if err := c.Leader().Node.TransferLeader(c.Context(10*time.Second), old.ID); err != nil && c.Leader() != old {
			t.Fatal(err)
		}
		writeMany(t, c, c.Leader(), 3)
	})
}

func writeMany(t *testing.T, c *clustertest.Cluster, m *clustertest.Member, n int) {
	t.Helper()
	for i := range n {
		if _, err := clustertest.Write(c.Context(30*time.Second), m.Proposer, fmt.Sprint(i), "x"); err != nil {
			t.Fatal(err)
		}
	}
}

// whole tells a gap.
func whole(t *testing.T, log raft.LogStore) {
	t.Helper()
	first, err := log.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	last, err := log.LastIndex()
	if err != nil {
		t.Fatal(err)
	}
	for i := first; i <= last; i++ {
		var l raft.Log
		if err := log.GetLog(i, &l); err != nil {
			t.Fatalf("the log has entries from %d to %d, and not %d: %v", first, last, i, err)
		}
	}
}
