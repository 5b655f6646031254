package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cofre/cluster/clustertest"
	"cofre/fsm/model"
)

// three runs a test with three members in virtual time.
func three(t *testing.T, o clustertest.Options, test func(t *testing.T, c *clustertest.Cluster)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, o, "a", "b", "c")
		defer c.Close()
		test(t, c)
	})
}

func TestProposalsFromEveryNode(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		for _, m := range c.Members() {
			r, err := clustertest.Write(c.Context(time.Minute), m.Proposer, "k", string(m.ID))
			if err != nil || r.Err != nil {
				t.Fatalf("%s: %v %v", m.ID, err, r.Err)
			}
			if got := m.Machine.Get("k"); got != string(m.ID) {
				t.Errorf("%s returned before it had applied: %q", m.ID, got)
			}
		}
	})
}

func TestWaitingCommandsShareEntries(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		const n = 200
		follower, leader := c.Follower(), c.Leader()
		before, _, _ := leader.Machine.Seen()
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				m := []*clustertest.Member{leader, follower}[i%2]
				if _, err := clustertest.Write(c.Context(time.Minute), m.Proposer, fmt.Sprint(i), "x"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		entries, repeats, _ := leader.Machine.Seen()
		if leader.Machine.Count() != n || repeats != 0 {
			t.Errorf("%d applied, %d repeated", leader.Machine.Count(), repeats)
		}
		if entries-before > n/4 {
			t.Errorf("%d commands took %d entries", n, entries-before)
		}
	})
}

// Whatever happens to leaders, every command that was acknowledged is applied exactly once.
func TestRetriesAreAppliedOnce(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		const writers, each = 8, 25
		stop := make(chan struct{})
		var chaos sync.WaitGroup
		chaos.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(700 * time.Millisecond):
				}
				victim := c.Members()[i%3].ID
				switch {
				case i%2 == 0:
					c.Isolate(victim)
				default: // it hears the others, they do not hear it
					for _, o := range c.Members() {
						c.Network.Cut(victim, o.ID)
					}
				}
				<-time.After(1500 * time.Millisecond)
				c.Rejoin(victim)
			}
		})
		var wg sync.WaitGroup
		var mu sync.Mutex
		done, unsure := 0, 0
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					m := c.Members()[(w+i)%3]
					_, err := clustertest.Write(c.Context(30*time.Second), m.Proposer, fmt.Sprintf("%d/%d", w, i), "x")
					mu.Lock()
					switch {
					case err == nil:
						done++
					case model.Is(err, model.Uncertain):
						unsure++
					case !model.Is(err, model.Unavailable):
						t.Errorf("writer %d: %v", w, err)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		close(stop)
		chaos.Wait()
		c.Await("all members equal", func() bool {
			a := c.Member("a").Machine.Count()
			return a == c.Member("b").Machine.Count() && a == c.Member("c").Machine.Count() && a >= uint64(done)
		})
		got := int(c.Member("a").Machine.Count())
		if got < done || got > done+unsure {
			t.Errorf("%d acknowledged, %d uncertain, %d applied", done, unsure, got)
		}
		if done < writers*each/2 {
			t.Errorf("only %d of %d proposals succeeded", done, writers*each)
		}
	})
}

// An entry is committed although its leader never learns it: the retry gets the remembered answer.
func TestRetryOfACommittedEntry(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		leader := c.Leader()
		for _, m := range c.Members() {
			c.Network.Cut(m.ID, leader.ID) // the leader is heard and hears nothing
		}
		done := make(chan error)
		go func() {
			_, err := clustertest.Write(c.Context(20*time.Second), leader.Proposer, "k", "x")
			done <- err
		}()
		successor := c.Leader(leader.ID)
		c.Await("the successor committed the entry", func() bool { return successor.Machine.Get("k") == "x" })
		c.Rejoin(leader.ID)
		if err := <-done; err != nil {
			t.Errorf("the proposer gave up: %v", err)
		}
		if _, repeats, _ := successor.Machine.Seen(); repeats != 1 || successor.Machine.Count() != 1 {
			t.Errorf("%d repeats, applied %d times", repeats, successor.Machine.Count())
		}
	})
}

func TestErrorsTellWhetherItMayHaveHappened(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		c.Leader()
		follower := c.Follower()
		c.Isolate(follower.ID)
		c.Await("the follower misses its leader", func() bool { return follower.Node.Leader() == "" })
		if _, err := clustertest.Write(c.Context(2*time.Second), follower.Proposer, "k", "x"); !model.Is(err, model.Unavailable) {
			t.Errorf("nothing was sent: %v", err)
		}
		c.Rejoin(follower.ID)
		// The leader loses everybody: its entry is in its log and may be committed later.
		leader := c.Leader()
		done := make(chan error)
		c.Isolate(leader.ID)
		go func() {
			_, err := clustertest.Write(c.Context(2*time.Second), leader.Proposer, "k", "y")
			done <- err
		}()
		if err := <-done; !model.Is(err, model.Uncertain) {
			t.Errorf("an entry without a majority: %v", err)
		}
	})
}

func TestCommandsThatCannotBeAdmitted(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		for _, m := range []*clustertest.Member{c.Leader(), c.Follower()} {
			e := clustertest.SetCommand("k", "v")
			e.Kind = "no.such"
			if _, err := m.Proposer.Propose(c.Context(time.Minute), e); !model.Is(err, model.Invalid) {
				t.Errorf("%s: %v", m.ID, err)
			}
		}
	})
}

