package e2e

import "testing"

// TestKilledAfterAJoin: the tables of the founder reach its disk, then a node joins, then the founder is killed: what it finds at its
// start knows only itself. It must not forget the other one over that, or neither would ever be elected.
func TestKilledAfterAJoin(t *testing.T) {
	t.Parallel()
	c := StartNodes(t, 1, Setup{})
	founder := c.list[0]
	founder.Stop()
	founder.Start()
	c.Healthy(1)
	other := c.Add()
	other.Start()
	c.Join(other)
	c.Healthy(2)
	founder.Kill()
	founder.Start()
	c.Healthy(2)
}
