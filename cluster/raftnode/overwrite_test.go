package raftnode

import (
	"testing"

	"github.com/hashicorp/raft"
)

// TestGuarded: entries that were applied go from the beginning of the log only, and never the last ones.
func TestGuarded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lowest, highest uint64
		refused         bool
	}{
		"from the beginning":              {10, 15, false},
		"not applied":                     {18, 20, false},
		"the last applied one":            {17, 20, true},
		"applied ones":                    {11, 20, true},
		"from the first one that is kept": {10, 20, true},
		"more than there are":             {10, 30, true},
		"all but one":                     {10, 19, false},
	} {
		store := raft.NewInmemStore()
		for i := uint64(10); i <= 20; i++ {
			if err := store.StoreLog(&raft.Log{Index: i, Term: 1}); err != nil {
				t.Fatal(err)
			}
		}
		g := &guarded{LogStore: store, applied: func() uint64 { return 17 }, outdated: func(raft.LogStore) (bool, error) { return false, nil }, found: make(chan uint64, 1)}
		err := g.DeleteRange(c.lowest, c.highest)
		if c.refused {
			err = g.DeleteRange(c.lowest, c.highest) // raft tries again and again
		}
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
		var l raft.Log
		if err := store.GetLog(c.lowest, &l); (err == nil) != c.refused {
			t.Errorf("%s: entry %d is there: %t", name, c.lowest, err == nil)
		}
		select {
		case from := <-g.found:
			if !c.refused || from != c.lowest {
				t.Errorf("%s: told of %d", name, from)
			}
		default:
			if c.refused {
				t.Errorf("%s: nobody is told", name)
			}
		}
	}
}

// TestOutdatedLog: the log that a received state replaced goes as a whole, also when the process ended before raft removed it; every other
// one stays, whatever it begins and ends with.
func TestOutdatedLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to, term uint64 // of the log
		besides        uint64 // another entry behind a gap
		none           bool   // no record
		outdated       bool
	}{
		"it ends before the record":          {from: 2, to: 14, term: 1, outdated: true},
		"another entry stands at the record": {from: 2, to: 20, term: 1, outdated: true},
		"it ends with the record":            {from: 2, to: 15, term: 3},
		"it leads to it and goes on":         {from: 2, to: 20, term: 3},
		"it begins with the record":          {from: 15, to: 20, term: 3},
		"it begins behind the record":        {from: 16, to: 20, term: 4},
		"it goes on behind a gap":            {from: 2, to: 9, term: 1, besides: 16},
		"it is empty":                        {from: 1, to: 0},
		"there is no record":                 {from: 2, to: 14, term: 1, none: true},
	} {
		log := raft.NewInmemStore()
		for i := c.from; i <= c.to; i++ {
			if err := log.StoreLog(&raft.Log{Index: i, Term: c.term}); err != nil {
				t.Fatal(err)
			}
		}
		if c.besides > 0 {
			if err := log.StoreLog(&raft.Log{Index: c.besides, Term: 4}); err != nil {
				t.Fatal(err)
			}
		}
		s := &Snapshots{records: []*record{{RaftIndex: 9, Term: 1}, {RaftIndex: 15, Term: 3}}}
		if c.none {
			s.records = nil
		}
		was, _ := log.LastIndex()
		g := &guarded{LogStore: log, applied: func() uint64 { return 15 }, outdated: s.outdated, found: make(chan uint64, 1)}
		if c.outdated && g.DeleteRange(c.from+1, c.to) == nil {
			t.Errorf("%s: a part of it was overwritten", name)
		}
		if err := s.clean(log); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if last, _ := log.LastIndex(); (last == 0) != (c.outdated || was == 0) || last != 0 && last != was {
			t.Errorf("%s: it ended at %d and ends at %d", name, was, last)
		}
	}
}

// TestOutdatedLogIsRemovedByRaft: which it does once a state was received.
func TestOutdatedLogIsRemovedByRaft(t *testing.T) {
	t.Parallel()
	log := raft.NewInmemStore()
	for i := uint64(2); i <= 14; i++ {
		if err := log.StoreLog(&raft.Log{Index: i, Term: 1}); err != nil {
			t.Fatal(err)
		}
	}
	s := &Snapshots{records: []*record{{RaftIndex: 15, Term: 3}}}
	g := &guarded{LogStore: log, applied: func() uint64 { return 15 }, outdated: s.outdated, found: make(chan uint64, 1)}
	if err := g.DeleteRange(2, 14); err != nil || len(g.found) > 0 {
		t.Errorf("%v, told %d times", err, len(g.found))
	}
	if last, _ := log.LastIndex(); last != 0 {
		t.Errorf("it ends at %d", last)
	}
}
