package cluster

import (
	"testing"
	"time"

	"cofre/fsm/model"
)

// The way to a majority is that of the nearest members that make one; busy moments do not make it longer, and a way that
// has become longer counts after two spans.
func TestDistance(t *testing.T) {
	t.Parallel()
	var d distance
	at := time.Unix(1_700_000_000, 0)
	others := []model.NodeID{"b", "c", "d", "e"}
	if got := d.majority(others); got != 0 {
		t.Errorf("nothing is known: %v", got)
	}
	for i, p := range others {
		d.observe(p, time.Duration(i+1)*20*time.Millisecond, at)
		d.observe(p, time.Second, at.Add(time.Second)) // waited for an entry
		if i == 0 && d.majority(others) != 0 {
			t.Error("one of four makes no majority")
		}
	}
	if got := d.majority(others); got != 40*time.Millisecond {
		t.Errorf("five members: %v", got)
	}
	if got := d.majority(others[1:3]); got != 40*time.Millisecond {
		t.Errorf("three members: %v", got)
	}
	if got := d.majority(nil); got != 0 {
		t.Errorf("one member: %v", got)
	}
	for _, c := range []struct{ after, round, want time.Duration }{
		{tripSpan, 90 * time.Millisecond, 20 * time.Millisecond}, {2 * tripSpan, 80 * time.Millisecond, 80 * time.Millisecond}, {5 * tripSpan, 70 * time.Millisecond, 70 * time.Millisecond},
	} {
		d.observe("b", c.round, at.Add(c.after))
		if got := d.to("b"); got != c.want {
			t.Errorf("after %v: %v, want %v", c.after, got, c.want)
		}
	}
	if stride(19*time.Millisecond) != 0 || stride(40*time.Millisecond) != 10*time.Millisecond {
		t.Error(stride(19*time.Millisecond), stride(40*time.Millisecond))
	}
}
