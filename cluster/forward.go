package cluster

import (
	"context"
	"errors"
	"time"

	"cofre/cluster/raftnode"
	"cofre/cluster/rpc"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Caller asks other members; rpc.Client is one.
type Caller interface {
	Call(ctx context.Context, peer model.NodeID, m rpc.Method, args, out any) error
}

// proposeArgs is what a follower sends: the commands that waited while it was busy sending others.
type proposeArgs struct {
	Commands []command.Envelope `cbor:"commands"`
	Behind   bool               `cbor:"behind,omitempty"` // background work; requests wait for all others
}

type proposeReply struct {
	Outcomes []wireOutcome `cbor:"outcomes"`
}

type wireOutcome struct {
	Result *command.Result `cbor:"result,omitempty"`
	Err    *model.Error    `cbor:"err,omitempty"`
	Retry  bool            `cbor:"retry,omitempty"`
	Maybe  bool            `cbor:"maybe,omitempty"`
}

const (
	forwardWorkers = 4                // batches on their way to the leader: keeps its queue filled while earlier ones commit
	maxProposeTime = 30 * time.Second // RULES 2: requests live at most this long
	maxReplyBytes  = 3 << 20          // leaves room in a frame
)

// followerSide sends commands to the leader. Background work, for which the leader may take its time, goes by itself, so
// that it keeps no request waiting.
type followerSide struct {
	node   *raftnode.Node
	call   Caller
	queue  *coalescer
	behind *coalescer // of background work
}

func newFollowerSide(node *raftnode.Node, call Caller, clock *Clock) *followerSide {
	f := &followerSide{node: node, call: call}
	f.queue = newCoalescer(forwardWorkers, 1, func(ctx context.Context, batch []command.Envelope) []outcome { return f.send(ctx, batch, false) })
	f.behind = newCoalescer(forwardWorkers, 1, func(ctx context.Context, batch []command.Envelope) []outcome { return f.send(ctx, batch, true) })
	f.queue.stride = func() time.Duration { return clock.callStride(node.Leader()) }
	return f
}

func (f *followerSide) propose(ctx context.Context, e command.Envelope) outcome {
	queue := f.queue
	if background(&e) {
		queue = f.behind
	}
	return queue.wait(ctx, queue.submit(e))
}

func (f *followerSide) send(ctx context.Context, batch []command.Envelope, behind bool) []outcome {
	moved := f.node.LeaderMoved()
	leader := f.node.Leader()
	if leader == "" || leader == f.node.ID() {
		return all(batch, outcome{err: errNoLeader, retry: true})
	}
	ctx, cancel := context.WithTimeout(ctx, maxProposeTime)
	defer cancel()
	done := make(chan struct{})
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		select {
		case <-moved: // the answer of a deposed leader may never come
			cancel()
		case <-done:
		}
	}()
	defer func() { close(done); <-watching }()
	var r proposeReply
	if err := f.call.Call(ctx, leader, rpc.Propose, proposeArgs{batch, behind}, &r); err != nil {
		return all(batch, outcome{err: err, retry: true, maybe: !errors.Is(err, rpc.ErrNotSent)})
	}
	if len(r.Outcomes) != len(batch) {
		return all(batch, outcome{err: model.Errorf(model.Internal, "the leader answered %d of %d proposals", len(r.Outcomes), len(batch)), maybe: true})
	}
	out := make([]outcome, len(batch))
	for i, w := range r.Outcomes {
		out[i] = outcome{retry: w.Retry, maybe: w.Maybe}
		switch {
		case w.Result != nil:
			out[i].result = *w.Result
		case w.Err != nil:
			out[i].err = w.Err
		default:
			out[i].err = errNotLeading
		}
	}
	return out
}

// serve answers a follower's proposals. The peer speaks for itself only: who else could have authenticated its client?
func (l *leaderSide) serve(ctx context.Context, peer model.NodeID, args proposeArgs) (proposeReply, error) {
	if len(args.Commands) > command.MaxEntryCommands {
		return proposeReply{}, model.Errorf(model.Invalid, "more than %d commands in one request", command.MaxEntryCommands)
	}
	out := make([]wireOutcome, len(args.Commands))
	queued := make([]*pending, len(args.Commands))
	for i, e := range args.Commands {
		e.Awaited = !args.Behind
		var o *outcome
		switch {
		case e.Node != peer:
			o = &outcome{err: model.Errorf(model.Denied, "%s proposes in the name of node %q", peer, e.Node)}
		case e.ID.IsZero() || e.Term != 0:
			o = &outcome{err: model.Errorf(model.Invalid, "a forwarded command needs an id and no term")}
		default:
			queued[i], o = l.submit(e)
		}
		if o != nil {
			out[i] = o.wire()
		}
	}
	size := 0
	for i, p := range queued {
		if p == nil {
			continue
		}
		o := l.queue.wait(ctx, p)
		if size += len(o.result.Body); size > maxReplyBytes && i > 0 {
			o = outcome{err: errLargeReply, retry: true, maybe: true} // asked again, the remembered answer comes
		}
		out[i] = o.wire()
	}
	return proposeReply{out}, nil
}

var (
	errNoLeader   = model.Errorf(model.Unavailable, "no leader is known: it takes a majority of the voters, who run and reach each other (cofre status)")
	errLargeReply = model.Errorf(model.Unavailable, "the answers do not fit into one message")
)

func (o outcome) wire() wireOutcome {
	if o.err == nil {
		return wireOutcome{Result: &o.result}
	}
	w := wireOutcome{Retry: o.retry, Maybe: o.maybe}
	var me *model.Error
	if !errors.As(o.err, &me) {
		me = &model.Error{Kind: model.Unavailable, Msg: o.err.Error()}
		w.Retry = w.Retry || errors.Is(o.err, context.DeadlineExceeded) || errors.Is(o.err, context.Canceled)
	}
	c := *me
	if c.Err != nil {
		c.Msg, c.Err = c.Msg+": "+c.Err.Error(), nil
	}
	w.Err = &c
	return w
}
