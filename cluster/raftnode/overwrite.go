package raftnode

import (
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"
)

// guarded refuses to take entries off the end of the log that the state has applied. What was applied was committed, and no leader
// has another entry in its place while every member keeps what it confirmed: one has forgotten. Going on would leave this node with rows
// that the others do not have, and without those that it never sees.
type guarded struct {
	raft.LogStore
	applied  func() uint64
	outdated func(raft.LogStore) (bool, error) // see Snapshots
	received func() (index, term uint64)       // of the newest record
	found    chan uint64                       // the first entry that was to go; holds one

	mu      sync.Mutex // guards removed
	removed uint64     // end of the log that a received state replaced, until entries follow that state; 0: there is none
}

// IsMonotonic makes raft remove the log that was there when it has installed a received state. Otherwise it would go on behind a gap, and
// what stands before that, with entries that were never committed, would be sent to others while this node leads.
func (g *guarded) IsMonotonic() bool { return true }

// DeleteRange is raft's own, which also takes entries off the beginning once they stand in the state: never the last ones, of which it keeps
// TrailingLogs. What reaches the end of the log is a conflict, also when it begins with the first entry that is kept, but for a log that a
// received state replaced.
func (g *guarded) DeleteRange(lowest, highest uint64) error {
	first, err := g.FirstIndex()
	if err != nil {
		return err
	}
	last, err := g.LastIndex()
	if err != nil {
		return err
	}
	if applied := g.applied(); (lowest > first || highest >= last) && lowest <= applied {
		if replaced, err := g.outdated(g.LogStore); err != nil {
			return err
		} else if replaced && lowest == first {
			g.remember(highest)
			return g.LogStore.DeleteRange(lowest, highest)
		}
		select {
		case g.found <- lowest:
		default: // it is known already
		}
		return fmt.Errorf("the leader has other entries from %d on, and this node has applied those up to %d", lowest, applied)
	}
	return g.LogStore.DeleteRange(lowest, highest)
}

func (g *guarded) remember(end uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.removed = end
}

// GetLog helps raft over the end of a log that is gone. It remembers that end, and where it lies behind the received state raft looks for the
// state's own entry before it takes those that follow, and then for each that these replace; without them it would ask for the state again
// and again. In the first one's place stands what the record says of it, in those of the others an entry of no term, which any other replaces.
func (g *guarded) GetLog(index uint64, l *raft.Log) error {
	err := g.LogStore.GetLog(index, l)
	if !errors.Is(err, raft.ErrLogNotFound) {
		return err
	}
	g.mu.Lock()
	end := g.removed
	g.mu.Unlock()
	switch at, term := g.received(); {
	case index < at || index > end:
		return err
	case index == at:
		*l = raft.Log{Index: index, Term: term, Type: raft.LogNoop}
	default:
		*l = raft.Log{Index: index, Type: raft.LogNoop}
	}
	return nil
}

// StoreLog stores one entry.
func (g *guarded) StoreLog(l *raft.Log) error { return g.StoreLogs([]*raft.Log{l}) }

// StoreLogs stores entries; they are what raft remembers as the end from now on.
func (g *guarded) StoreLogs(logs []*raft.Log) error {
	err := g.LogStore.StoreLogs(logs)
	if err == nil {
		g.remember(0)
	}
	return err
}

// last gives index and term of the newest record.
func (s *Snapshots) last() (index, term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.newest(); r != nil {
		return r.RaftIndex, r.Term
	}
	return 0, 0
}

// outdated tells whether the log is not the one that leads to the newest record: it ends before it, or has another entry in its place, which
// was never committed. Both happen when a state was received. A log that begins after the record is its continuation.
func (s *Snapshots) outdated(log raft.LogStore) (bool, error) {
	s.mu.Lock()
	r := s.newest()
	s.mu.Unlock()
	first, err := log.FirstIndex()
	if err != nil {
		return false, err
	}
	last, err := log.LastIndex()
	if err != nil || r == nil || first == 0 || first > r.RaftIndex {
		return false, err
	}
	if last < r.RaftIndex {
		return true, nil
	}
	var l raft.Log
	err = log.GetLog(r.RaftIndex, &l)
	if errors.Is(err, raft.ErrLogNotFound) {
		return false, nil // in the gap of a log that goes on behind it
	}
	return err == nil && l.Term != r.Term, err
}

// clean removes an outdated log of a process that ended before raft did.
func (s *Snapshots) clean(log raft.LogStore) error {
	old, err := s.outdated(log)
	if err != nil || !old {
		return err
	}
	first, err := log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := log.LastIndex()
	if err != nil {
		return err
	}
	return log.DeleteRange(first, last)
}
