package membership

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/cluster"
	"cofre/cluster/raftnode"
	"cofre/fsm/model"
)

// Reconciler makes raft's configuration follow the node table while this node leads.
type Reconciler struct {
	Node   *raftnode.Node
	Rows   func() []model.Node // the node table, removed nodes included
	Gather func(context.Context) ([]cluster.MemberStatus, error)
	Log    logrus.FieldLogger
}

const (
	reconcileEvery = time.Second
	changeTime     = 10 * time.Second
)

// Run reconciles during every term that this node leads, until ctx ends.
func (r *Reconciler) Run(ctx context.Context) error {
	r.Node.EachTerm(ctx, r.lead)
	return nil
}

func (r *Reconciler) lead(ctx context.Context, _ uint64) {
	if !r.settle(ctx) {
		return
	}
	caughtUp := map[model.NodeID]time.Time{}
	for {
		members, err := r.Gather(ctx)
		if err == nil {
			now := time.Now()
			track(caughtUp, members, now)
			if c, need := Next(r.Rows(), members, caughtUp, now); need && r.do(ctx, c, members) {
				continue
			}
		}
		select {
		case <-time.After(reconcileEvery):
		case <-ctx.Done():
			return
		}
	}
}

// settle waits for the barrier of the term: the table must not be older than this leadership.
func (r *Reconciler) settle(ctx context.Context) bool {
	for ctx.Err() == nil {
		one, cancel := context.WithTimeout(ctx, changeTime)
		err := r.Node.Barrier(one)
		cancel()
		if err == nil {
			return true
		}
		select {
		case <-time.After(reconcileEvery):
		case <-ctx.Done():
		}
	}
	return false
}

// do takes one step and tells whether it was done.
func (r *Reconciler) do(ctx context.Context, c Change, members []cluster.MemberStatus) bool {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	var err error
	switch c.Do {
	case AddNonvoter:
		err = r.Node.AddNonvoter(ctx, c.Node, c.Peer)
	case Promote:
		err = r.Node.Promote(ctx, c.Node, c.Peer)
	case Remove:
		err = r.Node.Remove(ctx, c.Node)
	case Move:
		err = r.move(ctx, c, members)
	}
	log := r.Log.WithFields(logrus.Fields{"node": string(c.Node), "change": string(c.Do)})
	if err != nil {
		log.WithError(err).Warn("change the members of raft")
		return false
	}
	log.Info("changed the members of raft")
	return true
}

// move gives a member its new address and keeps its vote.
func (r *Reconciler) move(ctx context.Context, c Change, members []cluster.MemberStatus) error {
	for _, m := range members {
		if m.ID == c.Node && m.Voter {
			return r.Node.Promote(ctx, c.Node, c.Peer)
		}
	}
	return r.Node.AddNonvoter(ctx, c.Node, c.Peer)
}
