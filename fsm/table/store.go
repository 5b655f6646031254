package table

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/fsm/audit"
	"cofre/fsm/codec"
)

// Failure is a storage error. Tables panic with it, because no result may be given once the disk cannot be trusted.
type Failure struct {
	Op  string
	Err error
}

func (f Failure) Error() string { return fmt.Sprintf("state store: %s: %v", f.Op, f.Err) }

// Unwrap gives the cause.
func (f Failure) Unwrap() error { return f.Err }

var errDangling = errors.New("index entry without a row")

// Applied is what the store knows of the log: written in the same batch as the rows (RULES 2).
type Applied struct {
	Index              uint64 `cbor:"index"`
	Term               uint64 `cbor:"term"`
	Configuration      []byte `cbor:"configuration,omitempty"`
	ConfigurationIndex uint64 `cbor:"configuration_index,omitempty"`
}

// Options are the limits of a store.
type Options struct {
	FS     vfs.FS // nil: the operating system's
	Cache  int64  // bytes of block cache; 0: 32 MiB
	Logger pebble.Logger
	// Failed is told what failed while tables were written or compacted in the background, with the store's lock held: it must not use the
	// store. Pebble tries it again at once and for ever, so who does not expect it to heal ends the process. nil: only Logger is told.
	Failed func(error)
	// Stagger, from 0 to 1, is another one in each replica: all change the same keys, and would write and compact in the same second.
	Stagger float64
	// Reindexing is told that the index entries are built anew, which takes a while; nil: nobody is.
	Reindexing func()

	mustExist bool // the store is not created when it is not there
}

// Store is one directory of state. Writers are serialized by the caller (the FSM); views may be taken at any time.
type Store struct {
	db        *pebble.DB
	blocks    *pebble.Cache
	rows      *cache
	ranges    ranges
	schema    []Erased
	byID      map[byte]Erased
	hashes    map[byte]Hash // of the committed rows; touched by the writer only
	head      audit.Head
	meta      Applied
	unflushed int           // changed keys since the last flush that was asked for; touched by the writer only
	flushAt   int           // so many ask for the next one
	committed atomic.Uint64 // batches since the store was opened
	refs      atomic.Int64
	closed    atomic.Bool

	pin    sync.Mutex // guards pinned
	pinned *pinned    // that a new view shares; nil: no view is open, or a batch came since
}

const (
	memTableSize = 8 << 20
	memTables    = 4 // writes wait when so many are not flushed

	// flushAfter and what Options.Stagger adds bound what a killed node applies again: 16,000 changed keys are some 1,800 creates
	// or 5,000 reads, a fifth of a second. Time would do it as well, but a node with little to do would write small files all day.
	flushAfter, flushSpread = 12_000, 8_000
)

var (
	appliedKey = []byte{0, 'a'}
	hashPrefix = []byte{0, 'h'}
)

// Open opens or creates the store in dir.
func Open(dir string, schema []Erased, o Options) (*Store, error) {
	if o.Cache == 0 {
		o.Cache = 32 << 20
	}
	blocks := pebble.NewCache(o.Cache + memTables*memTableSize) // memory tables count against it, and would take all of it
	opts := &pebble.Options{
		FS: o.FS, Cache: blocks, DisableWAL: true, MemTableSize: memTableSize, MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold: 16, L0StopWritesThreshold: 32, // each compaction of the youngest level writes the next one anew
		FormatMajorVersion: pebble.FormatNewest, Logger: o.Logger, ErrorIfNotExists: o.mustExist,
	}
	if o.Failed != nil {
		opts.EventListener = &pebble.EventListener{BackgroundError: o.Failed}
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // most lookups are for keys that do not exist yet
		opts.Levels[i].IndexBlockSize = 256 << 10            // one level of index: a lookup reads one block of it
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		blocks.Unref()
		return nil, fmt.Errorf("open the state store in %s: %w", dir, err)
	}
	s := &Store{db: db, blocks: blocks, flushAt: flushAfter + int(o.Stagger*flushSpread), rows: newCache(), schema: schema, byID: map[byte]Erased{}, hashes: map[byte]Hash{}}
	s.refs.Store(1)
	for _, t := range schema {
		s.byID[t.ID()] = t
	}
	if err := errors.Join(s.load(), s.reindex(o)); err != nil {
		_ = s.close()
		return nil, err
	}
	return s, nil
}

func (s *Store) load() error {
	v := s.View()
	defer v.Close()
	if c := v.search(appliedKey); c.exists {
		if err := codec.Decode(c.value, &s.meta); err != nil {
			return fmt.Errorf("read the applied index: %w", err)
		}
	}
	for _, t := range s.schema {
		if c := v.search(append(hashPrefix[:2:2], t.ID())); c.exists {
			s.hashes[t.ID()] = Hash(c.value)
		}
	}
	s.head = TrailHead(v)
	return nil
}

// Applied tells the log position of the committed rows. For the writer only; others ask a View.
func (s *Store) Applied() Applied { return s.meta }

// Flush makes the committed rows durable: afterwards the log up to their index may be truncated.
func (s *Store) Flush() error {
	if err := s.db.Flush(); err != nil {
		return fmt.Errorf("flush the state store: %w", err)
	}
	return nil
}

// Close gives up the owner's reference; the store closes, flushed, when the last view ends.
func (s *Store) Close() error { return s.unref() }

func (s *Store) unref() error {
	if s.refs.Add(-1) > 0 {
		return nil
	}
	err := s.db.Flush()
	return errors.Join(err, s.close())
}

func (s *Store) close() error {
	s.pin.Lock()
	err := s.unpin()
	s.pin.Unlock()
	err = errors.Join(err, s.db.Close())
	s.blocks.Unref()
	s.closed.Store(true)
	return err
}

// scannable is a store, or how one stood at a moment.
type scannable interface {
	NewIter(*pebble.IterOptions) (*pebble.Iterator, error)
}

func dbScan(r scannable, lower, upper []byte, down bool, fn func(k, v []byte) bool) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		panic(Failure{Op: "scan", Err: err})
	}
	start, step := it.First, it.Next
	if down {
		start, step = it.Last, it.Prev
	}
	for ok := start(); ok && fn(it.Key(), it.Value()); ok = step() {
	}
	err = it.Error()
	if err := errors.Join(err, it.Close()); err != nil {
		panic(Failure{Op: "scan", Err: err})
	}
}
