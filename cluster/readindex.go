package cluster

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"cofre/cluster/raftnode"
	"cofre/cluster/rpc"
	"cofre/fsm/model"
)

// Reader makes reads of the local replica linearizable.
type Reader struct {
	node   *raftnode.Node
	call   Caller
	leader *leaderSide
	lead   *rounds // on the leader: confirm leadership
	ask    *rounds // on a follower: ask the leader
	caught atomic.Bool
	touch  contact
	proof  proof

	mu    sync.Mutex // guards what follows
	ready uint64     // term whose barrier has passed
	again chan struct{}
}

// NewReader makes the reader of a node. Run must run.
func NewReader(node *raftnode.Node, call Caller, p *Proposer) *Reader {
	r := &Reader{node: node, call: call, leader: p.leader, again: make(chan struct{})}
	clock := p.leader.admit.Clock
	r.lead = newRounds(r.confirm, clock.entryStride)
	r.ask = newRounds(r.askLeader, func() time.Duration { return clock.callStride(node.Leader()) })
	r.proof.verify = node.VerifyLeader
	r.touch = contact{heard: node.LastContact, prove: r.lead.join}
	return r
}

const roundTime = 5 * time.Second

// Run does the barrier of each term that this node leads, runs the shared rounds, and catches up once after the start.
func (r *Reader) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { r.lead.run(ctx) })
	wg.Go(func() { r.ask.run(ctx) })
	wg.Go(func() { r.node.EachTerm(ctx, r.barrier) })
	wg.Go(func() { r.node.EachTerm(ctx, r.touch.lead) })
	wg.Go(func() { r.catchUp(ctx) })
	wg.Wait()
	return nil
}

// readIndexArgs tell how far the asking node is, so that the leader hurries it if it must wait.
type readIndexArgs struct {
	Applied uint64 `cbor:"applied"`
}

// Handler answers rpc.ReadIndex.
func (r *Reader) Handler() rpc.Handler {
	return rpc.Handle(func(ctx context.Context, _ model.NodeID, args readIndexArgs) (uint64, error) {
		index, err := r.lead.join(ctx)
		if err == nil && args.Applied < index {
			r.node.Nudge()
		}
		return index, err
	})
}

// ReadIndex returns when everything that was acknowledged before the call is readable here, and the index of it.
func (r *Reader) ReadIndex(ctx context.Context) (uint64, error) {
	for {
		moved := r.node.LeaderMoved()
		rounds := r.ask
		if now, _ := r.node.Leadership(); now.Leading {
			rounds = r.lead
		}
		index, err := rounds.join(ctx)
		if err == nil {
			err = r.node.State().Wait(ctx, index)
		}
		if err == nil {
			r.caught.Store(true)
			return index, nil
		}
		select {
		case <-moved:
		case <-time.After(pauseMin):
		case <-ctx.Done():
		}
		switch {
		case ctx.Err() != nil:
			return 0, &model.Error{Op: "consistent read", Kind: model.Unavailable, Msg: "no leader confirmed it in time", Err: err}
		case r.caught.Load() && !r.Fresh(): // who asks now is refused at once, so who asked before does not wait for longer
			return 0, &model.Error{Op: "consistent read", Kind: model.Unavailable, Msg: "this node has no contact with the leader: it takes a majority of the voters, who run and reach each other (cofre status)", RetryAfter: 2}
		}
	}
}

// Fresh tells whether this node may serve: it caught up since its start and was in touch with a majority within 5 s.
func (r *Reader) Fresh() bool {
	return r.caught.Load() && time.Since(r.touch.last()) < FreshFor
}

// confirm is one round on the leader: after the term's barrier it proves leadership, and takes the applied index. An entry
// in flight may be visible on a follower already, so it is waited for meanwhile: the next reader must not see less.
func (r *Reader) confirm(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	now, _ := r.node.Leadership()
	if !now.Leading {
		return 0, errNotLeading
	}
	if err := r.barrierPassed(ctx, now.Term); err != nil {
		return 0, err
	}
	proven := make(chan error, 1)
	go func() { proven <- r.proof.now(ctx) }()
	settled := r.leader.queue.settled(ctx)
	if err := <-proven; err != nil {
		return 0, &model.Error{Kind: model.Unavailable, Msg: "leadership is not confirmed", Err: err}
	}
	if settled != nil {
		return 0, settled
	}
	index := r.node.State().Applied()
	if after, _ := r.node.Leadership(); after != now {
		return 0, errNotLeading
	}
	return index, nil
}

func (r *Reader) askLeader(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	moved := r.node.LeaderMoved()
	leader := r.node.Leader()
	if leader == "" || leader == r.node.ID() {
		return 0, errNoLeader
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-moved:
			cancel()
		case <-stop:
		}
	}()
	var index uint64
	err := r.call.Call(ctx, leader, rpc.ReadIndex, readIndexArgs{r.node.State().Applied()}, &index)
	return index, err
}

func (r *Reader) barrier(ctx context.Context, term uint64) {
	for ctx.Err() == nil {
		at := time.Now()
		bctx, cancel := context.WithTimeout(ctx, roundTime)
		err := r.node.Barrier(bctx)
		cancel()
		if err == nil {
			r.proof.begin(at)
			r.mu.Lock()
			r.ready = term
			close(r.again)
			r.again = make(chan struct{})
			r.mu.Unlock()
			return
		}
		select {
		case <-time.After(pauseMin):
		case <-ctx.Done():
		}
	}
}

func (r *Reader) barrierPassed(ctx context.Context, term uint64) error {
	for {
		r.mu.Lock()
		ready, again := r.ready, r.again
		r.mu.Unlock()
		if ready == term {
			return nil
		}
		if now, changed := r.node.Leadership(); now.Leading && now.Term == term {
			select {
			case <-again:
			case <-changed:
			case <-ctx.Done():
				return errors.Join(errNotLeading, ctx.Err())
			}
			continue
		}
		return errNotLeading
	}
}

// catchUp does the first consistent read, without which a restarted node serves nothing.
func (r *Reader) catchUp(ctx context.Context) {
	for ctx.Err() == nil && !r.caught.Load() {
		one, cancel := context.WithTimeout(ctx, roundTime)
		_, _ = r.ReadIndex(one) // fails as long as there is no leader
		cancel()
	}
}
