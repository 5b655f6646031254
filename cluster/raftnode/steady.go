package raftnode

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// steady keeps raft's terms in one order. raft answers heartbeats on the goroutines of their connections, beside its own loop, and
// lets them change its term and role there (hashicorp/raft, issue 695): a node that wakes up among the heartbeats of one leader and the
// votes for the next one may store the lower term over the higher, vote twice, or lead in a term that it was not elected for. Here
// only a heartbeat that changes nothing, because this node follows in its term, goes past the loop, so that a slow disk makes no
// leader look lost; any other waits for the loop, as all other messages do. While one goes past, the term does not rise.
type steady struct {
	Transport
	terms *terms
	node  atomic.Pointer[role] // nil until raft has started

	messages chan raft.RPC
	done     chan struct{}
	stop     func()
}

// role is what a raft.Raft is at the moment.
type role interface {
	State() raft.RaftState
	CurrentTerm() uint64
}

func newSteady(t Transport, terms *terms) *steady {
	s := &steady{Transport: t, terms: terms, messages: make(chan raft.RPC), done: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.done) })
	go s.pass()
	return s
}

// pass hands on what comes from the connections, until stop.
func (s *steady) pass() {
	for {
		select {
		case m := <-s.Transport.Consumer():
			s.deliver(m)
		case <-s.done:
			return
		}
	}
}

func (s *steady) deliver(m raft.RPC) {
	select {
	case s.messages <- m:
	case <-s.done:
		m.Respond(nil, raft.ErrTransportShutdown)
	}
}

// Consumer implements raft.Transport.
func (s *steady) Consumer() <-chan raft.RPC { return s.messages }

// SetHeartbeatHandler implements raft.Transport.
func (s *steady) SetHeartbeatHandler(answer func(raft.RPC)) {
	s.Transport.SetHeartbeatHandler(func(m raft.RPC) { s.heartbeat(m, answer) })
}

func (s *steady) heartbeat(m raft.RPC, answer func(raft.RPC)) {
	if !s.past(m, answer) {
		s.deliver(m)
	}
}

func (s *steady) past(m raft.RPC, answer func(raft.RPC)) bool {
	a, ok := m.Command.(*raft.AppendEntriesRequest)
	now := s.node.Load()
	if !ok || now == nil {
		return false
	}
	s.terms.rising.RLock()
	defer s.terms.rising.RUnlock()
	if (*now).State() != raft.Follower || (*now).CurrentTerm() != a.Term {
		return false
	}
	answer(m)
	return true
}

// started lets heartbeats past from now on.
func (s *steady) started(r role) { s.node.Store(&r) }

// Close implements raft.WithClose.
func (s *steady) Close() error {
	s.stop()
	return s.Transport.Close()
}

// terms is a StableStore in which the term never falls. raft panics when a term cannot be stored, and the node starts again with the
// higher one.
type terms struct {
	raft.StableStore
	rising sync.RWMutex // held for writing while the term rises
	now    atomic.Uint64
}

const currentTerm = "CurrentTerm" // raft's own name of it

func newTerms(s raft.StableStore) (*terms, error) {
	t := &terms{StableStore: s}
	now, err := s.GetUint64([]byte(currentTerm))
	if err != nil && err.Error() != "not found" { // raft, too, knows it by its text
		return nil, fmt.Errorf("read the term: %w", err)
	}
	t.now.Store(now)
	return t, nil
}

// SetUint64 implements raft.StableStore.
func (t *terms) SetUint64(key []byte, n uint64) error {
	if string(key) != currentTerm {
		return t.StableStore.SetUint64(key, n)
	}
	switch now := t.now.Load(); {
	case n == now:
		return nil // it is there; a heartbeat that goes past raft's loop may ask for that, and must not wait for itself
	case n < now:
		return fmt.Errorf("the term would fall from %d to %d", now, n)
	}
	t.rising.Lock()
	defer t.rising.Unlock()
	if err := t.StableStore.SetUint64(key, n); err != nil {
		return err
	}
	t.now.Store(n)
	return nil
}
