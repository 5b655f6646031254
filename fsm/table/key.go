package table

import (
	"bytes"
	"encoding/binary"
	"slices"

	"cofre/fsm/model"
)

// A key in the store is the id of its table, rowSpace or 1+i for the index i, and the key of the row; an entry of an index
// that is not unique has a zero byte and the key of its row behind it.
const rowSpace = 0

// TimeKey orders moments as index keys.
func TimeKey(t model.Time) string { return NumberKey(uint64(t)) }

// NumberKey orders numbers as index keys.
func NumberKey(n uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return string(b[:])
}

func (t *untyped) rowKey(key string) []byte {
	return append([]byte{t.id, rowSpace}, key...)
}

func (t *untyped) indexKey(i int, index, key string) []byte {
	b := make([]byte, 0, 3+len(index)+len(key))
	b = append(b, t.id, byte(1+i))
	b = append(b, index...)
	if t.indexes[i].unique {
		return b
	}
	b = append(b, 0)
	return append(b, key...)
}

func (t *untyped) indexKeys(row any) [][]byte {
	var keys [][]byte
	pk := t.key(row)
	for i, ix := range t.indexes {
		for _, k := range ix.keys(row) {
			keys = append(keys, t.indexKey(i, k, pk))
		}
	}
	return keys
}

// between gives the bounds of the entries of an index from a key (inclusive) to another.
func (t *untyped) between(index, from, to string) (lower, upper []byte) {
	space := t.indexSpace(index)
	return append(space[:2:2], from...), append(space[:2:2], to...)
}

func (t *untyped) indexSpace(index string) Space { return Space{t.id, byte(1 + t.position(index))} }

func (t *untyped) position(index string) int {
	for i, ix := range t.indexes {
		if ix.name == index {
			return i
		}
	}
	panic("table " + t.name + " has no index " + index)
}

func containsKey(keys [][]byte, k []byte) bool {
	return slices.ContainsFunc(keys, func(o []byte) bool { return bytes.Equal(o, k) })
}
