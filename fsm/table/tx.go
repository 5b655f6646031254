package table

import (
	"github.com/cockroachdb/pebble/v2"

	"cofre/fsm/audit"
	"cofre/fsm/codec"
	"cofre/fsm/model"
)

// Reader is what tables read through: a Tx or a View.
type Reader interface {
	get(key []byte) *cell // never nil
	scan(lower, upper []byte, fn func(k, v []byte) bool)
	scanDown(lower, upper []byte, fn func(k, v []byte) bool)
}

// Batch collects the transactions of one ApplyBatch and commits them together with the applied index.
type Batch struct {
	s      *Store
	n      uint64 // counts batches
	b      *pebble.Batch
	hashes map[byte]Hash
	head   audit.Head
	meta   Applied
}

// Begin starts a batch on top of the committed rows. There is one at a time.
func (s *Store) Begin() *Batch {
	h := make(map[byte]Hash, len(s.hashes))
	for k, v := range s.hashes {
		h[k] = v
	}
	n := s.committed.Load() + 1
	s.rows.begin(n)
	return &Batch{s: s, n: n, b: s.db.NewIndexedBatch(), hashes: h, head: s.head, meta: s.meta}
}

// Meta is the applied position that Commit will write; the writer advances it.
func (b *Batch) Meta() *Applied { return &b.meta }

// StateHash is the hash of all tables as of the transactions so far. It does not depend on where a batch began: raft
// chooses that, differently on each node.
func (b *Batch) StateHash() Hash {
	b.writeHead()
	return combine(b.s.schema, b.hashes)
}

// writeHead brings the row with the end of the trail up to date.
func (b *Batch) writeHead() {
	if b.head.Seq > 0 {
		AuditHead.Put(b.Tx(Stamp{}), &AuditHeadRow{Head: b.head})
	}
}

// Commit writes everything at once, unsynced: the Raft log is the durable record.
func (b *Batch) Commit() {
	b.writeHead()
	b.write(appliedKey, codec.MustEncode(&b.meta))
	for id, h := range b.hashes {
		if h != b.s.hashes[id] {
			b.write(append(hashPrefix[:2:2], id), h[:])
		}
	}
	if err := b.b.Commit(pebble.NoSync); err != nil {
		panic(Failure{Op: "commit", Err: err})
	}
	if err := b.b.Close(); err != nil { // gives its memory to the next batch
		panic(Failure{Op: "commit", Err: err})
	}
	b.s.hashes, b.s.head, b.s.meta = b.hashes, b.head, b.meta
	b.s.committed.Store(b.n)
}

// Drop forgets the batch.
func (b *Batch) Drop() {
	b.s.rows.purge()
	_ = b.b.Close()
}

func (b *Batch) get(key []byte) *cell {
	if c, ok := b.s.rows.find(key, b.n); ok {
		return c
	}
	c := dbGet(b.b, key)
	c.since = b.n
	b.s.rows.put(key, c)
	return c
}

func (b *Batch) set(key, value []byte) {
	b.write(key, value)
	b.s.rows.put(key, &cell{value: value, exists: true, since: b.n})
}

// write is set for what need not stay in memory.
func (b *Batch) write(key, value []byte) {
	b.s.rows.forget(key)
	if err := b.b.Set(key, value, nil); err != nil {
		panic(Failure{Op: "write", Err: err})
	}
}

func (b *Batch) delete(key []byte) {
	b.remove(key)
	b.s.rows.put(key, &cell{since: b.n})
}

// remove is delete for what need not stay in memory.
func (b *Batch) remove(key []byte) {
	b.s.rows.forget(key)
	if err := b.b.Delete(key, nil); err != nil {
		panic(Failure{Op: "delete", Err: err})
	}
}

// Stamp is what a transaction knows of its command: it goes into every event.
type Stamp struct {
	Pos   model.Pos
	At    model.Time
	Node  model.NodeID
	Actor model.Actor
}

// Tx holds the changes of one command. It keeps an undo list, because a Pebble batch has no savepoints.
type Tx struct {
	b     *Batch
	stamp Stamp
	undo  []change
	saved map[byte]Hash
	head  audit.Head
}

type change struct {
	key     []byte
	old     []byte
	existed bool
}

// Tx starts the transaction of one command within the batch. There is one at a time.
func (b *Batch) Tx(stamp Stamp) *Tx {
	return &Tx{b: b, stamp: stamp, head: b.head}
}

// Rollback drops every change and event of the transaction.
func (tx *Tx) Rollback() {
	for i := len(tx.undo) - 1; i >= 0; i-- {
		c := tx.undo[i]
		if c.existed {
			tx.b.set(c.key, c.old)
		} else {
			tx.b.delete(c.key)
		}
	}
	for id, h := range tx.saved {
		tx.b.hashes[id] = h
	}
	tx.b.head = tx.head
	tx.undo, tx.saved = nil, nil
}

// Emit adds an event to the trail in the same transaction: it exists if and only if the change exists.
func (tx *Tx) Emit(d audit.Draft) {
	e := d.Event(tx.stamp.Pos, tx.stamp.At, tx.stamp.Node, tx.stamp.Actor)
	tx.b.head.Append(&e)
	Audit.Add(tx, &e)
}

// Head is the end of the trail as of this transaction.
func (tx *Tx) Head() audit.Head { return tx.b.head }

func (tx *Tx) get(key []byte) *cell { return tx.b.get(key) }

func (tx *Tx) scan(lower, upper []byte, fn func(k, v []byte) bool) {
	dbScan(tx.b.b, lower, upper, false, fn)
}

func (tx *Tx) scanDown(lower, upper []byte, fn func(k, v []byte) bool) {
	dbScan(tx.b.b, lower, upper, true, fn)
}

// addEntry adds an index entry that does not exist; it leads to the row with key pk. Those of a unique index are kept
// in memory, because they are read one by one.
func (tx *Tx) addEntry(key []byte, pk string, unique bool) {
	tx.undo = append(tx.undo, change{key: key})
	if unique {
		tx.b.set(key, []byte(pk))
	} else {
		tx.b.write(key, []byte(pk))
	}
}

// deleteEntry removes an index entry that exists.
func (tx *Tx) deleteEntry(key []byte, pk string, unique bool) {
	tx.undo = append(tx.undo, change{key, []byte(pk), true})
	if unique {
		tx.b.delete(key)
	} else {
		tx.b.remove(key)
	}
}

func (tx *Tx) setRow(t Erased, key []byte, old *cell, value []byte) {
	tx.rehash(t, key, old, &cell{value: value, exists: true})
	tx.undo = append(tx.undo, change{key, old.value, old.exists})
	tx.b.set(key, value)
}

func (tx *Tx) addRow(t Erased, key, value []byte) {
	tx.rehash(t, key, &cell{}, &cell{value: value, exists: true})
	tx.undo = append(tx.undo, change{key: key})
	tx.b.write(key, value)
}

func (tx *Tx) deleteRow(t Erased, key []byte, old *cell) {
	tx.rehash(t, key, old, &cell{})
	tx.undo = append(tx.undo, change{key, old.value, true})
	tx.b.delete(key)
}

func (tx *Tx) rehash(t Erased, key []byte, old, fresh *cell) {
	h := tx.b.hashes[t.ID()]
	if tx.saved == nil {
		tx.saved = map[byte]Hash{}
	}
	if _, ok := tx.saved[t.ID()]; !ok {
		tx.saved[t.ID()] = h
	}
	for _, c := range []*cell{old, fresh} {
		if c.exists {
			h.toggle(t.Name(), key[2:], c.value)
		}
	}
	tx.b.hashes[t.ID()] = h
}
