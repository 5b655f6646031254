package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"cofre/cluster/raftnode"
	"cofre/cluster/rpc"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Proposer gets commands into the log from any node. It implements command.Proposer.
type Proposer struct {
	node   *raftnode.Node
	leader *leaderSide
	remote *followerSide
}

// NewProposer makes the proposer of a node. Run must run.
func NewProposer(node *raftnode.Node, call Caller, admit Admission) *Proposer {
	return &Proposer{node: node, leader: newLeaderSide(node, admit), remote: newFollowerSide(node, call, admit.Clock)}
}

// Run packs and sends until ctx ends.
func (p *Proposer) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { p.leader.queue.run(ctx) })
	wg.Go(func() { p.remote.queue.run(ctx) })
	wg.Go(func() { p.remote.behind.run(ctx) })
	wg.Wait()
	return nil
}

// Felt tells how many commands that are not background work this node committed as the leader, and how long they waited
// for it in all, since it started.
func (p *Proposer) Felt() (requests int, waited time.Duration) {
	q := p.leader.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.felt.requests, q.felt.waited
}

// Handler answers rpc.Propose.
func (p *Proposer) Handler() rpc.Handler { return rpc.Handle(p.leader.serve) }

const (
	defaultProposeTime = 10 * time.Second
	pauseMin, pauseMax = 20 * time.Millisecond, 200 * time.Millisecond
)

// Propose implements command.Proposer: it returns after the command was applied, on this node too where its answer does
// not suffice. It retries under the same
// id, which makes retries harmless, until ctx ends; at most 30 s, and 10 s when ctx has no deadline.
func (p *Proposer) Propose(ctx context.Context, e command.Envelope) (command.Result, error) {
	p.sign(&e)
	limit := defaultProposeTime
	if _, ok := ctx.Deadline(); ok {
		limit = maxProposeTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	maybe := false
	for pause := pauseMin; ; pause = min(2*pause, pauseMax) {
		moved := p.node.LeaderMoved()
		o := p.attempt(ctx, e)
		if o.err == nil {
			if p.leader.admit.suffices(&e) {
				return o.result, nil
			}
			return p.applied(ctx, e.Kind, o.result)
		}
		maybe = maybe || o.maybe
		if !o.retry && ctx.Err() == nil {
			return command.Result{}, failure(e.Kind, o.err, maybe)
		}
		select {
		case <-moved:
		case <-time.After(pause):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return command.Result{}, timeout(e.Kind, o.err, maybe)
		}
	}
}

func (p *Proposer) attempt(ctx context.Context, e command.Envelope) outcome {
	if now, _ := p.node.Leadership(); now.Leading {
		return p.leader.propose(ctx, e)
	}
	return p.remote.propose(ctx, e)
}

// sign fills what a proposer owes; an id that is given is kept, so that callers may retry on their own.
func (p *Proposer) sign(e *command.Envelope) {
	if e.ID.IsZero() {
		_, _ = rand.Read(e.ID[:]) // never fails: crypto/rand ends the process instead
	}
	if e.Made.IsZero() {
		e.Made = p.leader.admit.Clock.Now()
	}
	e.Node = p.node.ID()
}

// applied waits until this node shows what the result says.
func (p *Proposer) applied(ctx context.Context, kind command.Kind, r command.Result) (command.Result, error) {
	if err := p.node.State().Wait(ctx, r.Index); err != nil {
		return command.Result{}, &model.Error{Op: string(kind), Kind: model.Uncertain, Err: err,
			Msg: fmt.Sprintf("it is committed at log index %d, which this node has not reached", r.Index)}
	}
	return r, nil
}

// failure is the error of a command that is not tried again.
func failure(kind command.Kind, err error, maybe bool) error {
	var me *model.Error
	if errors.As(err, &me) && !maybe {
		return me
	}
	if maybe {
		return uncertain(kind, err)
	}
	return &model.Error{Op: string(kind), Kind: model.Internal, Msg: "it was not proposed", Err: err}
}

func timeout(kind command.Kind, last error, maybe bool) error {
	if maybe {
		return uncertain(kind, last)
	}
	return &model.Error{Op: string(kind), Kind: model.Unavailable, Msg: "it was not proposed in time; nothing changed", Err: last}
}

func uncertain(kind command.Kind, last error) error {
	return &model.Error{Op: string(kind), Kind: model.Uncertain, Msg: "its outcome is not known; it may have happened", Err: last}
}

// TermBound is for the scheduler: its proposer works only while this node leads in the term, never forwards, and the
// command carries the term, so that Apply refuses it in any other one (RULES 4).
func (p *Proposer) TermBound(term uint64) command.Proposer { return termBound{p, term} }

type termBound struct {
	p    *Proposer
	term uint64
}

// Propose implements command.Proposer without retries: a new attempt is the next term's affair.
func (t termBound) Propose(ctx context.Context, e command.Envelope) (command.Result, error) {
	t.p.sign(&e)
	e.Term = t.term
	ctx, cancel := context.WithTimeout(ctx, defaultProposeTime)
	defer cancel()
	o := t.p.leader.propose(ctx, e)
	switch {
	case o.err == nil:
		return t.p.applied(ctx, e.Kind, o.result)
	case o.maybe:
		return command.Result{}, uncertain(e.Kind, o.err)
	}
	return command.Result{}, failure(e.Kind, o.err, false)
}