func TestTermBoundNeverForwards(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		leader, follower := c.Leader(), c.Follower()
		now, _ := leader.Node.Leadership()
		if _, err := clustertest.Write(c.Context(time.Minute), leader.Proposer.TermBound(now.Term), "k", "v"); err != nil {
			t.Errorf("in its term: %v", err)
		}
		if _, err := clustertest.Write(c.Context(time.Minute), leader.Proposer.TermBound(now.Term-1), "k", "v"); !model.Is(err, model.Fenced) {
			t.Errorf("in an older term: %v", err)
		}
		if _, err := clustertest.Write(c.Context(time.Minute), follower.Proposer.TermBound(now.Term), "k", "v"); !model.Is(err, model.Fenced) {
			t.Errorf("on a follower: %v", err)
		}
	})
}

func TestRestartKeepsEverything(t *testing.T) {
	three(t, clustertest.Options{Snapshots: 20, Trailing: 5}, func(t *testing.T, c *clustertest.Cluster) {
		write := func(n int) {
			for i := range n {
				if _, err := clustertest.Write(c.Context(30*time.Second), c.Members()[i%3].Proposer, fmt.Sprint(i), "x"); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(50)
		<-time.After(5 * time.Second) // snapshots truncate the logs
		write(7)                      // rows that no snapshot made durable
		for _, id := range []model.NodeID{"a", "b", "c"} {
			c.Crash(id)
		}
		for _, id := range []model.NodeID{"a", "b", "c"} {
			c.Restart(id)
		}
		c.Leader()
		write(1)
		for _, m := range c.Members() {
			c.Await("every command", func() bool { return m.Machine.Count() == 58 })
			entries, _, builds := m.Machine.Seen()
			if entries >= 50 || builds != 0 {
				t.Errorf("%s replayed %d entries and built %d states", m.ID, entries, builds)
			}
		}
	})
}

func TestFarBehindFollowerGetsAState(t *testing.T) {
	three(t, clustertest.Options{Snapshots: 20, Trailing: 5}, func(t *testing.T, c *clustertest.Cluster) {
		m := c.Follower()
		c.Crash(m.ID)
		for i := range 100 {
			if _, err := clustertest.Write(c.Context(30*time.Second), c.Leader().Proposer, fmt.Sprint(i), "x"); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(5 * time.Second)
		m = c.Restart(m.ID)
		c.Await("caught up", func() bool { return m.Machine.Count() == 100 })
		if entries, _, builds := m.Machine.Seen(); builds != 1 || entries >= 100 {
			t.Errorf("%d states built, %d entries replayed", builds, entries)
		}
		// It lives on: more entries, a crash, and a vote.
		if _, err := clustertest.Write(c.Context(30*time.Second), m.Proposer, "k", "after"); err != nil {
			t.Fatal(err)
		}
		c.Crash(m.ID)
		m = c.Restart(m.ID)
		c.Await("after the crash", func() bool { return m.Machine.Get("k") == "after" && m.Machine.Count() == 101 })
	})
}

func TestSealedLeaderHandsOver(t *testing.T) {
	var mu sync.Mutex
	sealed := map[model.NodeID]bool{}
	seal := func(ids ...model.NodeID) {
		mu.Lock()
		defer mu.Unlock()
		clear(sealed)
		for _, id := range ids {
			sealed[id] = true
		}
	}
	isSealed := func(id model.NodeID) bool { mu.Lock(); defer mu.Unlock(); return sealed[id] }
	three(t, clustertest.Options{Sealed: isSealed}, func(t *testing.T, c *clustertest.Cluster) {
		leader, open := c.Leader(), c.Follower()
		var ids []model.NodeID
		for _, m := range c.Members() {
			if m != open {
				ids = append(ids, m.ID)
			}
		}
		seal(ids...)
		c.Await("the unsealed node leads", func() bool { now, _ := open.Node.Leadership(); return now.Leading })
		seal("a", "b", "c")
		before, _ := open.Node.Leadership()
		<-time.After(10 * time.Second)
		if now, _ := open.Node.Leadership(); now != before {
			t.Errorf("with all sealed leadership moved: %v", now)
		}
		if _, err := clustertest.Write(c.Context(time.Minute), leader.Proposer, "k", "v"); err != nil {
			t.Errorf("a sealed cluster replicates: %v", err)
		}
	})
}

func TestClockOfALeader(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		leader := c.Leader()
		wrong := func(m *clustertest.Member, ahead time.Duration) { // as if this node's clock were ahead of the others'
			for _, o := range c.Members() {
				if o != m {
					now := time.Now()
					m.Clock.Observe(o.ID, model.TimeOf(now.Add(-ahead)), now, now)
				}
			}
		}
		for _, ahead := range []time.Duration{80 * 365 * 24 * time.Hour, -24 * time.Hour} {
			wrong(leader, ahead)
			if !leader.Clock.Disagrees() {
				t.Errorf("%s off is not noticed", ahead)
			}
		}
		if _, err := clustertest.Write(c.Context(20*time.Second), leader.Proposer, "k", "v"); err != nil {
			t.Errorf("the successor did not take the command: %v", err)
		}
		if now, _ := leader.Node.Leadership(); now.Leading {
			t.Error("a node with a wrong clock still leads")
		}
	})
}

func TestCallersDeadline(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		for _, m := range c.Members() {
			c.Isolate(m.ID)
		}
		start := time.Now()
		_, err := clustertest.Write(context.Background(), c.Members()[0].Proposer, "k", "v")
		if took := time.Since(start); err == nil || took > 11*time.Second || errors.Is(err, context.Canceled) {
			t.Errorf("without a deadline: %v after %s", err, took)
		}
	})
}
