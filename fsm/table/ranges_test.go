package table

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// What a scan takes from memory is what the store holds, for the writer and for views old and new, after any mix of puts, deletes,
// rollbacks and drops, also when the reader stops early or changes the rows it reads; and memory does answer.
func TestRangesAgreeWithTheStore(t *testing.T) {
	t.Parallel()
	bad, remembered := rangeDisagreements(openThings(t), (*Batch).Commit)
	if len(bad) > 0 {
		t.Errorf("%d scans differ, the first: %s", len(bad), bad[0])
	}
	if remembered < 1000 {
		t.Errorf("%d scans began in memory", remembered)
	}
}

// The control: what a batch does not bring up to date is found out.
func TestRangesControl(t *testing.T) {
	t.Parallel()
	bad, _ := rangeDisagreements(openThings(t), func(b *Batch) {
		stale := map[*span][]entry{}
		for _, spans := range b.s.ranges.spaces {
			for _, s := range spans {
				stale[s] = s.rows
			}
		}
		b.Commit()
		for s, rows := range stale {
			s.rows = rows
		}
	})
	if len(bad) == 0 {
		t.Error("stale ranges were not noticed")
	}
}

// The control of the other side: a view that takes what a later batch made of a span is found out.
func TestRangesOfOldViewsControl(t *testing.T) {
	t.Parallel()
	bad, _ := rangeDisagreements(openThings(t), func(b *Batch) {
		b.Commit()
		for _, spans := range b.s.ranges.spaces {
			for _, s := range spans {
				s.since = 0
			}
		}
	})
	if len(bad) == 0 {
		t.Error("a view saw what was changed after it, and nobody noticed")
	}
}

func rangeDisagreements(s *Store, commit func(*Batch)) (bad []string, remembered int) {
	rnd := rand.New(rand.NewPCG(3, 4))
	key := func() string { return fmt.Sprintf("%03d", rnd.IntN(200)) }
	bounds := func() (lower, upper []byte, down bool, stop int) {
		from := rnd.IntN(200)
		name := func(n int) string { return fmt.Sprintf("n%03d", n) }
		if rnd.IntN(2) == 0 {
			return things.untyped.rowKey(name(from)[1:]), things.untyped.rowKey(name(from + rnd.IntN(120))[1:]), rnd.IntN(3) == 0, rnd.IntN(90)
		}
		return things.untyped.indexKey(0, name(from), ""), things.untyped.indexKey(0, name(from+rnd.IntN(120)), ""), rnd.IntN(3) == 0, rnd.IntN(90)
	}
	compare := func(who string, upto uint64, scan func(lower, upper []byte, down bool, fn func([]byte, *cell) bool), stored func(lower, upper []byte, down bool, fn func(k, v []byte) bool)) {
		lower, upper, down, stop := bounds()
		if _, _, ok := s.ranges.known(lower, upto); ok {
			remembered++
		}
		var got, want []string
		scan(lower, upper, down, func(k []byte, c *cell) bool {
			got = append(got, string(k)+"="+string(c.value))
			return len(got) != stop
		})
		stored(lower, upper, down, func(k, v []byte) bool {
			want = append(want, string(k)+"="+string(v))
			return len(want) != stop
		})
		if !slices.Equal(got, want) {
			bad = append(bad, fmt.Sprintf("%s, %q to %q: %.200q, the store has %.200q", who, lower, upper, got, want))
		}
	}
	look := func(v *View) {
		compare("a view", v.upto, func(lower, upper []byte, down bool, fn func([]byte, *cell) bool) {
			if down {
				v.scanDown(lower, upper, fn)
				return
			}
			v.scan(lower, upper, fn)
		}, func(lower, upper []byte, down bool, fn func(k, v []byte) bool) {
			dbScan(v.pinned, lower, upper, down, fn)
		})
	}
	var views []*View
	defer func() {
		for _, v := range views {
			v.Close()
		}
	}()
	for range 200 {
		b := s.Begin()
		for range rnd.IntN(4) {
			tx := b.Tx(Stamp{})
			for range rnd.IntN(8) {
				if k := key(); rnd.IntN(3) == 0 {
					things.Delete(tx, k)
				} else {
					things.Put(tx, &thing{Key: k, Name: "n" + k, List: []string{fmt.Sprint(rnd.IntN(3))}, Words: map[string]string{"long": fmt.Sprintf("%*d", (1-min(1, rnd.IntN(12)))*rnd.IntN(cachedBytes*6/5), 1)}})
				}
			}
			if rnd.IntN(3) == 0 {
				tx.Rollback()
			}
		}
		for range 6 {
			compare("the writer", b.n-1, b.scanCommitted, func(lower, upper []byte, down bool, fn func(k, v []byte) bool) { dbScan(s.db, lower, upper, down, fn) })
		}
		for _, v := range views {
			look(v)
		}
		if rnd.IntN(3) == 0 {
			b.Drop()
		} else {
			commit(b)
		}
		fresh := s.View()
		for range 6 {
			look(fresh)
		}
		if views = append(views, fresh); len(views) > 5 {
			n := rnd.IntN(len(views))
			views[n].Close()
			views = append(views[:n], views[n+1:]...)
		}
	}
	return bad, remembered
}

