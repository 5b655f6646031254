package table

import (
	"bytes"
	"encoding/binary"
	"iter"
	"reflect"
	"slices"

	"cofre/fsm/codec"
	"cofre/fsm/model"
)

// Table is a typed table: rows of T by a string key, with secondary indexes.
type Table[T any] struct {
	id      byte
	name    string
	key     func(*T) string
	indexes []Index[T]
	own     owner
}

// Index lists the keys under which a row is found; none, one or several. Keys order by their bytes. In a Unique index
// no two rows share a key, which reducers see to before they put: it is found by one read instead of a scan. Drawn says
// that keys come from a counter, so that nobody can hold a new one.
type Index[T any] struct {
	Name   string
	Keys   func(*T) []string
	Unique bool
	Drawn  bool
}

// Define declares a table. The id is its place in the store (1-250) and is never reused; the name is its identity in
// snapshots and hashes.
func Define[T any](id byte, name string, key func(*T) string, indexes ...Index[T]) *Table[T] {
	return &Table[T]{id: id, name: name, key: key, indexes: indexes, own: ownerOf(reflect.TypeFor[T]())}
}

// Erased is a table without its row type, for what concerns all tables: snapshots, hashes, dumps.
type Erased interface {
	Name() string
	ID() byte
	// Reindex decodes a row strictly and gives its key and its index keys as they stand in the store.
	reindex(value []byte) (key []byte, indexKeys [][]byte, err error)
}

// Name is the table's identity in snapshots and hashes.
func (t *Table[T]) Name() string { return t.name }

// ID is the table's place in the store.
func (t *Table[T]) ID() byte { return t.id }

// TimeKey orders moments as index keys.
func TimeKey(t model.Time) string { return NumberKey(uint64(t)) }

// NumberKey orders numbers as index keys.
func NumberKey(n uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return string(b[:])
}

const rowSpace = 0 // byte after the table id: 0 for rows, 1+i for index i

func (t *Table[T]) rowKey(key string) []byte {
	return append([]byte{t.id, rowSpace}, key...)
}

func (t *Table[T]) indexKey(i int, index, key string) []byte {
	b := make([]byte, 0, 3+len(index)+len(key))
	b = append(b, t.id, byte(1+i))
	b = append(b, index...)
	if t.indexes[i].Unique {
		return b
	}
	b = append(b, 0)
	return append(b, key...)
}

func (t *Table[T]) indexKeys(row *T) [][]byte {
	var keys [][]byte
	pk := t.key(row)
	for i, ix := range t.indexes {
		for _, k := range ix.Keys(row) {
			keys = append(keys, t.indexKey(i, k, pk))
		}
	}
	return keys
}

func (t *Table[T]) reindex(value []byte) ([]byte, [][]byte, error) {
	var row T
	if err := codec.Decode(value, &row); err != nil {
		return nil, nil, err
	}
	return t.rowKey(t.key(&row)), t.indexKeys(&row), nil
}

// shared finds a row that others hold too: to look at, never to change.
func (t *Table[T]) shared(c *cell) *T {
	if row, ok := c.row.Load().(*T); ok {
		return row
	}
	row := new(T)
	if err := codec.Decode(c.value, row); err != nil {
		panic(Failure{Op: "decode a row of table " + t.name, Err: err})
	}
	c.row.Store(row)
	return row
}

// Get finds a row by key. The row is the caller's own copy, except that byte strings in it must not be changed in place.
func (t *Table[T]) Get(r Reader, key string) (*T, bool) {
	c := r.get(t.rowKey(key))
	if !c.exists {
		return nil, false
	}
	return t.copied(c), true
}

// copied finds a row as the caller's own.
func (t *Table[T]) copied(c *cell) *T {
	if c.alone {
		return t.shared(c)
	}
	row := *t.shared(c)
	if t.own != nil {
		t.own(reflect.ValueOf(&row).Elem())
	}
	return &row
}

// Look is Get without the copy, for rows that every command reads: others hold the row too, so nothing in it may change.
func (t *Table[T]) Look(r Reader, key string) (*T, bool) {
	c := r.get(t.rowKey(key))
	if !c.exists {
		return nil, false
	}
	return t.shared(c), true
}

// Has tells whether a row exists, without decoding it.
func (t *Table[T]) Has(r Reader, key string) bool {
	return r.get(t.rowKey(key)).exists
}

// Holds tells whether a row stands in the table just as it is.
func (t *Table[T]) Holds(r Reader, row *T) bool {
	c := r.get(t.rowKey(t.key(row)))
	return c.exists && bytes.Equal(c.value, codec.MustEncode(row))
}

// Put writes a row and keeps its indexes. Which index entries exist follows from the row as it was, so none is read, and
// those that stay are not written.
func (t *Table[T]) Put(tx *Tx, row *T) {
	pk := t.key(row)
	key, value := t.rowKey(pk), codec.MustEncode(row)
	fresh := t.indexKeys(row)
	var stood [][]byte
	old := tx.get(key)
	if old.exists {
		if bytes.Equal(old.value, value) {
			return
		}
		stood = t.indexKeys(t.shared(old))
	}
	tx.setRow(t, key, old, value)
	for _, k := range stood {
		if !containsKey(fresh, k) {
			tx.deleteEntry(k, pk, t.unique(k))
		}
	}
	for _, k := range fresh {
		if !containsKey(stood, k) {
			t.addEntry(tx, k, pk)
		}
	}
}

