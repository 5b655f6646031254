package table

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// What a scan takes from memory is what the store holds, after any mix of puts, deletes, rollbacks and drops, also when
// the reader stops early or changes the rows it reads; and memory does answer.
func TestRangesAgreeWithTheStore(t *testing.T) {
	t.Parallel()
	bad, remembered := rangeDisagreements(openThings(t), (*Batch).Commit)
	if len(bad) > 0 {
		t.Errorf("%d scans differ, the first: %s", len(bad), bad[0])
	}
	if remembered == 0 {
		t.Error("no scan was answered from memory")
	}
}

// The control: what is not forgotten when a batch changes it is found out.
func TestRangesControl(t *testing.T) {
	t.Parallel()
	bad, _ := rangeDisagreements(openThings(t), func(b *Batch) {
		kept := ranges{maps.Clone(b.s.ranges.spaces), b.s.ranges.n}
		b.Commit()
		b.s.ranges = kept
	})
	if len(bad) == 0 {
		t.Error("stale ranges were not noticed")
	}
}

func rangeDisagreements(s *Store, commit func(*Batch)) (bad []string, remembered int) {
	rnd := rand.New(rand.NewPCG(3, 4))
	key := func() string { return fmt.Sprintf("%02d", rnd.IntN(40)) }
	for range 400 {
		b := s.Begin()
		for range rnd.IntN(4) {
			tx := b.Tx(Stamp{})
			for range rnd.IntN(3) {
				if k := key(); rnd.IntN(3) > 0 {
					things.Delete(tx, k)
				} else {
					things.Put(tx, &thing{Key: k, Name: "n" + k})
				}
			}
			if rnd.IntN(3) == 0 {
				tx.Rollback()
			}
		}
		for range 6 {
			from := rnd.IntN(40)
			lower, upper := things.indexKey(0, fmt.Sprintf("n%02d", from), ""), things.indexKey(0, fmt.Sprintf("n%02d", from+rnd.IntN(25)), "")
			down, stop := rnd.IntN(2) == 0, rnd.IntN(12)
			list := func(scan func(fn func(k, v []byte) bool)) (all []string) {
				scan(func(k, v []byte) bool {
					all = append(all, fmt.Sprintf("%q=%q", k, v))
					return len(all) != stop
				})
				return all
			}
			if _, ok := s.ranges.spaces[Space(lower)][bounds{string(lower), string(upper), down}]; ok {
				remembered++
			}
			got := list(func(fn func(k, v []byte) bool) { b.scanCommitted(lower, upper, down, fn) })
			want := list(func(fn func(k, v []byte) bool) { dbScan(s.db, lower, upper, down, fn) })
			if fmt.Sprint(got) != fmt.Sprint(want) {
				bad = append(bad, fmt.Sprintf("%q to %q: %v, the store has %v", lower, upper, got, want))
			}
		}
		if rnd.IntN(3) == 0 {
			b.Drop()
		} else {
			commit(b)
		}
	}
	return bad, remembered
}
