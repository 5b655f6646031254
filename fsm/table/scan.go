package table

import (
	"bytes"
	"slices"
)

// scan lists what stands between two keys of one space, with what the batch changed there so far.
func (b *Batch) scan(lower, upper []byte, down bool, fn func(k []byte, c *cell) bool) {
	changed := b.changedIn(lower, upper, down)
	if len(changed) == 0 {
		b.scanCommitted(lower, upper, down, fn)
		return
	}
	// before tells whether a key comes before another one in the order of the scan.
	before := func(a, b []byte) bool {
		if down {
			a, b = b, a
		}
		return bytes.Compare(a, b) < 0
	}
	more := true
	// until shows the changed rows before a key, or all of them.
	until := func(key []byte) {
		for more && len(changed) > 0 && (key == nil || before(changed[0].key, key)) {
			if c := changed[0]; c.now.exists {
				more = fn(c.key, c.now)
			}
			changed = changed[1:]
		}
	}
	b.scanCommitted(lower, upper, down, func(k []byte, stood *cell) bool {
		until(k)
		if !more {
			return false
		}
		if len(changed) > 0 && bytes.Equal(changed[0].key, k) {
			c := changed[0]
			changed = changed[1:]
			if !c.now.exists {
				return true
			}
			stood = c.now
		}
		more = fn(k, stood)
		return more
	})
	until(nil)
}

type changedKey struct {
	key []byte
	now *cell
}

// changedIn lists what the batch changed between two keys, in the order of the scan: as it stands now, because fn may
// change it further.
func (b *Batch) changedIn(lower, upper []byte, down bool) (in []changedKey) {
	for _, p := range b.spaces[Space(lower)] {
		if bytes.Compare(p.key, lower) >= 0 && bytes.Compare(p.key, upper) < 0 {
			in = append(in, changedKey{p.key, p.now})
		}
	}
	slices.SortFunc(in, func(x, y changedKey) int { return bytes.Compare(x.key, y.key) })
	if down {
		slices.Reverse(in)
	}
	return in
}

// scanCommitted lists what stands between two keys of one space in the committed rows, for the writer.
func (b *Batch) scanCommitted(lower, upper []byte, down bool, fn func(k []byte, c *cell) bool) {
	if down {
		b.s.ranges.scanDown(b.s.db, b.n-1, lower, upper, fn)
		return
	}
	b.s.ranges.scan(b.s.db, b.n-1, b.n, lower, upper, fn)
}
