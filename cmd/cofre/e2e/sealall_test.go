package e2e

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSealCluster: one order closes the vault of every node. A node that was off closes when it is back, none opens by itself, not
// even after a restart, and each opens when a person says so and stays open. The control: before, the same seals open by themselves.
func TestSealCluster(t *testing.T) {
	t.Parallel()
	c := startSeveral(t, 3, "")
	want, ca := c.fill(2), filepath.Join(c.nodes[0].path("init"), "ca.pem")
	away := c.nodes[2]
	away.stop()
	if out := c.nodes[1].must("", "seal", "--cluster"); !strings.Contains(out, "not yet on n3") {
		t.Errorf("the order does not name the node that is off:\n%s", out)
	}
	closed := func(s *single) error {
		st, err := s.status()
		if err == nil && !st.Sealed {
			err = errors.New("it is open")
		}
		return err
	}
	for _, s := range c.nodes[:2] {
		if err := closed(s); err != nil {
			t.Errorf("after the order: %v", err)
		}
	}
	away.start()
	Eventually(t, 30*time.Second, "the node that was off closes too", func() error {
		if st, err := away.status(); err != nil || st.Leader == "" {
			return errors.New("it has no contact")
		}
		return closed(away)
	})
	for _, s := range c.nodes {
		s.stop()
		s.start()
	}
	for range 10 { // each could open by itself within a moment, and before the order did
		for _, s := range c.nodes {
			if err := closed(s); err != nil {
				t.Fatalf("after a restart: %v", err)
			}
		}
		time.Sleep(500 * time.Millisecond)
	}
	for _, s := range c.nodes {
		s.must("", "unseal")
	}
	c.healthy(3)
	for _, s := range c.nodes {
		c.returns(c.client(ca, s), want)
	}
	away.stop()
	away.start()
	c.healthy(3) // the order is spent
}
