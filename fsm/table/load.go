package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"

	"cofre/fsm/codec"
)

const loadBatch = 4 << 20 // bytes written at once while loading

// Row is one row of one table, as streams carry it.
type Row struct {
	Table string
	Key   []byte
	Value []byte
}

// Load fills an empty store from a stream of rows (io.EOF ends it): it decodes each row strictly, builds indexes and
// hashes anew, writes the applied position last and makes everything durable.
func (s *Store) Load(next func() (Row, error), applied Applied) error {
	b := s.db.NewBatch()
	hashes, err := walkRows(s.schema, next, func(row Row, key []byte, indexKeys [][]byte) error {
		if err := loadRow(b, row, key, indexKeys); err != nil {
			return err
		}
		if b.Len() > loadBatch {
			if err := b.Commit(pebble.NoSync); err != nil {
				return fmt.Errorf("load the state: %w", err)
			}
			b = s.db.NewBatch()
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, h := range hashes {
		if err := b.Set(append(hashPrefix[:2:2], id), h[:], nil); err != nil {
			return fmt.Errorf("load the state: %w", err)
		}
	}
	if err := b.Set(appliedKey, codec.MustEncode(&applied), nil); err != nil {
		return fmt.Errorf("load the state: %w", err)
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("load the state: %w", err)
	}
	if err := s.Flush(); err != nil {
		return err
	}
	if err := s.forget(); err != nil {
		return err
	}
	return s.load()
}

// forget drops from memory what stood in the store before rows were written past it.
func (s *Store) forget() error {
	s.rows.purge()
	s.ranges.forget()
	s.pin.Lock()
	defer s.pin.Unlock()
	return s.unpin()
}

// Inspect does with a stream of rows all that Load does but to keep them: it decodes each row strictly and gives the hash of
// the state that they make. each sees every row.
func Inspect(schema []Erased, next func() (Row, error), each func(Row) error) (Hash, error) {
	hashes, err := walkRows(schema, next, func(row Row, _ []byte, _ [][]byte) error { return each(row) })
	return combine(schema, hashes), err
}

// walkRows decodes the rows of a stream and gives the hash of each table.
func walkRows(schema []Erased, next func() (Row, error), each func(row Row, key []byte, indexKeys [][]byte) error) (map[byte]Hash, error) {
	byName := map[string]Erased{}
	for _, t := range schema {
		byName[t.Name()] = t
	}
	hashes := map[byte]Hash{}
	for {
		row, err := next()
		if errors.Is(err, io.EOF) {
			return hashes, nil
		}
		if err != nil {
			return nil, err
		}
		t, ok := byName[row.Table]
		if !ok {
			return nil, fmt.Errorf("load the state: this binary does not know the table %q", row.Table)
		}
		key, indexKeys, err := t.reindex(row.Value)
		if err != nil {
			return nil, fmt.Errorf("load a row of table %s: %w", row.Table, err)
		}
		if !bytes.Equal(key[2:], row.Key) {
			return nil, fmt.Errorf("load a row of table %s: its key does not belong to its value", row.Table)
		}
		if err := each(row, key, indexKeys); err != nil {
			return nil, err
		}
		h := hashes[t.ID()]
		h.toggle(t.Name(), row.Key, row.Value)
		hashes[t.ID()] = h
	}
}

func loadRow(b *pebble.Batch, row Row, key []byte, indexKeys [][]byte) error {
	if err := b.Set(key, row.Value, nil); err != nil {
		return fmt.Errorf("load a row of table %s: %w", row.Table, err)
	}
	for _, k := range indexKeys {
		if err := b.Set(k, row.Key, nil); err != nil {
			return fmt.Errorf("load an index of table %s: %w", row.Table, err)
		}
	}
	return nil
}
