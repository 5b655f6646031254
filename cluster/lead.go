package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/raft"

	"cofre/cluster/raftnode"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Admission decides whether the leader takes proposals now, and which.
type Admission struct {
	Registry *command.Registry
	Clock    *Clock
	DiskLow  func() bool // below 5 % or 1 GiB free (RULES 4)
}

// errNotLeading is retried: elsewhere, or here after the election.
var errNotLeading = model.Errorf(model.Unavailable, "this node does not lead")

// refuse tells why the leader proposes nothing at all; nil if it does.
func (a *Admission) refuse() error {
	if a.Clock != nil && a.Clock.Disagrees() {
		return model.Errorf(model.Unavailable, "the leader's clock disagrees with the majority's")
	}
	if a.DiskLow != nil && a.DiskLow() {
		return model.Errorf(model.Unavailable, "the leader's disk is nearly full, and no other node takes over: cofre status tells where to make room")
	}
	return nil
}

// suffices tells whether nobody waits for the replica of the node where a command came in.
func (a *Admission) suffices(e *command.Envelope) bool {
	d, ok := a.Registry.Find(e.Kind, e.Version)
	return ok && d.AnswerSuffices()
}

// leaderSide puts commands into the log of this node.
type leaderSide struct {
	node  *raftnode.Node
	admit Admission
	queue *coalescer
}

// entriesInFlight lets an entry replicate while the one before it is applied. More would only make the entries smaller,
// as would a second one that carries a few commands only: an entry costs the nodes about 5 ms of CPU, each command in it
// less than one (docs/benchmarks.md). Where the members are far apart the waiting counts, and more leave: see stride.
const (
	entriesInFlight = 2
	besideOne       = 40

	// While requests come more often than this, background work takes their entries: 20,000 due changes beside 100 reads
	// a second made their own entries the larger part of the load.
	patience = 25 * time.Millisecond

	// An entry waits no longer than this for those whom the last one answered: see gathering.
	gatherLimit = 4 * time.Millisecond
)

func newLeaderSide(node *raftnode.Node, admit Admission) *leaderSide {
	l := &leaderSide{node: node, admit: admit}
	l.queue = newCoalescer(entriesInFlight, besideOne, l.send)
	l.queue.patience, l.queue.stride, l.queue.gather.limit = patience, admit.Clock.entryStride, gatherLimit
	return l
}

// submit checks a command and queues it; the outcome is known at once if it is refused.
func (l *leaderSide) submit(e command.Envelope) (*pending, *outcome) {
	now, _ := l.node.Leadership()
	switch {
	case e.Term != 0 && (!now.Leading || now.Term != e.Term):
		return nil, &outcome{err: model.Errorf(model.Fenced, "this node does not lead in term %d any more", e.Term)}
	case !now.Leading:
		return nil, &outcome{err: errNotLeading, retry: true}
	}
	if err := l.admit.Registry.Admit(&e, l.node.State().Level()); err != nil {
		return nil, &outcome{err: err}
	}
	return l.queue.submit(e), nil
}

func (l *leaderSide) propose(ctx context.Context, e command.Envelope) outcome {
	p, o := l.submit(e)
	if o != nil {
		return *o
	}
	return l.queue.wait(ctx, p)
}

const enqueueTime = 5 * time.Second

// send makes one log entry of a batch. Its time is this node's clock now: the leader's stamp is the only time there is.
func (l *leaderSide) send(ctx context.Context, batch []command.Envelope) []outcome {
	if err := l.admit.refuse(); err != nil {
		return all(batch, outcome{err: err, retry: true})
	}
	entry, err := codec.Encode(command.Entry{At: l.admit.Clock.Now(), Term: l.node.Term(), Commands: batch})
	if err != nil {
		return all(batch, outcome{err: err})
	}
	answer, index, err := l.node.Apply(ctx, entry, enqueueTime)
	if err != nil {
		return all(batch, outcome{err: raftError(err), retry: !errors.Is(err, raft.ErrRaftShutdown), maybe: raftnode.Ambiguous(err)})
	}
	results, ok := answer.([]command.Result)
	if !ok || len(results) != len(batch) {
		return all(batch, outcome{err: model.Errorf(model.Internal, "the state machine gave no results for log entry %d", index), maybe: true})
	}
	out := make([]outcome, len(batch))
	foreign, urgent := false, false
	for i, r := range results {
		out[i] = outcome{result: r}
		if batch[i].Node != l.node.ID() && !l.admit.suffices(&batch[i]) {
			foreign, urgent = true, urgent || !background(&batch[i])
		}
	}
	if foreign && l.queue.idle() && (urgent || !l.queue.accompanied()) {
		l.node.Nudge()
	}
	return out
}

func raftError(err error) error {
	return &model.Error{Op: "append to the log", Kind: model.Unavailable, Msg: "the entry was not confirmed", Err: err}
}

func all(batch []command.Envelope, o outcome) []outcome {
	out := make([]outcome, len(batch))
	for i := range out {
		out[i] = o
	}
	return out
}
