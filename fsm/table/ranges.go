package table

import (
	"bytes"
	"slices"
	"sync"
)

const (
	keptSpans = 1024 // of a store; when there are more, all are forgotten
	keptInAll = 8192 // rows of all spans, the same
	keptRows  = 64   // of a span; of a longer range the rest is read from the store each time
)

// ranges keeps what scans of the committed rows found, above all where there is nothing: the scheduler and the reducers ask again
// and again what is due, or which of a few policies concern a row, mostly to find none, and the store would step over what was
// deleted there since its last compaction. It changes in step with the writer's batch, as cache does.
type ranges struct {
	mu     sync.Mutex // guards what follows
	spaces map[Space][]*span
	spans  int
	rows   int    // of all spans
	begun  uint64 // the newest batch
}

// span is a part of one space of which all committed rows are known. The spans of a space are apart, in the order of their keys.
type span struct {
	lower, upper []byte
	rows         []entry // readers hold it too: it is never changed in place
	since        uint64  // the batch from which on this is what stands there
}

type entry struct {
	key []byte
	c   *cell
}

func compareLower(s *span, key []byte) int { return bytes.Compare(s.lower, key) }
func compareKey(e entry, key []byte) int   { return bytes.Compare(e.key, key) }

// begin says that from now on the store may differ from what views see.
func (r *ranges) begin(batch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = batch
}

// forget drops everything.
func (r *ranges) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spaces, r.spans, r.rows = nil, 0, 0
}

// around finds the span that holds a key; nil: none does. The caller holds the lock.
func (r *ranges) around(key []byte) *span {
	spans := r.spaces[Space(key)]
	i, exact := slices.BinarySearchFunc(spans, key, compareLower)
	if !exact {
		i--
	}
	if i < 0 || bytes.Compare(key, spans[i].upper) >= 0 {
		return nil
	}
	return spans[i]
}

// known gives the rows from a key on, up to the end of what is known there, in a state that includes batch upto.
func (r *ranges) known(from []byte, upto uint64) (rows []entry, end []byte, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.around(from)
	if s == nil || s.since > upto {
		return nil, nil, false
	}
	i, _ := slices.BinarySearchFunc(s.rows, from, compareKey)
	return s.rows[i:], s.upper, true
}

// keep remembers a span as of a moment at which begun was the newest batch, unless there is a newer one, which may have changed it.
func (r *ranges) keep(fresh *span, begun uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun != begun || bytes.Compare(fresh.lower, fresh.upper) >= 0 {
		return
	}
	if r.spans >= keptSpans || r.rows >= keptInAll || r.spaces == nil {
		r.spaces, r.spans, r.rows = map[Space][]*span{}, 0, 0
	}
	at := Space(fresh.lower)
	spans := r.spaces[at]
	// What it overlaps gives way, as others may have filled in meanwhile; what ends where it begins becomes a part of it while both are short.
	from, _ := slices.BinarySearchFunc(spans, fresh.lower, compareLower)
	if from > 0 {
		switch s := spans[from-1]; {
		case bytes.Equal(s.upper, fresh.lower) && len(s.rows)+len(fresh.rows) <= keptRows:
			fresh.lower, fresh.rows, fresh.since = s.lower, slices.Concat(s.rows, fresh.rows), max(s.since, fresh.since)
			from--
		case bytes.Compare(s.upper, fresh.lower) > 0:
			from--
		}
	}
	to, _ := slices.BinarySearchFunc(spans, fresh.upper, compareLower)
	for _, s := range spans[from:to] {
		r.rows -= len(s.rows)
	}
	r.spaces[at] = slices.Replace(spans, from, to, fresh)
	r.spans, r.rows = r.spans+1-(to-from), r.rows+len(fresh.rows)
}

// replace brings what a batch changed up to date, just before the store shows it.
func (r *ranges) replace(changed []*pending, batch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var touched []*span
	for _, p := range changed {
		if p.now == p.was || len(r.spaces[Space(p.key)]) == 0 {
			continue
		}
		s := r.around(p.key)
		if s == nil {
			continue
		}
		if s.since != batch {
			r.rows -= len(s.rows)
			s.rows, s.since = slices.Clone(s.rows), batch
			touched = append(touched, s)
		}
		i, found := slices.BinarySearchFunc(s.rows, p.key, compareKey)
		switch {
		case !p.now.exists && found:
			s.rows = slices.Delete(s.rows, i, i+1)
		case p.now.exists && found:
			s.rows[i] = entry{p.key, p.now}
		case p.now.exists:
			s.rows = slices.Insert(s.rows, i, entry{p.key, p.now})
		}
	}
	for _, s := range touched {
		s.cut()
		r.rows += len(s.rows)
	}
}

// cut bounds what a span keeps.
func (s *span) cut() {
	n := min(len(s.rows), keptRows)
	if large := slices.IndexFunc(s.rows[:n], func(e entry) bool { return len(e.c.value) > cachedBytes }); large >= 0 {
		n = large
	}
	if n < len(s.rows) {
		s.upper, s.rows = s.rows[n].key, s.rows[:n:n]
	}
}

// scan lists what stands between two keys of one space in the committed rows: as far as it is known from memory, and from there
// on from the store. The reader shows everything up to batch upto, and nothing else unless a batch after begun has begun.
func (r *ranges) scan(reader scannable, upto, begun uint64, lower, upper []byte, fn func(k []byte, c *cell) bool) {
	from := lower
	for {
		rows, end, ok := r.known(from, upto)
		if !ok {
			break
		}
		for _, e := range rows {
			if bytes.Compare(e.key, upper) >= 0 || !fn(e.key, e.c) {
				return
			}
		}
		if bytes.Compare(end, upper) >= 0 {
			return
		}
		from = end
	}
	found := &span{lower: bytes.Clone(from), since: upto}
	past := Space(lower)
	past[1]++
	dbScan(reader, from, past[:], false, func(k, v []byte) bool {
		over := bytes.Compare(k, upper) >= 0
		if collecting := found.upper == nil; collecting && (over || len(found.rows) == keptRows || len(v) > cachedBytes) {
			found.upper = bytes.Clone(k)
		}
		if over {
			return false
		}
		if found.upper != nil {
			return fn(k, &cell{value: v, exists: true, alone: true})
		}
		e := entry{bytes.Clone(k), &cell{value: bytes.Clone(v), exists: true}}
		found.rows = append(found.rows, e)
		if more := fn(e.key, e.c); !more {
			found.upper = append(bytes.Clone(k), 0)
			return false
		}
		return true
	})
	if found.upper == nil {
		found.upper = past[:]
	}
	r.keep(found, begun)
}

// scanDown is scan in descending order. Only a range that is known as a whole is taken from memory.
func (r *ranges) scanDown(reader scannable, upto uint64, lower, upper []byte, fn func(k []byte, c *cell) bool) {
	if rows, end, ok := r.known(lower, upto); ok && bytes.Compare(end, upper) >= 0 {
		n, _ := slices.BinarySearchFunc(rows, upper, compareKey)
		for _, e := range slices.Backward(rows[:n]) {
			if !fn(e.key, e.c) {
				return
			}
		}
		return
	}
	dbScan(reader, lower, upper, true, func(k, v []byte) bool {
		return fn(k, &cell{value: v, exists: true, alone: true})
	})
}
