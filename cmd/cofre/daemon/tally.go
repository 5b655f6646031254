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
	t.giveBack(map[tallyKey]uint64{{a, source}: 1})
}

// giveBack adds counts, also such as were taken and could not be written.
func (t *tally) giveBack(of map[tallyKey]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, n := range of {
		if _, known := t.of[k]; !known && len(t.of) >= maxTallied {
			k.source = ""
		}
		t.of[k] += n
	}
}

// take gives the counts and begins anew.
func (t *tally) take() map[tallyKey]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.of
	t.of = map[tallyKey]uint64{}
	return of
}

func (t *tally) total() (n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, count := range t.of {
		n += count
	}
	return n
}
