package daemon

import (
	"strings"
	"testing"
)

// TestHeadline: the first line of the status says how it stands with the voters, and without a leader who answers all the same.
func TestHeadline(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		healthy, answering, voters, tolerance int
		leader, want                          string
	}{
		{3, 3, 3, 1, "n1", "3 of 3 voters are healthy; the cluster survives the loss of 1"},
		{2, 2, 3, 0, "n1", "DEGRADED: 2 of 3"},
		{1, 1, 1, 0, "n1", "one voter:"},
		{0, 1, 3, 0, "", "NO LEADER: 1 of 3 voters answer; nothing is served until a majority does: start those that are silent"},
	} {
		if got := headline(c.healthy, c.answering, c.voters, c.tolerance, c.leader); !strings.HasPrefix(got, c.want) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
