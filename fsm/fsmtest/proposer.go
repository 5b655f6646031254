package fsmtest

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Proposer is a log in memory in front of one machine: a cluster of one without consensus, for tests of the rooms above.
type Proposer struct {
	Node model.NodeID
	Now  func() model.Time // the leader's clock; nil: the real one
	// Follower applies each entry after the machine; nil: there is none.
	Follower *Follower

	mu      sync.Mutex // guards index: entries are applied one after the other
	index   uint64
	machine *fsm.FSM
}

// NewProposer proposes in the name of a node.
func NewProposer(m *fsm.FSM, node model.NodeID) *Proposer {
	return &Proposer{Node: node, machine: m, index: m.Applied()}
}

// Propose implements command.Proposer: one command, one entry.
func (p *Proposer) Propose(ctx context.Context, e command.Envelope) (command.Result, error) {
	if err := ctx.Err(); err != nil {
		return command.Result{}, err
	}
	return p.Entry(e)[0], nil
}

// Entry applies commands that a leader packed into one entry.
func (p *Proposer) Entry(commands ...command.Envelope) []command.Result {
	now := model.TimeOf(time.Now())
	if p.Now != nil {
		now = p.Now()
	}
	for i := range commands {
		e := &commands[i]
		if e.ID.IsZero() {
			_, _ = rand.Read(e.ID[:])
		}
		if e.Made == 0 {
			e.Made = now
		}
		e.Node = p.Node
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.index++
	l := &raft.Log{Index: p.index, Term: 1, Type: raft.LogCommand, Data: codec.MustEncode(&command.Entry{At: now, Term: 1, Commands: commands})}
	results := p.machine.Apply(l).([]command.Result)
	if p.Follower != nil {
		p.Follower.follow(l)
	}
	return results
}
