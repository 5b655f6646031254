package cluster_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"cofre/cluster/clustertest"
	"cofre/fsm/audit"
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// trailOf reads the events of a replica and checks their chain.
func trailOf(t *testing.T, m *clustertest.Member) (sources map[string]int, hash table.Hash) {
	t.Helper()
	v := m.Replica.View()
	defer v.Close()
	sources = map[string]int{}
	var head audit.Head
	for e := range table.Audit.All(v, "") {
		want := *e
		head.Append(&want)
		if e.Seq != want.Seq || string(e.Hash) != string(want.Hash) {
			t.Fatalf("%s: the chain breaks at event %d", m.ID, e.Seq)
		}
		sources[e.Field("sources")]++
	}
	if v.StateHash() != v.Scrub() {
		t.Errorf("%s: the rows do not have the hash that was kept", m.ID)
	}
	return sources, v.StateHash()
}

// The real state machine through crashes, a state transfer and partitions: every acknowledged command is one event, the
// chain has no holes, and all replicas are equal.
func TestRealStateMachine(t *testing.T) {
	three(t, clustertest.Options{Real: true, Snapshots: 40, Trailing: 10}, func(t *testing.T, c *clustertest.Cluster) {
		var mu sync.Mutex
		sure, unsure := map[string]bool{}, map[string]bool{}
		write := func(name string, m *clustertest.Member) {
			_, err := m.Proposer.Propose(c.Context(30*time.Second), clustertest.NoteCommand(name))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				sure[name] = true
			case model.Is(err, model.Uncertain):
				unsure[name] = true
			case !model.Is(err, model.Unavailable):
				t.Errorf("%s: %v", name, err)
			}
		}
		load := func(round, n int) {
			var wg sync.WaitGroup
			members := c.Members()
			for w := range 4 {
				wg.Go(func() {
					for i := range n / 4 {
						write(fmt.Sprintf("%d/%d/%d", round, w, i), members[(w+i)%len(members)])
					}
				})
			}
			wg.Wait()
		}
		load(0, 60)
		away := c.Follower().ID
		c.Crash(away)
		load(1, 200)
		<-time.After(5 * time.Second) // snapshots truncate what the absent node would need
		before := c.Leader().Replica.Directory()
		m := c.Restart(away)
		c.Await("the far behind node has the state", func() bool { return m.Replica.Applied() >= c.Leader().Replica.Applied() })
		if m.Replica.Directory() == before {
			t.Error("no state was received: the log was long enough")
		}
		load(2, 40)
		for _, id := range []model.NodeID{"a", "b", "c"} { // a whole cluster is killed
			c.Crash(id)
		}
		for _, id := range []model.NodeID{"a", "b", "c"} {
			c.Restart(id)
		}
		c.Leader()
		old := c.Leader()
		c.Isolate(old.ID)
		write("isolated", old)
		c.Rejoin(old.ID)
		load(3, 40)
		c.Await("all replicas are equal", func() bool {
			_, a := trailOf(t, c.Member("a"))
			_, b := trailOf(t, c.Member("b"))
			_, d := trailOf(t, c.Member("c"))
			return a == b && b == d
		})
		sources, _ := trailOf(t, c.Member("a"))
		for name := range sure {
			if sources[name] != 1 {
				t.Errorf("%s was acknowledged and is %d times in the trail", name, sources[name])
			}
		}
		for name, n := range sources {
			if n != 1 || !sure[name] && !unsure[name] {
				t.Errorf("%s is %d times in the trail without having been acknowledged", name, n)
			}
		}
		if len(sure) < 300 {
			t.Errorf("only %d of 340 succeeded", len(sure))
		}
	})
}

// State time follows the clocks through idleness and through a long time off, so that commands go on being applied.
func TestStateTimeFollows(t *testing.T) {
	three(t, clustertest.Options{Real: true}, func(t *testing.T, c *clustertest.Cluster) {
		write := func(name string) {
			t.Helper()
			r, err := c.Follower().Proposer.Propose(c.Context(30*time.Second), clustertest.NoteCommand(name))
			if err != nil || r.Err != nil {
				t.Errorf("%s: %v %v", name, err, r.Err)
			}
		}
		write("first")
		<-time.After(15 * time.Minute)
		write("idle")
		ids := []model.NodeID{"a", "b", "c"}
		for _, id := range ids {
			c.Crash(id)
		}
		<-time.After(72 * time.Hour)
		for _, id := range ids {
			c.Restart(id)
		}
		c.Leader()
		<-time.After(20 * time.Second) // clocks are compared, then the step is taken
		write("after three days")
		kinds := map[string]int{}
		v := c.Leader().Replica.View()
		defer v.Close()
		for e := range table.Audit.All(v, "") {
			kinds[e.Kind]++
		}
		if kinds[audit.ClockAdvanced.Kind] != 1 || kinds[audit.AuditNote.Kind] != 3 {
			t.Errorf("events %v", kinds)
		}
	})
}
