package table

// Count counts the entries of an index from a key (inclusive) to another, up to a limit, without reading the rows.
func (t *Table[T]) Count(r Reader, index, from, to string, limit int) (n int) {
	i := t.position(index)
	r.scan(append([]byte{t.id, byte(1 + i)}, from...), append([]byte{t.id, byte(1 + i)}, to...), func([]byte, *cell) bool {
		n++
		return n < limit
	})
	return n
}

// Key is the key of a row.
func (t *Table[T]) Key(row *T) string { return t.key(row) }
