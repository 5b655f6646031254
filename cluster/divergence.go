package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
)

// Divergence reports this node's state hash whenever it was taken anew, and ends the node when a majority of the members
// has another one (RULES 4): what it answers cannot be trusted, and it must not vote with it.
type Divergence struct {
	Node     model.NodeID
	Proposer command.Proposer
	Last     func() (index uint64, hash []byte)         // the newest hash of the local replica; 0: none yet
	Compare  func(index uint64) (node.HashResult, bool) // in the local replica
	Changed  func() <-chan struct{}                     // closes when the replica changed
	Began    uint64                                     // last entry that the node held when this process started
	Reported func() uint64                              // index of this node's newest report in the local replica; 0: none
	Mark     func(reason string) error                  // keeps the node from starting again
	// Overwritten gives an applied entry that the leader has another one for.
	Overwritten <-chan uint64
	// PutBack gives the last entry that other members know this node to have applied, and that it then lacked; see Recall.
	PutBack <-chan uint64
}

// Why a node quarantined itself.
var (
	ErrDiverged = errors.New("the state of this node differs from the majority's")
	// ErrOverwritten says that it is another member that is wrong.
	ErrOverwritten = errors.New("the leader has another entry where this node has applied one: a member has forgotten what it confirmed (an older copy of its data?), and the others may lack changes that this node has. " +
		"Keep a copy of the data and key directories of this node before anything else")
	ErrPutBack = errors.New("the data of this node are an older copy: it had confirmed entries of the log that it then lacked, and may have voted twice")
)

const divergencePause = 200 * time.Millisecond

// Run ends with ErrDiverged, ErrPutBack, ErrOverwritten, or with ctx.
//
// A report is also a proof that the node had applied that entry, and so had it in its log: one that this process did not
// make, of an entry behind what the process found there, says that somebody put an older copy of the data back.
func (d *Divergence) Run(ctx context.Context) error {
	var reported uint64
	tried := d.Began
	for {
		changed := d.Changed()
		if index := d.Reported(); index > tried {
			return d.quarantine(ErrPutBack, index)
		}
		if index, hash := d.Last(); index > reported {
			tried = max(tried, index)
			_, err := command.Propose(ctx, d.Proposer, node.ReportHash, model.Actor{Kind: model.ActorSystem, Name: "node"}, node.HashArgs{Index: index, Hash: hash})
			if err == nil {
				reported = index
			}
		}
		if reported > 0 {
			if r, _ := d.Compare(reported); slices.Contains(r.Differ, d.Node) {
				return d.quarantine(ErrDiverged, reported)
			}
		}
		select {
		case <-changed:
		case index := <-d.Overwritten:
			return d.quarantine(ErrOverwritten, index)
		case index := <-d.PutBack:
			return d.quarantine(ErrPutBack, index)
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-time.After(divergencePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Divergence) quarantine(why error, index uint64) error {
	reason := fmt.Sprintf("%v, at log index %d: remove the node (cofre cluster remove %s), wipe it and let it join again under a new name", why, index, d.Node)
	return errors.Join(fmt.Errorf("%w: %s", why, reason), d.Mark(reason))
}

// Level raises the active feature level while this node leads, as soon as every member announced a higher one.
type Level struct {
	Members func() (announced []uint16, active uint16) // levels of the members' binaries, and the active one
	Every   time.Duration
}

// Raise proposes within one term, until ctx ends.
func (l *Level) Raise(ctx context.Context, p command.Proposer) {
	for {
		if announced, active := l.Members(); len(announced) > 0 && slices.Min(announced) > active {
			// A member that joined or restarted meanwhile is a conflict: the next look knows.
			_, _ = command.Propose(ctx, p, node.RaiseLevel, model.Actor{Kind: model.ActorSystem, Name: "scheduler"}, node.LevelArgs{Level: slices.Min(announced)})
		}
		select {
		case <-time.After(l.Every):
		case <-ctx.Done():
			return
		}
	}
}
