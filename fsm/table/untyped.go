package table

import (
	"bytes"
	"iter"
	"reflect"
	"slices"

	"cofre/fsm/codec"
)

// untyped is a table without the type of its rows: a row of a Table[T] is a *T in an any here, and nil is none. So what
// tables do is compiled once, and not again for each type of row in each package that looks at it; go:noinline keeps it from
// coming back there with the walks.
type untyped struct {
	id      byte
	name    string
	key     func(row any) string
	indexes []index
	fresh   func() any        // an empty row
	clone   func(row any) any // a shallow copy
	own     owner
}

type index struct {
	name    string
	keys    func(row any) []string
	unique  bool
	drawn   bool
	edition int
}

// Name is the table's identity in snapshots and hashes.
func (t *untyped) Name() string { return t.name }

// ID is the table's place in the store.
func (t *untyped) ID() byte { return t.id }

func (t *untyped) reindex(value []byte) ([]byte, [][]byte, error) {
	row := t.fresh()
	if err := codec.Decode(value, row); err != nil {
		return nil, nil, err
	}
	return t.rowKey(t.key(row)), t.indexKeys(row), nil
}

// shared finds a row that others hold too: to look at, never to change.
func (t *untyped) shared(c *cell) any {
	if row := c.row.Load(); row != nil {
		return row
	}
	row := t.fresh()
	if err := codec.Decode(c.value, row); err != nil {
		panic(Failure{Op: "decode a row of table " + t.name, Err: err})
	}
	c.row.Store(row)
	return row
}

// copied finds a row as the caller's own.
func (t *untyped) copied(c *cell) any {
	if c.alone {
		return t.shared(c)
	}
	row := t.clone(t.shared(c))
	if t.own != nil {
		t.own(reflect.ValueOf(row).Elem())
	}
	return row
}

func (t *untyped) get(r Reader, key string) any {
	c := r.get(t.rowKey(key))
	if !c.exists {
		return nil
	}
	return t.copied(c)
}

func (t *untyped) look(r Reader, key string) any {
	c := r.get(t.rowKey(key))
	if !c.exists {
		return nil
	}
	return t.shared(c)
}

func (t *untyped) has(r Reader, key string) bool { return r.get(t.rowKey(key)).exists }

func (t *untyped) holds(r Reader, row any) bool {
	c := r.get(t.rowKey(t.key(row)))
	return c.exists && bytes.Equal(c.value, codec.MustEncode(row))
}

// put writes a row. Which index entries exist follows from the row as it was, so none is read, and those that stay are not
// written.
func (t *untyped) put(tx *Tx, row any) {
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

func (t *untyped) add(tx *Tx, row any) Hash {
	pk := t.key(row)
	key := t.rowKey(pk)
	c := tx.addRow(t, key, codec.MustEncode(row))
	for _, k := range t.indexKeys(row) {
		t.addEntry(tx, k, pk)
	}
	return c.counted(t, key)
}

func (t *untyped) insert(tx *Tx, row any) {
	pk := t.key(row)
	tx.setRow(t, t.rowKey(pk), absent, codec.MustEncode(row))
	for _, k := range t.indexKeys(row) {
		t.addEntry(tx, k, pk)
	}
}

func (t *untyped) remove(tx *Tx, key string, added Hash) {
	tx.deleteRow(t, t.rowKey(key), &cell{exists: true, hash: &added})
}

func (t *untyped) delete(tx *Tx, key string) {
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

// addEntry adds an index entry. One that another row holds in a unique index is a defect of the reducer, and ends it.
func (t *untyped) addEntry(tx *Tx, k []byte, pk string) {
	unique := t.unique(k)
	if unique && !t.indexes[k[1]-1].drawn && tx.get(k).exists {
		panic("two rows of table " + t.name + " under one key of the index " + t.indexes[k[1]-1].name)
	}
	tx.addEntry(k, pk, unique)
}

// unique tells whether an index entry belongs to a unique index.
func (t *untyped) unique(k []byte) bool { return t.indexes[k[1]-1].unique }

//go:noinline
func (t *untyped) all(r Reader, from string) iter.Seq[any] {
	return func(yield func(any) bool) {
		r.scan(t.rowKey(from), []byte{t.id, rowSpace + 1}, func(_ []byte, c *cell) bool { return yield(t.copied(c)) })
	}
}

//go:noinline
func (t *untyped) up(r Reader, from, to string) iter.Seq[any] {
	return func(yield func(any) bool) {
		r.scan(t.rowKey(from), t.rowKey(to), func(_ []byte, c *cell) bool { return yield(t.copied(c)) })
	}
}

//go:noinline
func (t *untyped) down(r Reader, from, to string) iter.Seq[any] {
	return func(yield func(any) bool) {
		r.scanDown(t.rowKey(from), t.rowKey(to), func(_ []byte, c *cell) bool { return yield(t.copied(c)) })
	}
}

//go:noinline
func (t *untyped) by(r Reader, index, key string) iter.Seq[any] {
	i := t.position(index)
	return func(yield func(any) bool) {
		lower := t.indexKey(i, key, "")
		if t.indexes[i].unique {
			if pk := r.get(lower); pk.exists {
				t.resolve(r, t.get, yield)(nil, pk)
			}
			return
		}
		upper := append(slices.Clone(lower[:len(lower)-1]), 1)
		row := t.resolve(r, t.get, yield)
		r.scan(lower, upper, func(k []byte, pk *cell) bool {
			// An index key may hold a zero byte (times do), so the entry of a longer key can stand in this range.
			return !bytes.Equal(k, t.indexKey(i, key, string(pk.value))) || row(k, pk)
		})
	}
}

//go:noinline
func (t *untyped) first(r Reader, index, key string) any {
	for row := range t.by(r, index, key) {
		return row
	}
	return nil
}

//go:noinline
func (t *untyped) scanIndex(r Reader, index, from, to string) iter.Seq[any] {
	lower, upper := t.between(index, from, to)
	return func(yield func(any) bool) { r.scan(lower, upper, t.resolve(r, t.get, yield)) }
}

//go:noinline
func (t *untyped) glanceIndex(r Reader, index, from, to string) iter.Seq[any] {
	lower, upper := t.between(index, from, to)
	return func(yield func(any) bool) { r.scan(lower, upper, t.resolve(r, t.look, yield)) }
}

//go:noinline
func (t *untyped) scanIndexDown(r Reader, index, from, to string) iter.Seq[any] {
	lower, upper := t.between(index, from, to)
	return func(yield func(any) bool) { r.scanDown(lower, upper, t.resolve(r, t.get, yield)) }
}

//go:noinline
func (t *untyped) count(r Reader, index, from, to string, limit int) (n int) {
	lower, upper := t.between(index, from, to)
	r.scan(lower, upper, func([]byte, *cell) bool {
		n++
		return n < limit
	})
	return n
}

// resolve shows the rows that index entries lead to, as find (get or look) gives them.
func (t *untyped) resolve(r Reader, find func(Reader, string) any, yield func(any) bool) func(k []byte, pk *cell) bool {
	return func(_ []byte, pk *cell) bool {
		row := find(r, string(pk.value))
		if row == nil {
			panic(Failure{Op: "index of table " + t.name, Err: errDangling})
		}
		return yield(row)
	}
}
