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
	byName := map[string]Erased{}
	for _, t := range s.schema {
		byName[t.Name()] = t
	}
	hashes := map[byte]Hash{}
	b := s.db.NewBatch()
	for {
		row, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		t, ok := byName[row.Table]
		if !ok {
			return fmt.Errorf("load the state: this binary does not know the table %q", row.Table)
		}
		if err := loadRow(b, t, row, hashes); err != nil {
			return err
		}
		if b.Len() > loadBatch {
			if err := b.Commit(pebble.NoSync); err != nil {
				return fmt.Errorf("load the state: %w", err)
			}
			b = s.db.NewBatch()
		}
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
	s.rows.purge() // what stood there before went past it
	s.ranges = ranges{}
	return s.load()
}

func loadRow(b *pebble.Batch, t Erased, row Row, hashes map[byte]Hash) error {
	key, indexKeys, err := t.reindex(row.Value)
	if err != nil {
		return fmt.Errorf("load a row of table %s: %w", row.Table, err)
	}
	if !bytes.Equal(key[2:], row.Key) {
		return fmt.Errorf("load a row of table %s: its key does not belong to its value", row.Table)
	}
	if err := b.Set(key, row.Value, nil); err != nil {
		return fmt.Errorf("load a row of table %s: %w", row.Table, err)
	}
	for _, k := range indexKeys {
		if err := b.Set(k, row.Key, nil); err != nil {
			return fmt.Errorf("load an index of table %s: %w", row.Table, err)
		}
	}
	h := hashes[t.ID()]
	h.toggle(t.Name(), row.Key, row.Value)
	hashes[t.ID()] = h
	return nil
}
