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

func TestSlowReadingsAreDropped(t *testing.T) {
	t.Parallel()
	k := cluster.NewClock(func() []model.NodeID { return []model.NodeID{"a"} }, nil)
	now := time.Now()
	k.Observe("a", model.TimeOf(now.Add(time.Hour)), now, now.Add(1500*time.Millisecond))
	if _, known := k.Offset(); known {
		t.Error("a reading with a round trip of 1.5 s counts")
	}
}
