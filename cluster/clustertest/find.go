package clustertest

import (
	"time"

	"cofre/fsm/model"
)

// Isolate cuts a member off from all others, both ways; Rejoin heals it.
func (c *Cluster) Isolate(id model.NodeID) { c.each(id, c.Network.Cut) }

// Rejoin heals a member's network.
func (c *Cluster) Rejoin(id model.NodeID) { c.each(id, c.Network.Heal) }

func (c *Cluster) each(id model.NodeID, do func(from, to model.NodeID)) {
	for _, o := range c.others(id) {
		do(id, o)
		do(o, id)
	}
}

// Await waits for a condition, a minute at most.
func (c *Cluster) Await(what string, ok func() bool) {
	c.t.Helper()
	for range 6000 {
		if ok() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	c.t.Fatalf("waited in vain: %s", what)
}

// Leader waits until exactly one running member leads and finds it; besides the members given.
func (c *Cluster) Leader(besides ...model.NodeID) *Member {
	c.t.Helper()
	var leader *Member
	c.Await("a leader", func() bool {
		n := 0
		for _, m := range c.Members() {
			skip := false
			for _, b := range besides {
				skip = skip || b == m.ID
			}
			if now, _ := m.Node.Leadership(); now.Leading && !skip {
				n, leader = n+1, m
			}
		}
		return n == 1
	})
	return leader
}

// Follower finds a running member that does not lead.
func (c *Cluster) Follower() *Member {
	leader := c.Leader()
	for _, m := range c.Members() {
		if m != leader {
			return m
		}
	}
	c.t.Fatal("no follower")
	return nil
}
