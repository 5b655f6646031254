package table

import (
	"iter"
	"reflect"
)

// Table is a typed table: rows of T by a string key, with secondary indexes. It only puts types on what an untyped one does.
type Table[T any] struct{ untyped *untyped }

// Index lists the keys under which a row is found; none, one or several. Keys order by their bytes. In a Unique index
// no two rows share a key, which reducers see to before they put: it is found by one read instead of a scan. Drawn says
// that keys come from a counter, so that nobody can hold a new one. Edition is raised when Keys gives others than in the version before: stores
// build their entries anew then, as they do when an index comes, goes or moves.
type Index[T any] struct {
	Name    string
	Keys    func(*T) []string
	Unique  bool
	Drawn   bool
	Edition int
}

// Define declares a table. The id is its place in the store (1-250) and is never reused; the name is its identity in
// snapshots and hashes.
func Define[T any](id byte, name string, key func(*T) string, indexes ...Index[T]) *Table[T] {
	u := &untyped{
		id: id, name: name, own: ownerOf(reflect.TypeFor[T]()),
		key:   func(row any) string { return key(row.(*T)) },
		fresh: func() any { return new(T) },
		clone: func(row any) any { c := *row.(*T); return &c },
	}
	for _, ix := range indexes {
		u.indexes = append(u.indexes, index{ix.Name, func(row any) []string { return ix.Keys(row.(*T)) }, ix.Unique, ix.Drawn, ix.Edition})
	}
	return &Table[T]{u}
}

// Erased is a table without its row type, for what concerns all tables: snapshots, hashes, dumps.
type Erased interface {
	Name() string
	ID() byte
	// Reindex decodes a row strictly and gives its key and its index keys as they stand in the store.
	reindex(value []byte) (key []byte, indexKeys [][]byte, err error)
	// defined tells what the entries of its indexes follow from.
	defined() string
}

// Name is the table's identity in snapshots and hashes.
func (t *Table[T]) Name() string { return t.untyped.name }

// ID is the table's place in the store.
func (t *Table[T]) ID() byte { return t.untyped.id }

func (t *Table[T]) reindex(value []byte) ([]byte, [][]byte, error) { return t.untyped.reindex(value) }
func (t *Table[T]) defined() string                                { return t.untyped.defined() }

// Key is the key of a row.
func (t *Table[T]) Key(row *T) string { return t.untyped.key(row) }

// Get finds a row by key. The row is the caller's own copy, except that byte strings in it must not be changed in place.
func (t *Table[T]) Get(r Reader, key string) (*T, bool) {
	row, ok := t.untyped.get(r, key).(*T)
	return row, ok
}

// Look is Get without the copy, for rows that every command reads: others hold the row too, so nothing in it may change.
func (t *Table[T]) Look(r Reader, key string) (*T, bool) {
	row, ok := t.untyped.look(r, key).(*T)
	return row, ok
}

// Has tells whether a row exists, without decoding it.
func (t *Table[T]) Has(r Reader, key string) bool { return t.untyped.has(r, key) }

// Holds tells whether a row stands in the table just as it is.
func (t *Table[T]) Holds(r Reader, row *T) bool { return t.untyped.holds(r, row) }

// Put writes a row and keeps its indexes.
func (t *Table[T]) Put(tx *Tx, row *T) { t.untyped.put(tx, row) }

// Add writes a row of which the caller knows that its key is new and that nobody will read it soon: it is neither
// looked for nor kept in memory. What it gives is for Remove.
func (t *Table[T]) Add(tx *Tx, row *T) Hash { return t.untyped.add(tx, row) }

// Insert is Put for a row whose key no row can have had, as keys that are drawn for what a command creates: it is not looked for.
func (t *Table[T]) Insert(tx *Tx, row *T) { t.untyped.insert(tx, row) }

// Remove deletes a row of a table without indexes of which the caller knows that it stands there as it was added: it is not looked
// for. added is what Add gave for it.
func (t *Table[T]) Remove(tx *Tx, key string, added Hash) { t.untyped.remove(tx, key, added) }

// Delete removes a row and its index entries; an absent row is no error.
func (t *Table[T]) Delete(tx *Tx, key string) { t.untyped.delete(tx, key) }

// All lists rows in key order, starting at key from (inclusive).
func (t *Table[T]) All(r Reader, from string) iter.Seq[*T] { return typed[T](t.untyped.all(r, from)) }

// Up lists the rows whose key is at least from and below to, in key order.
func (t *Table[T]) Up(r Reader, from, to string) iter.Seq[*T] {
	return typed[T](t.untyped.up(r, from, to))
}

// Down is Up in descending order.
func (t *Table[T]) Down(r Reader, from, to string) iter.Seq[*T] {
	return typed[T](t.untyped.down(r, from, to))
}

// By lists the rows whose index key equals key, in order of their row keys.
func (t *Table[T]) By(r Reader, index, key string) iter.Seq[*T] {
	return typed[T](t.untyped.by(r, index, key))
}

// First finds the first row whose index key equals key.
func (t *Table[T]) First(r Reader, index, key string) (*T, bool) {
	row, ok := t.untyped.first(r, index, key).(*T)
	return row, ok
}

// Range lists the rows whose index key is at least from and below to, in order of the index.
func (t *Table[T]) Range(r Reader, index, from, to string) iter.Seq[*T] {
	return typed[T](t.untyped.scanIndex(r, index, from, to))
}

// Glance is Range without the copies, as Look is Get without one.
func (t *Table[T]) Glance(r Reader, index, from, to string) iter.Seq[*T] {
	return typed[T](t.untyped.glanceIndex(r, index, from, to))
}

// Reverse is Range in descending order.
func (t *Table[T]) Reverse(r Reader, index, from, to string) iter.Seq[*T] {
	return typed[T](t.untyped.scanIndexDown(r, index, from, to))
}

// Count counts the entries of an index from a key (inclusive) to another, up to a limit, without reading the rows.
func (t *Table[T]) Count(r Reader, index, from, to string, limit int) int {
	return t.untyped.count(r, index, from, to, limit)
}

// Rows is where the rows of the table stand: every change of one touches it.
func (t *Table[T]) Rows() Space { return Space{t.untyped.id, rowSpace} }

// Index is where the entries of an index stand: only changes of its keys touch it.
func (t *Table[T]) Index(name string) Space { return t.untyped.indexSpace(name) }

// Place is where the row with this key stands, or would stand.
func (t *Table[T]) Place(key string) Place { return Place(t.untyped.rowKey(key)) }

func typed[T any](rows iter.Seq[any]) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		rows(func(row any) bool { return yield(row.(*T)) })
	}
}
