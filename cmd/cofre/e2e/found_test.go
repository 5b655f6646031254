package e2e

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cofre/cmd/cofre/operator"
)

// TestOneFounder: of several init calls at once exactly one founds, and the node comes back from a restart as what that
// one made it: no other overwrote its identity or its keys.
func TestOneFounder(t *testing.T) {
	s := newSingle(t, freePorts(t, 3), "")
	s.configure("dev: true\n")
	s.start()
	var founded atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			args := map[string]any{"shares": 5, "threshold": 3, "recovery_shares": 5, "recovery_threshold": 3, "fast_leases": true}
			if operator.NewClient(s.path("s")).Post(t.Context(), "/init", args, nil) == nil {
				founded.Add(1)
			}
		})
	}
	wg.Wait()
	if n := founded.Load(); n != 1 {
		t.Fatalf("%d of 4 calls founded a cluster", n)
	}
	before, err := s.status()
	if err != nil {
		t.Fatal(err)
	}
	if a := before.Automation; a == nil || a.State != "running" || a.Settings.Attempts != 5 || before.Approval == nil || before.Approval.InForce {
		t.Errorf("the status of a new cluster does not tell its execution parameters: %+v, %+v", a, before.Approval)
	}
	s.stop()
	s.start()
	Eventually(t, 20*time.Second, "the node is what it was", func() error {
		now, err := s.status()
		if err == nil && (now.Cluster != before.Cluster || now.Sealed || now.Leader == "") {
			err = errors.New("not open, leading and of the same cluster")
		}
		return err
	})
}
