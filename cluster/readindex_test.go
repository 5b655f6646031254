package cluster_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"cofre/cluster"
	"cofre/cluster/clustertest"
	"cofre/fsm/model"
)

// A read that begins after a write or a read ended sees at least as much, on whichever nodes they run.
func TestReadsAreLinearizable(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		var mu sync.Mutex
		var newest int // highest value known to be visible
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			defer stop()
			for i := 1; i <= 60; i++ {
				m := c.Members()[i%3]
				if i == 20 {
					_ = c.Leader().Node.TransferLeader(c.Context(5*time.Second), "")
				}
				if _, err := clustertest.Write(c.Context(30*time.Second), m.Proposer, "k", fmt.Sprint(i)); err != nil {
					t.Errorf("write %d: %v", i, err)
					return
				}
				mu.Lock()
				newest = max(newest, i)
				mu.Unlock()
			}
		})
		reads := 0
		for r := range 6 {
			wg.Go(func() {
				for ctx.Err() == nil {
					mu.Lock()
					floor := newest
					mu.Unlock()
					m := c.Members()[r%3]
					if _, err := m.Reader.ReadIndex(c.Context(10 * time.Second)); err != nil {
						t.Errorf("read: %v", err)
						return
					}
					var got int
					_, _ = fmt.Sscan(m.Machine.Get("k"), &got)
					mu.Lock()
					reads++
					if got < floor {
						t.Errorf("%s shows %d after %d was seen", m.ID, got, floor)
					}
					newest = max(newest, got)
					mu.Unlock()
					<-time.After(time.Millisecond)
				}
			})
		}
		wg.Wait()
		if reads < 60 {
			t.Errorf("only %d reads", reads)
		}
	})
}

// TestReadWaitsForWhatAFollowerShows: a leader commits an entry and is slow to apply it, so that a follower shows it first. Who has seen it there
// does not see less by a consistent read of the leader, which waits for it.
func TestReadWaitsForWhatAFollowerShows(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		leader, follower := c.Leader(), c.Follower()
		if _, err := clustertest.Write(c.Context(time.Minute), leader.Proposer, "k", "before"); err != nil {
			t.Fatal(err)
		}
		let := leader.Machine.Hold()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = clustertest.Write(c.Context(time.Minute), leader.Proposer, "k", "after") })
		c.Await("a follower shows it", func() bool { return follower.Machine.Get("k") == "after" })
		if _, err := leader.Reader.ReadIndex(c.Context(time.Second)); err == nil {
			t.Errorf("the leader reads %q after a follower showed %q", leader.Machine.Get("k"), "after")
		}
		let()
		if _, err := leader.Reader.ReadIndex(c.Context(time.Minute)); err != nil || leader.Machine.Get("k") != "after" {
			t.Errorf("%v, it reads %q", err, leader.Machine.Get("k"))
		}
		wg.Wait()
	})
}

func TestDeposedLeaderConfirmsNoRead(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		old := c.Leader()
		c.Isolate(old.ID)
		if _, err := old.Reader.ReadIndex(c.Context(3 * time.Second)); !model.Is(err, model.Unavailable) {
			t.Errorf("an isolated leader answered: %v", err)
		}
		now := c.Leader(old.ID)
		if _, err := now.Reader.ReadIndex(c.Context(3 * time.Second)); err != nil {
			t.Errorf("its successor: %v", err)
		}
	})
}

// TestReadGivesUpWithoutAMajority: a node that lost the others refuses who asks now, so who asked before does not wait longer than they.
func TestReadGivesUpWithoutAMajority(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		for _, left := range []*clustertest.Member{c.Follower(), c.Leader()} {
			c.Await("it serves", left.Reader.Fresh)
			c.Isolate(left.ID)
			began := time.Now()
			if _, err := left.Reader.ReadIndex(c.Context(time.Minute)); !model.Is(err, model.Unavailable) {
				t.Errorf("%s alone: %v", left.ID, err)
			}
			if took := time.Since(began); took > 2*cluster.FreshFor {
				t.Errorf("%s alone answered after %s", left.ID, took)
			}
			c.Rejoin(left.ID)
			c.Await("it serves again", left.Reader.Fresh)
			if _, err := left.Reader.ReadIndex(c.Context(time.Minute)); err != nil {
				t.Errorf("%s is back: %v", left.ID, err)
			}
			c.Leader()
		}
	})
}

func TestFreshness(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		c.Await("all fresh", func() bool {
			for _, m := range c.Members() {
				if !m.Reader.Fresh() {
					return false
				}
			}
			return true
		})
		for _, m := range []*clustertest.Member{c.Follower(), c.Leader()} {
			c.Isolate(m.ID)
			<-time.After(4 * time.Second)
			if !m.Reader.Fresh() {
				t.Errorf("%s is stale after 4 s", m.ID)
			}
			<-time.After(time.Second)
			if m.Reader.Fresh() {
				t.Errorf("%s is fresh after 5 s alone", m.ID)
			}
			c.Rejoin(m.ID)
			c.Await("fresh again", m.Reader.Fresh)
			c.Leader()
		}
		// A restarted node serves nothing before its first consistent read.
		m := c.Follower()
		c.Crash(m.ID)
		c.Isolate(m.ID)
		if c.Restart(m.ID).Reader.Fresh() {
			t.Error("a restarted node serves at once")
		}
	})
}

// TestHearingTheLeaderIsNotEnough: a node that was started anew hears its leader at once, and serves when it has caught up.
func TestHearingTheLeaderIsNotEnough(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		m := c.Follower()
		c.Crash(m.ID)
		if _, err := clustertest.Write(c.Context(time.Minute), c.Leader(m.ID).Proposer, "k", "meanwhile"); err != nil {
			t.Fatal(err)
		}
		m = c.Restart(m.ID)
		let := m.Machine.Hold()
		<-time.After(2 * time.Second)
		if since := time.Since(m.Node.LastContact()); since > time.Second || m.Reader.Fresh() {
			t.Errorf("it heard the leader %s ago; serves: %t", since, m.Reader.Fresh())
		}
		let()
		c.Await("it has caught up", m.Reader.Fresh)
		if m.Machine.Get("k") != "meanwhile" {
			t.Error("it serves what it knew before")
		}
	})
}

// A lone client of a follower does not wait for raft's commit timeout, neither for a write nor for a consistent read.
func TestFollowersHearOfCommitsAtOnce(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		leader, follower := c.Leader(), c.Follower()
		const soon = 15 * time.Millisecond // a few messages of a millisecond
		for i := range 20 {
			<-time.After(time.Second)
			start := time.Now()
			if _, err := clustertest.Write(c.Context(time.Minute), follower.Proposer, "k", fmt.Sprint(i)); err != nil || time.Since(start) > soon {
				t.Errorf("a write took %s (%v)", time.Since(start), err)
			}
			if _, err := clustertest.Write(c.Context(time.Minute), leader.Proposer, "k", "leader"); err != nil {
				t.Fatal(err)
			}
			start = time.Now()
			if _, err := follower.Reader.ReadIndex(c.Context(time.Minute)); err != nil || time.Since(start) > soon {
				t.Errorf("a read took %s (%v)", time.Since(start), err)
			}
		}
	})
}
