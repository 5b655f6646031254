package table

import (
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	cachedCells = 16384
	cachedBytes = 4 << 10 // larger values are not kept: they are few, and a full cache stays near 32 MiB
)

// cell is what stands under one key: shared by readers, so nothing in it is changed once it is made. The zero cell is
// the absence of a row.
type cell struct {
	value  []byte
	exists bool
	since  uint64       // the batch from which on this is what stands there
	row    atomic.Value // the decoded row, a *T, once somebody asked for it
}

// cache keeps what the writer read and wrote last, so that a command does not search the store for the rows that
// every command needs, nor decode them again. It is written by the writer alone, in step with its batch; a view takes
// from it what already stood when it was pinned.
type cache struct {
	mu    sync.Mutex // guards cells
	cells *simplelru.LRU[string, *cell]
}

func newCache() *cache {
	cells, err := simplelru.NewLRU[string, *cell](cachedCells, nil)
	if err != nil {
		panic(err) // the size is a constant
	}
	return &cache{cells: cells}
}

// find gives what stood under the key in a state that includes batch upto, if that is known.
func (c *cache) find(key []byte, upto uint64) (*cell, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.cells.Get(string(key))
	return e, ok && e.since <= upto
}

func (c *cache) put(key []byte, e *cell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(e.value) > cachedBytes {
		c.cells.Remove(string(key))
		return
	}
	c.cells.Add(string(key), e)
}

func (c *cache) forget(key []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cells.Remove(string(key))
}

func (c *cache) purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cells.Purge()
}
