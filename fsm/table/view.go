package table

import (
	"sync"

	"cofre/fsm/audit"
	"cofre/fsm/codec"
)

// View is a consistent reading of the state at one applied index. It pins its store, so that a restore cannot close
// it underneath; close it soon (a minute at most).
type View struct {
	s *Store
	*pinned
	once sync.Once
}

// View pins the committed rows of this moment.
func (s *Store) View() *View {
	s.refs.Add(1)
	return s.share()
}

// share counts the batches before it pins the store: a row that a batch in between changed is then read from the
// store, not from memory.
func (s *Store) share() *View {
	s.pin.Lock()
	defer s.pin.Unlock()
	if upto := s.committed.Load(); s.pinned == nil || s.pinned.upto != upto {
		fresh := pin(s.db, upto)
		if err := s.unpin(); err != nil {
			panic(Failure{Op: "close a view", Err: err})
		}
		s.pinned = fresh
	}
	s.pinned.views++
	return &View{s: s, pinned: s.pinned}
}

// unpin lets go of what new views share. The caller holds the lock.
func (s *Store) unpin() error {
	p := s.pinned
	s.pinned = nil
	if p == nil || p.views > 0 {
		return nil
	}
	return p.close()
}

// leave ends what the view shares with its last view, unless a new one may share it, too.
func (s *Store) leave(p *pinned) error {
	s.pin.Lock()
	defer s.pin.Unlock()
	p.views--
	if p.views > 0 || p == s.pinned {
		return nil
	}
	return p.close()
}

// TryView is View, but refuses (false) when the store is already closed or closing.
func (s *Store) TryView() (*View, bool) {
	for {
		n := s.refs.Load()
		if n <= 0 {
			return nil, false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return s.share(), true
		}
	}
}

// Close ends the view; closing twice is harmless.
func (v *View) Close() {
	v.once.Do(func() {
		if err := v.s.leave(v.pinned); err != nil {
			panic(Failure{Op: "close a view", Err: err})
		}
		_ = v.s.unref()
	})
}

// Applied is the log position that the view shows.
func (v *View) Applied() Applied {
	var a Applied
	if c := v.search(appliedKey); c.exists {
		if err := codec.Decode(c.value, &a); err != nil {
			panic(Failure{Op: "read the applied index", Err: err})
		}
	}
	return a
}

// StateHash is the hash of all tables.
func (v *View) StateHash() Hash {
	hashes := map[byte]Hash{}
	for _, t := range v.s.schema {
		if c := v.search(append(hashPrefix[:2:2], t.ID())); c.exists {
			hashes[t.ID()] = Hash(c.value)
		}
	}
	return combine(v.s.schema, hashes)
}

// Scrub recomputes the hash of all tables from their rows, reading everything; it must equal StateHash.
func (v *View) Scrub() Hash {
	hashes := map[byte]Hash{}
	v.Rows(func(t Erased, key, value []byte) bool {
		h := hashes[t.ID()]
		h.toggle(t.Name(), key, value)
		hashes[t.ID()] = h
		return true
	})
	return combine(v.s.schema, hashes)
}

// Rows lists every row of every table as the store holds it, in the order of the schema and of keys, without the index entries.
func (v *View) Rows(fn func(t Erased, key, value []byte) bool) {
	for _, t := range v.s.schema {
		more := true
		dbScan(v.pinned, []byte{t.ID(), rowSpace}, []byte{t.ID(), rowSpace + 1}, false, func(k, val []byte) bool {
			more = fn(t, k[2:], val)
			return more
		})
		if !more {
			return
		}
	}
}

func (v *View) get(key []byte) *cell {
	if c, ok := v.s.rows.find(key, v.upto); ok {
		return c
	}
	c := v.search(key)
	v.s.rows.offer(key, c, v.upto)
	return c
}

func (v *View) scan(lower, upper []byte, fn func(k []byte, c *cell) bool) {
	v.s.ranges.scan(v.pinned, v.upto, v.upto, lower, upper, fn)
}

func (v *View) scanDown(lower, upper []byte, fn func(k []byte, c *cell) bool) {
	v.s.ranges.scanDown(v.pinned, v.upto, lower, upper, fn)
}

// The trail is part of every store: Tx.Emit writes it.
const headKey = "head"

// AuditHeadRow is the one row that holds the end of the chain.
type AuditHeadRow struct {
	Head audit.Head `cbor:"head"`
}

// Audit is the trail, by sequence number.
var Audit = Define(1, "audit", func(e *audit.Event) string { return NumberKey(e.Seq) },
	Index[audit.Event]{Name: "kind", Keys: func(e *audit.Event) []string { return []string{e.Kind} }})

// AuditHead is the end of the trail's chain.
var AuditHead = Define(2, "audit_head", func(*AuditHeadRow) string { return headKey })

// TrailHead is the end of the trail; the zero Head of a state without events.
func TrailHead(r Reader) audit.Head {
	if row, ok := AuditHead.Get(r, headKey); ok {
		return row.Head
	}
	return audit.Head{}
}
