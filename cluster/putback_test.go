package cluster_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cofre/cluster"
	"cofre/cluster/clustertest"
	"cofre/fsm/model"
)

// TestOlderCopyIsNoticed: a node whose data were put back from an older copy, and of which nobody remembers anything, stops as soon as
// it sees what it had reported since. The control: the same node, stopped and started on its own data at the same moments, goes on.
func TestOlderCopyIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of log entries on three nodes: the race detector sees them in TestDivergence")
	}
	t.Parallel()
	for name, back := range map[string]bool{"an older copy": true, "its own data": false} {
		t.Run(name, func(t *testing.T) {
			three(t, clustertest.Options{Real: true, Forgetful: true}, func(t *testing.T, cl *clustertest.Cluster) {
				cl.Found()
				watch := func(m *clustertest.Member) chan error {
					end := make(chan error, 1)
					m.Go(func() { end <- m.Divergence(func(string) {}).Run(m.Context()) })
					return end
				}
				fill := func(to uint64) {
					one := cl.Leader("c").Proposer
					for cl.Leader("c").Replica.Applied() < to {
						if _, err := one.Propose(cl.Context(time.Minute), clustertest.NoteCommand("x")); err != nil {
							t.Fatal(err)
						}
					}
					<-time.After(5 * time.Second)
				}
				watch(cl.Member("a"))
				watch(cl.Member("b"))
				watch(cl.Member("c"))
				fill(100)
				cl.Stop("c")
				putBack := cl.Keep("c")
				watch(cl.Restart("c"))
				fill(4200) // c reports the hash of entry 4096
				cl.Stop("c")
				if back {
					putBack()
				}
				end := watch(cl.Restart("c"))
				select {
				case err := <-end:
					if !back || !errors.Is(err, cluster.ErrPutBack) {
						t.Errorf("it ended with %v", err)
					}
				case <-time.After(20 * time.Second):
					if back {
						t.Error("it goes on")
					}
				}
			})
		})
	}
}

// TestWhatWasAppliedIsNotOverwritten: a member that forgot what it confirmed elects, with one that was off, a leader without an entry that
// was committed. The node that has applied it lets nobody overwrite it and stops: its state may be the only one that holds a password.
// The control: when nobody forgot, what the leader that was cut off could not commit is overwritten, and it goes on.
func TestWhatWasAppliedIsNotOverwritten(t *testing.T) {
	t.Parallel()
	for name, forgets := range map[string]bool{"a member forgets": true, "none does": false} {
		t.Run(name, func(t *testing.T) {
			three(t, clustertest.Options{Real: true, Forgetful: true}, func(t *testing.T, cl *clustertest.Cluster) {
				cl.Found()
				l := cl.Leader()
				var others []model.NodeID
				for _, m := range cl.Members() {
					if m.ID != l.ID {
						others = append(others, m.ID)
					}
				}
				off, forgetful := others[0], others[1]
				note := func(m *clustertest.Member) error {
					_, err := m.Proposer.Propose(cl.Context(10*time.Second), clustertest.NoteCommand("x"))
					return err
				}
				reason := make(chan string, 1)
				end := make(chan error, 1)
				l.Go(func() { end <- l.Divergence(func(r string) { reason <- r }).Run(l.Context()) })
				cl.Stop(forgetful)
				putBack := cl.Keep(forgetful)
				cl.Restart(forgetful)
				cl.Stop(off)
				for range 3 {
					if err := note(l); err != nil { // l and the forgetful one have it
						t.Fatal(err)
					}
				}
				had := l.Replica.Applied()
				cl.Isolate(l.ID)
				if err := note(l); err == nil {
					t.Fatal("committed alone")
				}
				cl.Stop(forgetful)
				if forgets {
					putBack()
				}
				cl.Restart(forgetful)
				cl.Restart(off)
				next := cl.Leader(l.ID)
				for next.Replica.Applied() < had+5 {
					if err := note(next); err != nil {
						t.Fatal(err)
					}
				}
				cl.Rejoin(l.ID)
				select {
				case err := <-end:
					if !forgets || !errors.Is(err, cluster.ErrOverwritten) {
						t.Errorf("it ended with %v", err)
					}
					if r := <-reason; !strings.Contains(r, "Keep a copy") {
						t.Errorf("it is not told what to do: %s", r)
					}
				case <-time.After(20 * time.Second):
					if forgets || l.Replica.Applied() < next.Replica.Applied() {
						t.Errorf("it goes on at %d, the leader is at %d", l.Replica.Applied(), next.Replica.Applied())
					}
				}
			})
		})
	}
}
