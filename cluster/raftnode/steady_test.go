package raftnode

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
)

// standing is a role at a moment.
type standing struct {
	state raft.RaftState
	term  uint64
}

func (s standing) State() raft.RaftState { return s.state }
func (s standing) CurrentTerm() uint64   { return s.term }

func steadyAt(t *testing.T, term uint64) (*steady, *terms) {
	t.Helper()
	stable := raft.NewInmemStore()
	if err := stable.SetUint64([]byte(currentTerm), term); err != nil {
		t.Fatal(err)
	}
	kept, err := newTerms(stable)
	if err != nil {
		t.Fatal(err)
	}
	_, inner := raft.NewInmemTransport("n1")
	s := newSteady(inner, kept)
	t.Cleanup(func() { _ = s.Close() })
	return s, kept
}

// Only a heartbeat that changes nothing goes past raft's loop: one of the node's own term, to a follower.
func TestHeartbeatsThatChangeSomethingWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		now  role
		term uint64
		past bool
	}{
		"follower, its term":  {standing{raft.Follower, 5}, 5, true},
		"follower, next term": {standing{raft.Follower, 5}, 6, false},
		"follower, past term": {standing{raft.Follower, 5}, 4, false},
		"candidate":           {standing{raft.Candidate, 5}, 5, false},
		"leader":              {standing{raft.Leader, 5}, 5, false},
		"leader, next term":   {standing{raft.Leader, 5}, 6, false},
		"not started":         {nil, 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := steadyAt(t, 5)
			if c.now != nil {
				s.started(c.now)
			}
			past := make(chan raft.RPC, 1)
			m := raft.RPC{Command: &raft.AppendEntriesRequest{Term: c.term}}
			go s.heartbeat(m, func(m raft.RPC) { past <- m })
			select {
			case <-past:
				if !c.past {
					t.Error("it went past raft's loop")
				}
			case <-s.Consumer():
				if c.past {
					t.Error("it waits for raft's loop")
				}
			}
		})
	}
}

// While a heartbeat goes past, raft's loop cannot raise the term: the heartbeat would set the lower one after it. Each holds the lock
// against the other, and a heartbeat that asks for the present term does not wait for itself.
func TestTheTermWaitsForAHeartbeat(t *testing.T) {
	t.Parallel()
	s, kept := steadyAt(t, 5)
	s.started(standing{raft.Follower, 5})
	key := []byte(currentTerm)
	s.heartbeat(raft.RPC{Command: &raft.AppendEntriesRequest{Term: 5}}, func(raft.RPC) {
		if kept.rising.TryLock() {
			kept.rising.Unlock()
			t.Error("the term may rise while a heartbeat goes past")
		}
		if err := kept.SetUint64(key, 5); err != nil { // as raft does where it became a candidate meanwhile
			t.Error(err)
		}
	})
	kept.StableStore = storing{kept.StableStore, func() {
		if kept.rising.TryRLock() {
			kept.rising.RUnlock()
			t.Error("a heartbeat may go past while the term rises")
		}
	}}
	if err := kept.SetUint64(key, 6); err != nil || kept.now.Load() != 6 {
		t.Errorf("the term is %d: %v", kept.now.Load(), err)
	}
}

// storing looks at something while a value is stored.
type storing struct {
	raft.StableStore
	look func()
}

func (s storing) SetUint64(key []byte, n uint64) error {
	s.look()
	return s.StableStore.SetUint64(key, n)
}

// The stored term never falls, and one that cannot be stored is not taken for stored.
func TestTheTermNeverFalls(t *testing.T) {
	t.Parallel()
	_, kept := steadyAt(t, 5)
	key := []byte(currentTerm)
	stored := func() uint64 {
		n, err := kept.GetUint64(key)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range []struct {
		to   uint64
		want uint64
	}{{6, 6}, {6, 6}, {5, 6}, {0, 6}, {9, 9}, {8, 9}} {
		if err := kept.SetUint64(key, c.to); (err == nil) != (c.to == c.want) || stored() != c.want {
			t.Errorf("%d: %v, stored is %d", c.to, err, stored())
		}
	}
	kept.StableStore = full{kept.StableStore}
	for range 2 {
		if kept.SetUint64(key, 10) == nil {
			t.Error("a term that is not stored is taken for stored")
		}
	}
	if err := kept.SetUint64([]byte("LastVoteTerm"), 1); err == nil {
		t.Error("other values do not go to the store")
	}
}

type full struct{ raft.StableStore }

func (full) SetUint64([]byte, uint64) error { return errors.New("no space") }
