package cluster_test

import (
	"testing"
	"testing/synctest"
	"time"

	"cofre/cluster"
	"cofre/fsm/model"
)

func TestClockAgainstTheMajority(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		others []time.Duration // their clock minus ours; as many as answered
		voters int             // others
		offset time.Duration
		known  bool
		bad    bool
	}{
		"alone":                 {nil, 0, 0, true, false},
		"all agree":             {[]time.Duration{0, 0}, 2, 0, true, false},
		"we are 80 years ahead": {[]time.Duration{-80 * year, -80 * year}, 2, 80 * year, true, true},
		"we are a day behind":   {[]time.Duration{24 * time.Hour, 24 * time.Hour}, 2, -24 * time.Hour, true, true},
		"another is wrong":      {[]time.Duration{0, 80 * year}, 2, 0, true, false},
		"just within":           {[]time.Duration{2 * time.Second, 2 * time.Second}, 2, -2 * time.Second, true, false},
		"just beyond":           {[]time.Duration{2001 * time.Millisecond, 3 * time.Second}, 2, -2001 * time.Millisecond, true, true},
		"one of two answers":    {[]time.Duration{10 * time.Second}, 2, -5 * time.Second, true, true},
		"no majority answers":   {[]time.Duration{10 * time.Second}, 4, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ids []model.NodeID
				for i := range c.voters {
					ids = append(ids, model.NodeID(rune('a'+i)))
				}
				turns := 0
				k := cluster.NewClock(func() []model.NodeID { return ids }, func(bool, time.Duration) { turns++ })
				for i, o := range c.others {
					sent := time.Now()
					<-time.After(100 * time.Millisecond)
					k.Observe(ids[i], model.TimeOf(sent.Add(50*time.Millisecond+o)), sent, time.Now())
				}
				offset, known := k.Offset()
				if offset != c.offset || known != c.known || k.Disagrees() != c.bad || turns > 1 || c.bad != (turns == 1) {
					t.Errorf("offset %s, known %v, disagrees %v, %d calls", offset, known, k.Disagrees(), turns)
				}
				<-time.After(time.Minute) // old readings say nothing
				if _, known := k.Offset(); known && c.voters > 0 {
					t.Error("a reading of a minute ago counts")
				}
			})
		})
	}
}

// A step of this node's own clock shows at once, although nobody was asked since.
func TestOwnClockSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ahead time.Duration
		k := cluster.NewClock(func() []model.NodeID { return []model.NodeID{"a", "b"} }, nil)
		k.Wall = func() time.Time { return time.Now().Round(0).Add(ahead) }
		for _, id := range []model.NodeID{"a", "b"} {
			k.Observe(id, k.Now(), time.Now(), time.Now())
		}
		<-time.After(4 * time.Second)
		if k.Disagrees() {
			t.Fatal("clocks that agree")
		}
		for _, ahead = range []time.Duration{80 * 365 * 24 * time.Hour, -24 * time.Hour, 2001 * time.Millisecond} {
			if offset, known := k.Offset(); !known || offset != ahead || !k.Disagrees() {
				t.Errorf("a step of %s shows as %s, %v", ahead, offset, known)
			}
		}
	})
}

// A node is not asked any more when its own clock would have its commands refused, at once and only then.
func TestWrong(t *testing.T) {
	t.Parallel()
	var ahead time.Duration
	k := cluster.NewClock(func() []model.NodeID { return []model.NodeID{"a", "b"} }, nil)
	k.Wall = func() time.Time { return time.Now().Round(0).Add(ahead) }
	if ahead = time.Hour; k.Wrong() {
		t.Error("nobody was asked yet")
	}
	for _, id := range []model.NodeID{"a", "b"} {
		k.Observe(id, model.TimeOf(time.Now()), time.Now(), time.Now())
	}
	for a, want := range map[time.Duration]bool{0: false, 50 * time.Second: false, -50 * time.Second: false, 61 * time.Second: true, -24 * time.Hour: true, 80 * 365 * 24 * time.Hour: true} {
		if ahead = a; k.Wrong() != want {
			t.Errorf("a clock that is %s ahead is wrong: %v", a, !want)
		}
	}
}

// Work goes to no node whose clock would have its reports refused.
func TestUsable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := cluster.NewClock(func() []model.NodeID { return []model.NodeID{"far", "late", "near", "right"} }, nil)
		k.Wall = func() time.Time { return time.Now().Round(0).Add(2 * time.Hour) } // our own is wrong too
		for id, ahead := range map[model.NodeID]time.Duration{"far": 80 * 365 * 24 * time.Hour, "late": -61 * time.Second, "near": 30 * time.Second, "right": 0} {
			k.Observe(id, model.TimeOf(time.Now().Add(ahead)), time.Now(), time.Now())
		}
		for id, want := range map[model.NodeID]bool{"far": false, "late": false, "near": true, "right": true, "unknown": true} {
			if got := k.Usable(id); got != want {
				t.Errorf("%s is usable: %v", id, got)
			}
		}
	})
}

func TestSlowReadingsAreDropped(t *testing.T) {
	t.Parallel()
	k := cluster.NewClock(func() []model.NodeID { return []model.NodeID{"a"} }, nil)
	now := time.Now()
	k.Observe("a", model.TimeOf(now.Add(time.Hour)), now, now.Add(1500*time.Millisecond))
	if _, known := k.Offset(); known {
		t.Error("a reading with a round trip of 1.5 s counts")
	}
}
