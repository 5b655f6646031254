package cluster_test

import (
	"errors"
	"testing"
	"time"

	"cofre/cluster"
	"cofre/cluster/clustertest"
)

// TestOlderCopyIsNoticed: a node whose data were put back from an older copy stops as soon as it sees what it had reported
// since. The control: the same node, stopped and started on its own data at the same moments, goes on.
func TestOlderCopyIsNoticed(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]bool{"an older copy": true, "its own data": false} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && !back {
				t.Skip("thousands of log entries on three nodes: the race detector sees them in one case")
			}
			three(t, clustertest.Options{Real: true}, func(t *testing.T, cl *clustertest.Cluster) {
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
