package table

import (
	"github.com/cockroachdb/pebble/v2"

	"cofre/fsm/audit"
	"cofre/fsm/codec"
)

// Batch collects the transactions of one ApplyBatch and commits them together with the applied index. What they changed
// stands in memory until then, each key once, however often it was written: the store sees, and the hashes count, only
// what becomes of it.
type Batch struct {
	s       *Store
	n       uint64 // counts batches
	changes map[string]*pending
	spaces  map[Space][]*pending // the same, by what one scan can see
	order   []*pending           // the same, in the order of their first change
	hashes  map[byte]Hash
	head    audit.Head
	meta    Applied
	finder  *pebble.Iterator // of the committed rows, opened by the first search
}

// Space is the table and the index (or its rows) that a key belongs to: what a batch changes, and what one may watch.
type Space [2]byte

// Touched tells whether the batch changed something there, also if it changed it back.
func (b *Batch) Touched(s Space) bool { return len(b.spaces[s]) > 0 }

// pending is what a batch makes of one key.
type pending struct {
	key    []byte
	table  Erased // of a row; nil: an index entry
	was    *cell  // in the store
	hashed *cell  // in the hash of the table
	now    *cell
	keep   bool // it stays in memory after the commit
}

// Begin starts a batch on top of the committed rows. There is one at a time.
func (s *Store) Begin() *Batch {
	h := make(map[byte]Hash, len(s.hashes))
	for k, v := range s.hashes {
		h[k] = v
	}
	n := s.committed.Load() + 1
	s.rows.begin(n)
	s.ranges.begin(n)
	return &Batch{s: s, n: n, changes: map[string]*pending{}, spaces: map[Space][]*pending{}, hashes: h, head: s.head, meta: s.meta}
}

// Meta is the applied position that Commit will write; the writer advances it.
func (b *Batch) Meta() *Applied { return &b.meta }

// StateHash is the hash of all tables as of the transactions so far. It does not depend on where a batch began: raft
// chooses that, differently on each node.
func (b *Batch) StateHash() Hash {
	b.settle()
	return combine(b.s.schema, b.hashes)
}

// settle brings the hashes and the row with the end of the trail up to date.
func (b *Batch) settle() {
	if b.head.Seq > 0 {
		AuditHead.Put(b.Tx(Stamp{}), &AuditHeadRow{Head: b.head})
	}
	for _, p := range b.order {
		if p.table == nil || p.now == p.hashed {
			continue
		}
		h := b.hashes[p.table.ID()]
		for _, c := range []*cell{p.hashed, p.now} {
			if c.exists {
				h.xor(c.counted(p.table, p.key))
			}
		}
		b.hashes[p.table.ID()] = h
		p.hashed = p.now
	}
}

// counted is what the row in a cell adds to the hash of its table.
func (c *cell) counted(t Erased, key []byte) Hash {
	if c.hash == nil {
		h := rowHash(t.Name(), key[2:], c.value)
		c.hash = &h
	}
	return *c.hash
}

// Commit writes everything at once, unsynced: the Raft log is the durable record.
func (b *Batch) Commit() {
	b.settle()
	w := b.s.db.NewBatch()
	set := func(key, value []byte) {
		if err := w.Set(key, value, nil); err != nil {
			panic(Failure{Op: "write", Err: err})
		}
	}
	for _, p := range b.order {
		switch {
		case p.now.exists:
			set(p.key, p.now.value)
		case p.was.exists:
			if err := w.Delete(p.key, nil); err != nil {
				panic(Failure{Op: "delete", Err: err})
			}
		}
	}
	set(appliedKey, codec.MustEncode(&b.meta))
	for id, h := range b.hashes {
		if h != b.s.hashes[id] {
			set(append(hashPrefix[:2:2], id), h[:])
		}
	}
	b.closeFinder()
	// Memory first: a view that is pinned from now on, and sees the new rows, must not find the old ones there.
	b.s.rows.replace(b.order, b.n)
	b.s.ranges.replace(b.order, b.n)
	if err := w.Commit(pebble.NoSync); err != nil {
		panic(Failure{Op: "commit", Err: err})
	}
	if err := w.Close(); err != nil { // gives its memory to the next batch
		panic(Failure{Op: "commit", Err: err})
	}
	if b.s.unflushed += len(b.order); b.s.unflushed >= b.s.flushAt {
		b.s.unflushed = 0
		if _, err := b.s.db.AsyncFlush(); err != nil { // the next batches do not wait for it
			panic(Failure{Op: "flush", Err: err})
		}
	}
	b.s.hashes, b.s.head, b.s.meta = b.hashes, b.head, b.meta
	b.s.committed.Store(b.n)
}

// Drop forgets the batch.
func (b *Batch) Drop() {
	b.closeFinder()
	b.changes, b.spaces, b.order = nil, nil, nil
}

func (b *Batch) get(key []byte) *cell {
	if p, ok := b.changes[string(key)]; ok {
		return p.now
	}
	return b.committedCell(key)
}

// change makes fresh of a key, of which the caller knows what stands there, and gives what to undo.
func (b *Batch) change(key []byte, t Erased, stood, fresh *cell, keep bool) undo {
	p, ok := b.changes[string(key)]
	if !ok {
		p = &pending{key: key, table: t, was: stood, hashed: stood, now: stood}
		b.changes[string(key)] = p
		b.order = append(b.order, p)
		sp := Space(key)
		b.spaces[sp] = append(b.spaces[sp], p)
	}
	u := undo{p, p.now}
	p.now, p.keep = fresh, p.keep || keep
	return u
}

// committedCell is what stands under a key in the committed rows, for the writer.
func (b *Batch) committedCell(key []byte) *cell {
	upto := b.n - 1
	if c, ok := b.s.rows.find(key, upto); ok {
		return c
	}
	c := b.search(key)
	b.s.rows.put(key, c, upto)
	return c
}

// search looks into the store.
func (b *Batch) search(key []byte) *cell {
	if b.finder == nil {
		b.finder = newFinder(b.s.db)
	}
	c, err := find(b.finder, key)
	if err != nil {
		panic(Failure{Op: "read", Err: err})
	}
	return c
}

// closeFinder lets the memory tables go that the iterator pins.
func (b *Batch) closeFinder() {
	if b.finder == nil {
		return
	}
	err := b.finder.Close()
	b.finder = nil
	if err != nil {
		panic(Failure{Op: "read", Err: err})
	}
}
