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
		g := &guarded{LogStore: store, applied: func() uint64 { return 17 }, found: make(chan uint64, 1)}
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
