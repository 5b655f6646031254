package raftnode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
)

// Config is what a node's replica needs.
type Config struct {
	ID      model.NodeID
	Log     *Log
	Records Files // snapshot records
	// Scale stretches heartbeat, election and lease timeouts together; 0 means 1 (500, 500 and 250 ms).
	Scale float64
	// SnapshotThreshold, TrailingLogs and SnapshotInterval are 512, 10240 and 5 s when zero. A snapshot is a record and a
	// flush of what is in memory, so it may be taken often: a start reads the log from the last one on.
	SnapshotThreshold, TrailingLogs uint64
	SnapshotInterval                time.Duration
	// Before, where it is set, is told where the log ends and may refuse the start, before the node votes.
	Before func(began uint64) error
}

func (c Config) raft(log logrus.FieldLogger) *raft.Config {
	scale := c.Scale
	if scale == 0 {
		scale = 1
	}
	span := func(d time.Duration) time.Duration { return time.Duration(float64(d) * scale) }
	rc := raft.DefaultConfig()
	rc.LocalID = raft.ServerID(c.ID)
	rc.Logger = bridge(log)
	rc.HeartbeatTimeout, rc.ElectionTimeout = span(500*time.Millisecond), span(500*time.Millisecond)
	rc.LeaderLeaseTimeout = span(250 * time.Millisecond)
	rc.CommitTimeout = 50 * time.Millisecond
	rc.BatchApplyCh, rc.MaxAppendEntries = true, 1024
	rc.NoSnapshotRestoreOnStart = true // the state is on disk; see OpenSnapshots
	rc.NoLegacyTelemetry = true
	rc.SnapshotThreshold, rc.TrailingLogs, rc.SnapshotInterval = 512, 10240, 5*time.Second
	if c.SnapshotThreshold > 0 {
		rc.SnapshotThreshold = c.SnapshotThreshold
	}
	if c.TrailingLogs > 0 {
		rc.TrailingLogs = c.TrailingLogs
	}
	if c.SnapshotInterval > 0 {
		rc.SnapshotInterval = c.SnapshotInterval
	}
	return rc
}

// Node is this node's replica.
type Node struct {
	id    model.NodeID
	began uint64 // end of the log when this process started
	kept  *guarded
	raft  *raft.Raft
	sm    StateMachine
	log   logrus.FieldLogger
	scale time.Duration // election timeout
	stop  context.CancelFunc
	ended sync.WaitGroup

	mu         sync.Mutex // guards what follows
	leadership Leadership
	changed    chan struct{}
	moved      chan struct{}
}

// ErrHasState says that a node which was part of a cluster before may not found one.
var ErrHasState = errors.New("this node already has a log: it cannot found a new cluster")

// Start checks that state and log belong together and starts raft. A node without a log waits for Bootstrap or for a
// leader that adds it.
func Start(c Config, sm StateMachine, transport Transport, log logrus.FieldLogger) (*Node, error) {
	snapshots, err := OpenSnapshots(c.Records, sm, log)
	if err != nil {
		return nil, err
	}
	began, err := snapshots.covers(c.Log)
	if err != nil {
		return nil, err
	}
	if err := snapshots.clean(c.Log); err != nil {
		return nil, fmt.Errorf("remove a log that a received state replaced: %w", err)
	}
	if c.Before != nil {
		if err := c.Before(began); err != nil {
			return nil, err
		}
	}
	rc := c.raft(log)
	notify := make(chan bool, 16)
	rc.NotifyCh = notify
	kept := &guarded{LogStore: c.Log, applied: sm.Applied, outdated: snapshots.outdated, received: snapshots.last, found: make(chan uint64, 1)}
	terms, err := newTerms(c.Log)
	if err != nil {
		return nil, err
	}
	steady := newSteady(transport, terms)
	r, err := newRaft(rc, sm, kept, terms, snapshots, steady)
	if err != nil {
		steady.stop()
		return nil, fmt.Errorf("start raft: %w", err)
	}
	steady.started(r)
	ctx, stop := context.WithCancel(context.Background())
	n := &Node{id: c.ID, began: began, kept: kept, raft: r, sm: sm, log: log, scale: rc.ElectionTimeout, stop: stop, changed: make(chan struct{}), moved: make(chan struct{})}
	leaders := make(chan raft.Observation, 16)
	r.RegisterObserver(raft.NewObserver(leaders, false, func(o *raft.Observation) bool { _, ok := o.Data.(raft.LeaderObservation); return ok }))
	n.ended.Go(func() { n.follow(ctx, notify, leaders) })
	return n, nil
}

