package cluster_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/cluster/clustertest"
	"cofre/fsm/model"
)

// TestFullDiskOfALeader: a leader whose disk is nearly full hands over and a command goes through with its successor; where all are
// nearly full nothing is committed, and who asks is told why; with space again they go on (RULES 4).
func TestFullDiskOfALeader(t *testing.T) {
	var mu sync.Mutex
	low := map[model.NodeID]bool{}
	fill := func(full bool, ids ...model.NodeID) {
		mu.Lock()
		defer mu.Unlock()
		for _, id := range ids {
			low[id] = full
		}
	}
	isLow := func(id model.NodeID) bool { mu.Lock(); defer mu.Unlock(); return low[id] }
	three(t, clustertest.Options{DiskLow: isLow}, func(t *testing.T, c *clustertest.Cluster) {
		leader := c.Leader()
		fill(true, leader.ID)
		if _, err := clustertest.Write(c.Context(20*time.Second), leader.Proposer, "k", "one"); err != nil {
			t.Errorf("the successor did not take the command: %v", err)
		}
		if now, _ := leader.Node.Leadership(); now.Leading {
			t.Error("a node with a full disk still leads")
		}
		c.Await("the command is there", func() bool { return leader.Machine.Get("k") == "one" })
		fill(true, "a", "b", "c")
		_, err := clustertest.Write(c.Context(5*time.Second), leader.Proposer, "k", "two")
		for _, m := range c.Members() {
			if m.Machine.Get("k") != "one" {
				t.Errorf("%s: committed although every disk is nearly full", m.ID)
			}
		}
		if err == nil || !strings.Contains(err.Error(), "disk is nearly full") {
			t.Errorf("nobody says why: %v", err)
		}
		fill(false, "a", "b", "c")
		if _, err := clustertest.Write(c.Context(20*time.Second), leader.Proposer, "k", "three"); err != nil {
			t.Errorf("with space again: %v", err)
		}
	})
}
