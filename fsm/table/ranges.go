package table

import "bytes"

const (
	keptRanges = 1024 // of a store; when there are more, all are forgotten
	keptRows   = 16   // of a range; longer ones are scanned each time
)

// ranges keeps what the writer's scans of the committed rows found, until a batch touches the space. Commands ask
// again and again for the few policies or profiles that might concern a row, mostly to find none; a search of the store
// costs 5 us for each of them, on every node.
type ranges struct {
	spaces map[Space]map[bounds][]entry
	n      int
}

// bounds are what a scan was asked for.
type bounds struct {
	lower, upper string
	down         bool
}

type entry struct{ k, v []byte }

// forget drops what was found in the spaces that a batch touched.
func (r *ranges) forget(touched map[Space][]*pending) {
	for s := range touched {
		r.n -= len(r.spaces[s])
		delete(r.spaces, s)
	}
}

func (r *ranges) keep(s Space, at bounds, rows []entry) {
	if r.n >= keptRanges || r.spaces == nil {
		*r = ranges{spaces: map[Space]map[bounds][]entry{}}
	}
	if r.spaces[s] == nil {
		r.spaces[s] = map[bounds][]entry{}
	}
	r.spaces[s][at] = rows
	r.n++
}

// scanCommitted lists what stands between two keys of one space in the committed rows.
func (b *Batch) scanCommitted(lower, upper []byte, down bool, fn func(k, v []byte) bool) {
	space := Space(lower)
	if rows, ok := b.s.ranges.spaces[space][bounds{string(lower), string(upper), down}]; ok {
		for _, e := range rows {
			if !fn(e.k, e.v) {
				return
			}
		}
		return
	}
	var rows []entry
	whole := true // and short
	dbScan(b.s.db, lower, upper, down, func(k, v []byte) bool {
		if whole = whole && len(rows) < keptRows && len(v) <= cachedBytes; whole {
			rows = append(rows, entry{bytes.Clone(k), bytes.Clone(v)})
		}
		more := fn(k, v)
		whole = whole && more
		return more
	})
	if whole {
		b.s.ranges.keep(space, bounds{string(lower), string(upper), down}, rows)
	}
}
