package e2e

import "testing"

// TestRemoveKeepsTheMajority: who takes a member out while another one is down is told when the cluster would stop by it. What is down may
// go, and afterwards the other one too, but never the last one.
func TestRemoveKeepsTheMajority(t *testing.T) {
	t.Parallel()
	c := startSeveral(t, 3, "")
	first, second, third := c.nodes[0], c.nodes[1], c.nodes[2]
	want := c.fill(1)
	second.kill()
	c.healthy(2)
	const refused = "of the 2 voters that remain n2 cannot be reached"
	first.fails(refused, "", "cluster", "remove", "n3")
	first.fails(refused, "", "cluster", "remove", "n3", "--compromised")
	third.fails(refused, "", "cluster", "leave")
	c.returns(c.api, want)
	first.must("", "cluster", "remove", "n2")
	third.must("", "cluster", "leave")
	c.healthy(1)
	c.returns(c.api, want)
	const last = "n1 is the last member that has the root key"
	first.fails(last, "", "cluster", "remove", "n1")
	first.fails(last, "", "cluster", "remove", "n1", "--force")
	first.fails(last, "", "cluster", "leave")
	c.healthy(1)
	c.returns(c.api, want)
}

// TestRemoveByForce: the cluster stops, and goes on when what was down is back.
func TestRemoveByForce(t *testing.T) {
	t.Parallel()
	c := startSeveral(t, 3, "")
	want := c.fill(1)
	c.nodes[1].kill()
	c.healthy(2)
	c.nodes[0].must("", "cluster", "remove", "n3", "--force")
	c.nodes[2].kill()
	c.nodes[1].start()
	c.healthy(2)
	c.returns(c.api, want)
}