// Add writes a row of which the caller knows that its key is new and that nobody will read it soon: it is neither
// looked for nor kept in memory. What it gives is for Remove.
func (t *Table[T]) Add(tx *Tx, row *T) Hash {
	pk := t.key(row)
	key := t.rowKey(pk)
	c := tx.addRow(t, key, codec.MustEncode(row))
	for _, k := range t.indexKeys(row) {
		t.addEntry(tx, k, pk)
	}
	return c.counted(t, key)
}

// Insert is Put for a row whose key no row can have had, as keys that are drawn for what a command creates: it is not looked for.
func (t *Table[T]) Insert(tx *Tx, row *T) {
	pk := t.key(row)
	tx.setRow(t, t.rowKey(pk), absent, codec.MustEncode(row))
	for _, k := range t.indexKeys(row) {
		t.addEntry(tx, k, pk)
	}
}

// Remove deletes a row of a table without indexes of which the caller knows that it stands there as it was added: it is not looked
// for. added is what Add gave for it.
func (t *Table[T]) Remove(tx *Tx, key string, added Hash) {
	tx.deleteRow(t, t.rowKey(key), &cell{exists: true, hash: &added})
}

// addEntry adds an index entry. One that another row holds in a unique index is a defect of the reducer, and ends it.
func (t *Table[T]) addEntry(tx *Tx, k []byte, pk string) {
	unique := t.unique(k)
	if unique && !t.indexes[k[1]-1].Drawn && tx.get(k).exists {
		panic("two rows of table " + t.name + " under one key of the index " + t.indexes[k[1]-1].Name)
	}
	tx.addEntry(k, pk, unique)
}

// unique tells whether an index entry belongs to a unique index.
func (t *Table[T]) unique(k []byte) bool { return t.indexes[k[1]-1].Unique }

// Delete removes a row and its index entries; an absent row is no error.
func (t *Table[T]) Delete(tx *Tx, key string) {
	k := t.rowKey(key)
	old := tx.get(k)
	if !old.exists {
		return
	}
	if len(t.indexes) > 0 {
		for _, ik := range t.indexKeys(t.shared(old)) {
			tx.deleteEntry(ik, key, t.unique(ik))
		}
	}
	tx.deleteRow(t, k, old)
}

// All lists rows in key order, starting at key from (inclusive).
func (t *Table[T]) All(r Reader, from string) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		r.scan(t.rowKey(from), []byte{t.id, rowSpace + 1}, func(_ []byte, c *cell) bool { return yield(t.copied(c)) })
	}
}

// Up lists the rows whose key is at least from and below to, in key order.
func (t *Table[T]) Up(r Reader, from, to string) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		r.scan(t.rowKey(from), t.rowKey(to), func(_ []byte, c *cell) bool { return yield(t.copied(c)) })
	}
}

// Down is Up in descending order.
func (t *Table[T]) Down(r Reader, from, to string) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		r.scanDown(t.rowKey(from), t.rowKey(to), func(_ []byte, c *cell) bool { return yield(t.copied(c)) })
	}
}

// By lists the rows whose index key equals key, in order of their row keys.
func (t *Table[T]) By(r Reader, index, key string) iter.Seq[*T] {
	i := t.position(index)
	return func(yield func(*T) bool) {
		if t.indexes[i].Unique {
			if pk := r.get(t.indexKey(i, key, "")); pk.exists {
				t.resolve(r, yield)(nil, pk)
			}
			return
		}
		lower := t.indexKey(i, key, "")
		upper := append(slices.Clone(lower[:len(lower)-1]), 1)
		row := t.resolve(r, yield)
		r.scan(lower, upper, func(k []byte, pk *cell) bool {
			// An index key may hold a zero byte (times do), so the entry of a longer key can stand in this range.
			return !bytes.Equal(k, t.indexKey(i, key, string(pk.value))) || row(k, pk)
		})
	}
}

// First finds the first row whose index key equals key.
func (t *Table[T]) First(r Reader, index, key string) (*T, bool) {
	for row := range t.By(r, index, key) {
		return row, true
	}
	return nil, false
}

// Range lists the rows whose index key is at least from and below to, in order of the index.
func (t *Table[T]) Range(r Reader, index, from, to string) iter.Seq[*T] {
	i := t.position(index)
	return t.rows(r, append([]byte{t.id, byte(1 + i)}, from...), append([]byte{t.id, byte(1 + i)}, to...))
}

// Reverse is Range in descending order.
func (t *Table[T]) Reverse(r Reader, index, from, to string) iter.Seq[*T] {
	i := t.position(index)
	lower, upper := append([]byte{t.id, byte(1 + i)}, from...), append([]byte{t.id, byte(1 + i)}, to...)
	return func(yield func(*T) bool) { r.scanDown(lower, upper, t.resolve(r, yield)) }
}

func (t *Table[T]) rows(r Reader, lower, upper []byte) iter.Seq[*T] {
	return func(yield func(*T) bool) { r.scan(lower, upper, t.resolve(r, yield)) }
}

func (t *Table[T]) resolve(r Reader, yield func(*T) bool) func(k []byte, pk *cell) bool {
	return func(_ []byte, pk *cell) bool {
		row, ok := t.Get(r, string(pk.value))
		if !ok {
			panic(Failure{Op: "index of table " + t.name, Err: errDangling})
		}
		return yield(row)
	}
}

func (t *Table[T]) position(index string) int {
	for i, ix := range t.indexes {
		if ix.Name == index {
			return i
		}
	}
	panic("table " + t.name + " has no index " + index)
}

func containsKey(keys [][]byte, k []byte) bool {
	return slices.ContainsFunc(keys, func(o []byte) bool { return bytes.Equal(o, k) })
}
