package table

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Hash is the rolling hash of a set of rows: the XOR of their row hashes, so that it does not depend on order and is
// kept up with each change (the idea is litefs' database checksum).
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:8]) }

func (h *Hash) toggle(table string, key, value []byte) {
	h.xor(rowHash(table, key, value))
}

func (h *Hash) xor(o Hash) {
	for i := range h {
		h[i] ^= o[i]
	}
}

// rowHash is what one row adds to the hash of its table.
func rowHash(table string, key, value []byte) (sum Hash) {
	d := sha256.New()
	var n [4]byte
	for _, part := range [][]byte{[]byte(table), key, value} {
		binary.BigEndian.PutUint32(n[:], uint32(len(part)))
		d.Write(n[:])
		d.Write(part)
	}
	d.Sum(sum[:0])
	return sum
}

// combine hashes the hashes of all tables in the order of their ids. An empty table does not count: a release that
// brings one gives the same state the same hash as the release before.
func combine(schema []Erased, hashes map[byte]Hash) Hash {
	d := sha256.New()
	for _, t := range schema {
		h := hashes[t.ID()]
		if h == (Hash{}) {
			continue
		}
		d.Write([]byte(t.Name()))
		d.Write(h[:])
	}
	var sum Hash
	d.Sum(sum[:0])
	return sum
}
