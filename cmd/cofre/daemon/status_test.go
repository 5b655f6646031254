package daemon

import (
	"strings"
	"testing"
	"time"

	"cofre/fsm/model"
)

// TestAhead: what the status begins with while the cluster's time is ahead of the clocks is when that ends.
func TestAhead(t *testing.T) {
	t.Parallel()
	now := model.TimeOf(time.Date(2026, 11, 30, 23, 48, 0, 0, time.UTC))
	for ahead, want := range map[time.Duration]string{-time.Minute: "", 2 * time.Minute: "", 5 * time.Minute: "clocks show 2026-11-30T23:51:00.000Z"} {
		got := aheadText(now.Add(ahead), now)
		if (got == "") != (want == "") || !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s", ahead, got)
		}
	}
}

// TestHeadline: the first line of the status says how it stands with the voters, without a leader who answers all the same, and with closed
// vaults that nothing is served.
func TestHeadline(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		voters
		leader    string
		tolerance int
		want      string
	}{
		{voters{3, 3, 3, 3}, "n1", 1, "3 of 3 voters are healthy; the cluster survives the loss of 1"},
		{voters{5, 5, 5, 2}, "n1", 1, "5 of 5 voters are healthy; the cluster survives the loss of 1"},
		{voters{3, 2, 2, 2}, "n1", 0, "DEGRADED: 2 of 3 voters are healthy; the next"},
		{voters{3, 3, 3, 1}, "n1", 0, "DEGRADED: 3 of 3 voters are healthy, and the vault is open on 1 of these"},
		{voters{3, 3, 3, 0}, "n1", 0, "SEALED: 3 of 3 voters are healthy, but the vault is open on none, and nothing is served: cofre unseal"},
		{voters{1, 1, 1, 1}, "n1", 0, "one voter:"},
		{voters{1, 1, 1, 0}, "n1", 0, "SEALED: 1 of 1"},
		{voters{3, 3, 0, 0}, "n1", 0, "NO MAJORITY: 3 of 3 voters answer, but none is in touch"},
		{voters{3, 1, 0, 0}, "", 0, "NO LEADER: 1 of 3 voters answer; nothing is served until a majority does: start those that are silent"},
	} {
		if got := c.headline(c.leader); !strings.HasPrefix(got, c.want) || c.voters.tolerance() != c.tolerance {
			t.Errorf("%+v: tolerance %d: %s", c, c.voters.tolerance(), got)
		}
	}
}

// Members that are too far apart for the timing are told with the one that fits; those of neighbours never are, however short
// the timing is.
func TestDistantMembers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		round  time.Duration
		timing float64
		want   string
	}{
		{0, 1, ""}, {200 * time.Millisecond, 1, ""}, {5 * time.Millisecond, 0.2, ""}, {430 * time.Millisecond, 3, ""},
		{201 * time.Millisecond, 1, "timing: 2 "}, {430 * time.Millisecond, 2, "timing: 3 "},
	} {
		if got := distantText(c.round, c.timing); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%v at %g: %s", c.round, c.timing, got)
		}
	}
}