// newRaft turns the panics by which raft answers a damaged log into an error.
func newRaft(rc *raft.Config, sm StateMachine, logs raft.LogStore, stable raft.StableStore, snapshots raft.SnapshotStore, transport raft.Transport) (r *raft.Raft, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v: %s", p, damagedAdvice)
		}
	}()
	return raft.NewRaft(rc, sm, logs, stable, snapshots, transport)
}

// Bootstrap founds a cluster with this node, reachable at address (host:port), as its only voter. A node with data refuses.
func (n *Node) Bootstrap(address string) error {
	err := n.raft.BootstrapCluster(raft.Configuration{Servers: []raft.Server{{ID: raft.ServerID(n.id), Address: PeerAddress(n.id, address)}}}).Error()
	if errors.Is(err, raft.ErrCantBootstrap) {
		return ErrHasState
	}
	if err != nil {
		return fmt.Errorf("found a cluster: %w", err)
	}
	return nil
}

// ID is this node.
func (n *Node) ID() model.NodeID { return n.id }

// Began is the last entry that this node held when its process started.
func (n *Node) Began() uint64 { return n.began }

// Overwritten gives the first entry that this node has applied and a leader was about to overwrite; it does not let it.
func (n *Node) Overwritten() <-chan uint64 { return n.kept.found }

// State is the state machine.
func (n *Node) State() StateMachine { return n.sm }

// Leader names the leader as far as this node knows; "" if there is none.
func (n *Node) Leader() model.NodeID {
	_, id := n.raft.LeaderWithID()
	return model.NodeID(id)
}

// Term is raft's current term.
func (n *Node) Term() uint64 { return n.raft.CurrentTerm() }

// lastWord is how long an entry is still waited for after the end of its context: one that raft has taken up is settled by then.
const lastWord = 2 * time.Second

// Apply submits one entry, which raft takes up within a time, and gives what the state machine answers. Errors: see Ambiguous. It
// outlasts ctx by lastWord at most: what raft had queued and not taken up when it shut down is never answered.
func (n *Node) Apply(ctx context.Context, entry []byte, timeout time.Duration) (answer any, index uint64, err error) {
	f := n.raft.Apply(entry, timeout)
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(lastWord):
			err = raft.ErrRaftShutdown
		}
	}
	if err != nil {
		return nil, 0, err
	}
	return f.Response(), f.Index(), nil
}

// Ambiguous tells whether an entry whose Apply ended with err may still be committed.
func Ambiguous(err error) bool {
	for _, certain := range []error{raft.ErrNotLeader, raft.ErrEnqueueTimeout, raft.ErrLeadershipTransferInProgress} {
		if errors.Is(err, certain) {
			return false
		}
	}
	return true
}

// Barrier returns when everything committed before was applied here. Leader only.
func (n *Node) Barrier(ctx context.Context) error { return await(ctx, n.raft.Barrier(timeLeft(ctx))) }

// Nudge lets the followers learn of the newest commit now. They hear of it with the next entry, or else only after 50 to
// 100 ms (raft's commit timeout), for which a client of a follower would wait. So a lone entry is followed by an empty
// one; under load the next entry does it, and nobody nudges.
func (n *Node) Nudge() { _ = n.raft.Barrier(time.Millisecond) } // nobody waits for it; raft answers it when it likes

// VerifyLeader asks a majority whether this node still leads.
func (n *Node) VerifyLeader(ctx context.Context) error { return await(ctx, n.raft.VerifyLeader()) }

// LastContact is when the leader was heard last; now, on the leader.
func (n *Node) LastContact() time.Time {
	if n.raft.State() == raft.Leader {
		return time.Now()
	}
	return n.raft.LastContact()
}

// Snapshot truncates the log now.
func (n *Node) Snapshot() error { return n.raft.Snapshot().Error() }

// Shutdown ends raft, closes its transport and makes the state durable. The log is closed by its owner.
func (n *Node) Shutdown() error {
	err := n.raft.Shutdown().Error()
	n.stop()
	n.ended.Wait()
	return errors.Join(err, n.sm.Flush())
}

const defaultWait = 10 * time.Second

func timeLeft(ctx context.Context) time.Duration {
	if t, ok := ctx.Deadline(); ok {
		return max(time.Until(t), time.Millisecond)
	}
	return defaultWait
}

// await waits for a future of raft, whose own wait cannot be cancelled. The goroutine of one that raft had queued when it shut down
// stays until the process ends.
func await(ctx context.Context, f raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
