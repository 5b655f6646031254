package table

import (
	"fmt"
	"sync"
	"testing"
)

// TestSearchOfAView: what a view finds in the store, past all memory, is what stood there when it was pinned: for several readers at
// once, beside a writer that changes, deletes and adds, and while tables are written to files.
func TestSearchOfAView(t *testing.T) {
	t.Parallel()
	const rows = 200
	s := openThings(t)
	name := func(k, round int) string { return fmt.Sprint("n", k, "-", round) }
	write := func(round int) {
		b := s.Begin()
		tx := b.Tx(Stamp{})
		for k := range rows {
			if key := fmt.Sprint(k); (k+round)%7 == 0 {
				things.Delete(tx, key)
			} else {
				things.Put(tx, &thing{Key: key, Name: name(k, round)})
			}
		}
		b.Commit()
	}
	wrong := func(v *View, round int) (bad int) {
		for k := range rows {
			c := v.search(things.untyped.indexKey(0, name(k, round), ""))
			if gone := (k+round)%7 == 0; c.exists == gone || c.exists && string(c.value) != fmt.Sprint(k) {
				bad++
			}
		}
		return bad
	}
	write(0)
	var readers, writer sync.WaitGroup
	v := s.View()
	for range 3 {
		readers.Go(func() {
			for range 30 {
				if n := wrong(v, 0); n > 0 {
					t.Errorf("a view finds %d of %d rows as they do not stand in it", n, rows)
					return
				}
			}
		})
	}
	writer.Go(func() {
		for round := 1; round <= 30; round++ {
			write(round)
			if err := s.Flush(); err != nil {
				t.Error(err)
			}
			w := s.View()
			if n := wrong(w, round); n > 0 {
				t.Errorf("a new view finds %d of %d rows as they stood before", n, rows)
			}
			if wrong(w, round-1) == 0 {
				t.Error("the search cannot tell one moment from the next")
			}
			w.Close()
		}
	})
	readers.Wait()
	writer.Wait()
	v.Close()
	if len(s.pinned.finders) != 1 || s.pinned.views != 0 {
		t.Errorf("%d iterators are left, for %d views", len(s.pinned.finders), s.pinned.views)
	}
}
