package daemon

import (
	"fmt"
	"strings"
	"testing"

	"cofre/fsm/model"
)

// However many are denied, from however many addresses, it is one note that an entry of the log holds; nothing is lost when it
// could not be written.
func TestDenialsAreCountedTogether(t *testing.T) {
	t.Parallel()
	n := newNotes()
	for i := range 10_000 {
		n.deny("401 unauthenticated", fmt.Sprintf("2001:db8:0:1::%x", i)) // one network
		n.deny("429 limited", fmt.Sprintf("10.0.%d.%d", i>>8, i&255))
		n.deny(fmt.Sprintf("reason %d", i), "192.0.2.1")
	}
	for range 2 {
		d := n.takeDenials()
		a := d.args()
		if a.Count != 30_000 || len(a.Sources) != maxSources || len(a.Reasons) != maxReasons {
			t.Errorf("%d denials, %d sources, %d reasons", a.Count, len(a.Sources), len(a.Reasons))
		}
		if all := strings.Join(append(a.Sources, a.Reasons...), ";"); strings.Count(all, "2001:db8:0:1::/64") != 1 || strings.Count(all, "2001:") != 1 || !strings.Contains(all, "401 unauthenticated x 10000") {
			t.Error(all)
		}
		if again := n.takeDenials(); again.count != 0 {
			t.Errorf("%d are told twice", again.count)
		}
		n.giveBack(d)
	}
	n.deny("429 limited", "10.0.0.1")
	if d := n.takeDenials(); d.count != 30_001 || d.reasons["429 limited"] != 10_001 {
		t.Errorf("%d, %d", d.count, d.reasons["429 limited"])
	}
}

// Tokens are counted by authorization and source, and none of them is lost.
func TestTally(t *testing.T) {
	t.Parallel()
	c, total := newTally(), uint64(0)
	for i := range 2 * maxTallied {
		c.add(model.AuthorizationID("a"), fmt.Sprint(i))
	}
	c.giveBack(c.take())
	of := c.take()
	for _, n := range of {
		total += n
	}
	if total != 2*maxTallied || len(of) > maxTallied+1 || of[tallyKey{"a", ""}] < maxTallied {
		t.Errorf("%d in %d, %d of several sources", total, len(of), of[tallyKey{"a", ""}])
	}
}
