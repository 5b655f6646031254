package table

import "testing"

type hashed struct {
	ID string `cbor:"id"`
}

// Two releases, the newer with one table more, agree on the hash of the same state until the table holds a row.
func TestHashOfMoreTables(t *testing.T) {
	t.Parallel()
	older := []Erased{Define(201, "one", func(h *hashed) string { return h.ID })}
	newer := append(older[:1:1], Erased(Define(202, "two", func(h *hashed) string { return h.ID })))
	var row Hash
	row.toggle("one", []byte("k"), []byte("v"))
	hashes := map[byte]Hash{201: row}
	if combine(older, hashes) != combine(newer, hashes) {
		t.Error("an empty table changes the hash: nodes of two releases would quarantine each other")
	}
	hashes[202] = row
	if combine(older, hashes) == combine(newer, hashes) {
		t.Error("a row of the new table does not count")
	}
	if combine(older, nil) == combine(older, map[byte]Hash{201: row}) {
		t.Error("an empty state has the hash of one with a row")
	}
}
