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
	hash   *Hash        // of the row, once it was counted; only the writer looks at it
	alone  bool         // made for one step of a scan: nobody else holds it, and its value lasts no longer
	row    atomic.Value // the decoded row, a *T, once somebody asked for it
}

// cache keeps what was read and written last, so that a command does not search the store for the rows that every
// command needs, nor decode them again. It changes in step with the writer's batch; a view takes from it what already
// stood when it was pinned, and adds to it only while there is no newer batch.
type cache struct {
	mu    sync.Mutex // guards what follows
	cells *simplelru.LRU[string, *cell]
	begun uint64 // the newest batch
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

// begin says that from now on the store may differ from what views see.
func (c *cache) begin(batch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = batch
}

// offer keeps what a view of everything up to a batch has read, unless a newer batch has begun.
func (c *cache) offer(key []byte, e *cell, upto uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun != upto || len(e.value) > cachedBytes {
		return
	}
	e.since = upto
	c.cells.Add(string(key), e)
}

// put keeps what the writer found in the committed rows.
func (c *cache) put(key []byte, e *cell, upto uint64) {
	e.since = upto
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(e.value) <= cachedBytes {
		c.cells.Add(string(key), e)
	}
}

// replace brings what a batch changed up to date, just before the store shows it.
func (c *cache) replace(changed []*pending, batch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range changed {
		switch {
		case p.now == p.was:
		case p.keep && len(p.now.value) <= cachedBytes:
			now := p.now
			if now == absent {
				now = &cell{}
			}
			now.since = batch // nobody else has seen it yet
			c.cells.Add(string(p.key), now)
		case p.table != nil || p.keep:
			c.cells.Remove(string(p.key))
		}
	}
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
