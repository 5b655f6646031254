package table

import (
	"cofre/fsm/audit"
	"cofre/fsm/model"
)

// Reader is what tables read through: a Tx or a View.
type Reader interface {
	get(key []byte) *cell // never nil
	scan(lower, upper []byte, fn func(k []byte, c *cell) bool)
	scanDown(lower, upper []byte, fn func(k []byte, c *cell) bool)
}

// Stamp is what a transaction knows of its command: it goes into every event.
type Stamp struct {
	Pos   model.Pos
	At    model.Time
	Node  model.NodeID
	Actor model.Actor
}

// Tx holds the changes of one command. It keeps an undo list, because a batch has no savepoints.
type Tx struct {
	b     *Batch
	stamp Stamp
	undo  []undo
	head  audit.Head
}

// undo is what stood in a batch before a change.
type undo struct {
	p   *pending
	old *cell
}

// Tx starts the transaction of one command within the batch. There is one at a time.
func (b *Batch) Tx(stamp Stamp) *Tx {
	return &Tx{b: b, stamp: stamp, head: b.head}
}

// Rollback drops every change and event of the transaction.
func (tx *Tx) Rollback() {
	for i := len(tx.undo) - 1; i >= 0; i-- {
		tx.undo[i].p.now = tx.undo[i].old
	}
	tx.b.head = tx.head
	tx.undo = nil
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

func (tx *Tx) scan(lower, upper []byte, fn func(k []byte, c *cell) bool) {
	tx.b.scan(lower, upper, false, fn)
}

func (tx *Tx) scanDown(lower, upper []byte, fn func(k []byte, c *cell) bool) {
	tx.b.scan(lower, upper, true, fn)
}

// absent is the cell of a key that nobody holds, for changes only: a read may keep what it found in a cell.
var absent = &cell{}

// addEntry adds an index entry that does not exist; it leads to the row with key pk. Those of a unique index are kept
// in memory, because they are read one by one.
func (tx *Tx) addEntry(key []byte, pk string, unique bool) {
	tx.undo = append(tx.undo, tx.b.change(key, nil, absent, &cell{value: []byte(pk), exists: true}, unique))
}

// deleteEntry removes an index entry that exists.
func (tx *Tx) deleteEntry(key []byte, pk string, unique bool) {
	tx.undo = append(tx.undo, tx.b.change(key, nil, &cell{value: []byte(pk), exists: true}, absent, unique))
}

func (tx *Tx) setRow(t Erased, key []byte, old *cell, value []byte) {
	tx.undo = append(tx.undo, tx.b.change(key, t, old, &cell{value: value, exists: true}, true))
}

func (tx *Tx) addRow(t Erased, key, value []byte) *cell {
	c := &cell{value: value, exists: true}
	tx.undo = append(tx.undo, tx.b.change(key, t, absent, c, false))
	return c
}

func (tx *Tx) deleteRow(t Erased, key []byte, old *cell) {
	tx.undo = append(tx.undo, tx.b.change(key, t, old, absent, true))
}
