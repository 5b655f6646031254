package fsmtest

import (
	"sync"

	"github.com/hashicorp/raft"

	"cofre/fsm"
)

// Follower is a replica that applies what a Proposer applied, and lags behind it while it is held.
type Follower struct {
	Machine *fsm.FSM

	mu   sync.Mutex // guards held and late
	held bool
	late []*raft.Log
}

// Hold lets the replica lag from the next entry on.
func (f *Follower) Hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = true
}

// Release applies what came meanwhile.
func (f *Follower) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = false
	f.catchUp()
}

func (f *Follower) follow(l *raft.Log) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.late = append(f.late, l); !f.held {
		f.catchUp()
	}
}

func (f *Follower) catchUp() {
	for _, l := range f.late {
		f.Machine.Apply(l)
	}
	f.late = nil
}