// Views that read while batches commit see each batch whole or not at all: every row moves on along the index in every batch, and
// there are always as many.
func TestRangesWhileBatchesCommit(t *testing.T) {
	t.Parallel()
	const rows, batches = 40, 100
	s := openThings(t)
	move := func(n int) {
		b := s.Begin()
		for k := range rows {
			things.Put(b.Tx(Stamp{}), &thing{Key: fmt.Sprintf("%03d", k), Name: fmt.Sprintf("n%06d-%03d", n, k)})
		}
		b.Commit()
	}
	move(0)
	var readers sync.WaitGroup
	var done atomic.Bool
	for range 3 {
		readers.Go(func() {
			for !done.Load() {
				v := s.View()
				seen := map[string]int{}
				for r := range things.Range(v, "name", "n", "o") {
					seen[r.Name[:7]]++
				}
				for r := range things.All(v, "") {
					seen[r.Name[:7]]++
				}
				v.Close()
				if len(seen) != 1 || slices.Collect(maps.Values(seen))[0] != 2*rows {
					t.Errorf("a view shows %v", seen)
					return
				}
			}
		})
	}
	for n := range batches {
		move(n + 1)
	}
	done.Store(true)
	readers.Wait()
}

// What is kept is counted right, and bounded.
func TestRangesAreBounded(t *testing.T) {
	t.Parallel()
	s := openThings(t)
	rangeDisagreements(s, (*Batch).Commit)
	count := func() (spans, rows int) {
		for _, of := range s.ranges.spaces {
			for _, sp := range of {
				spans, rows = spans+1, rows+len(sp.rows)
			}
		}
		return spans, rows
	}
	if spans, rows := count(); spans != s.ranges.spans || rows != s.ranges.rows || rows == 0 {
		t.Errorf("%d spans of %d rows are counted as %d of %d", spans, rows, s.ranges.spans, s.ranges.rows)
	}
	b := s.Begin()
	for k := range 3000 {
		things.Put(b.Tx(Stamp{}), &thing{Key: fmt.Sprintf("%06d", k), Name: fmt.Sprintf("m%06d", k)})
	}
	b.Commit()
	v := s.View()
	defer v.Close()
	all := func([]byte, *cell) bool { return true }
	for k := 0; k < 9000; k += 7 { // far more spans than are kept, and some of them long
		v.scan(things.untyped.rowKey(fmt.Sprintf("%06d", k)), things.untyped.rowKey(fmt.Sprintf("%06d!", k)), all)
		if k%42 == 0 {
			v.scan(things.untyped.indexKey(0, fmt.Sprintf("m%06d", k), ""), things.untyped.indexKey(0, fmt.Sprintf("m%06d", k+40), ""), all)
		}
		if spans, rows := s.ranges.spans, s.ranges.rows; spans > keptSpans || rows > keptInAll+keptRows {
			t.Fatalf("%d spans of %d rows", spans, rows)
		}
	}
	if spans, rows := count(); spans != s.ranges.spans || rows != s.ranges.rows {
		t.Errorf("%d spans of %d rows are counted as %d of %d", spans, rows, s.ranges.spans, s.ranges.rows)
	}
}
