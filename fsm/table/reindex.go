package table

import (
	"crypto/sha256"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// definitionsKey holds what the index entries of a store were made by.
var definitionsKey = []byte{0, 'i'}

// definitions tells stores apart whose index entries differ: a hash of where the entries of which index stand, and of its edition.
func definitions(schema []Erased) []byte {
	d := sha256.New()
	for _, t := range schema {
		_, _ = fmt.Fprintf(d, "%d %s\n", t.ID(), t.defined())
	}
	return d.Sum(nil)
}

func (t *untyped) defined() (all string) {
	for _, ix := range t.indexes {
		all += fmt.Sprintf(" %s %t %d", ix.name, ix.unique, ix.edition)
	}
	return all
}

// reindex builds the index entries anew if the store's were made by other definitions, as those of an earlier version of the program were:
// they are no part of the replicated state, so nothing else tells. A process that ends meanwhile begins anew. 100,000 rows take one or two seconds.
func (s *Store) reindex(o Options) error {
	want := definitions(s.schema)
	v := s.View()
	made, used := v.search(definitionsKey), v.search(appliedKey).exists
	v.Close()
	if made.exists && string(made.value) == string(want) {
		return nil
	}
	if used {
		if o.Reindexing != nil {
			o.Reindexing()
		}
		if err := s.buildEntries(); err != nil {
			return fmt.Errorf("build the index entries anew: %w", err)
		}
	}
	// Nothing but a flush makes it durable, and what came before it is then, too.
	if err := s.db.Set(definitionsKey, want, pebble.NoSync); err != nil {
		return fmt.Errorf("note the definitions of indexes: %w", err)
	}
	return s.forget()
}

func (s *Store) buildEntries() (err error) {
	b := s.db.NewBatch()
	for _, t := range s.schema {
		if err := b.DeleteRange([]byte{t.ID(), rowSpace + 1}, []byte{t.ID() + 1}, nil); err != nil {
			return err
		}
	}
	for _, t := range s.schema {
		dbScan(s.db, []byte{t.ID(), rowSpace}, []byte{t.ID(), rowSpace + 1}, false, func(k, value []byte) bool {
			var keys [][]byte
			if _, keys, err = t.reindex(value); err != nil {
				return false
			}
			for _, entry := range keys {
				if err = b.Set(entry, k[2:], nil); err != nil {
					return false
				}
			}
			if b.Len() > loadBatch {
				err = b.Commit(pebble.NoSync)
				b = s.db.NewBatch()
			}
			return err == nil
		})
		if err != nil {
			return fmt.Errorf("table %s: %w", t.Name(), err)
		}
	}
	return b.Commit(pebble.NoSync)
}
