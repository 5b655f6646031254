package table

import (
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// pinned is the store at one moment, which all views between two batches share; it stays until a view after the next batch, or until
// the store closes. It is an iterator that is never moved, of which readers take clones: to close one of Pebble's snapshots asks for
// compactions each time, under a lock that is held while the list of files is synced, so that a request would wait for the disk in
// the seconds in which a node compacts.
type pinned struct {
	upto  uint64 // the last batch that it shows for certain; it may show the next one too
	base  *pebble.Iterator
	views int // guarded by Store.pin

	mu      sync.Mutex // guards finders
	finders []*pebble.Iterator
}

// pin shows the store as it stands, at least up to a batch.
func pin(db *pebble.DB, upto uint64) *pinned { return &pinned{upto: upto, base: newFinder(db)} }

// NewIter is for scans.
func (p *pinned) NewIter(o *pebble.IterOptions) (*pebble.Iterator, error) {
	return p.base.Clone(pebble.CloneOptions{IterOptions: o})
}

// search looks into the store. An iterator that was used before has its files open.
func (p *pinned) search(key []byte) *cell {
	it := p.take()
	c, err := find(it, key)
	if err != nil {
		panic(Failure{Op: "read", Err: errors.Join(err, it.Close())}) // it would tell the next one, too
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finders = append(p.finders, it)
	return c
}

func (p *pinned) take() *pebble.Iterator {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.finders); n > 0 {
		it := p.finders[n-1]
		p.finders = p.finders[:n-1]
		return it
	}
	it, err := p.base.Clone(pebble.CloneOptions{})
	if err != nil {
		panic(Failure{Op: "read", Err: err})
	}
	return it
}

func (p *pinned) close() error {
	err := p.base.Close()
	for _, it := range p.finders {
		err = errors.Join(err, it.Close())
	}
	return err
}

// newFinder is an iterator to search with. Most searches are for keys that do not exist yet, which filters tell without reading a
// block: pebble's Get leaves out those of the last level, where most of the rows are, an iterator does not.
func newFinder(db *pebble.DB) *pebble.Iterator {
	it, err := db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		panic(Failure{Op: "read", Err: err})
	}
	return it
}

// find gives what stands under a key.
func find(it *pebble.Iterator, key []byte) (*cell, error) {
	c := &cell{}
	if it.SeekPrefixGE(key) {
		c.value, c.exists = append([]byte(nil), it.Value()...), true
	}
	return c, it.Error()
}
