package daemon

import (
	"sync"

	"cofre/fsm/model"
)

// tally counts something per authorization and source. Sources beyond the first many are counted together, without an
// address, so that no count is lost and nobody can make the list long.
type tally struct {
	mu sync.Mutex // guards of
	of map[tallyKey]uint64
}

type tallyKey struct {
	authorization model.AuthorizationID
	source        string // "": several
}

func newTally() *tally { return &tally{of: map[tallyKey]uint64{}} }

func (t *tally) add(a model.AuthorizationID, source string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := tallyKey{a, source}
	if _, known := t.of[k]; !known && len(t.of) >= maxTallied {
		k.source = ""
	}
	t.of[k]++
}

// take gives the counts and begins anew.
func (t *tally) take() map[tallyKey]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.of
	t.of = map[tallyKey]uint64{}
	return of
}
