package raftnode

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"cofre/fsm/model"
)

// Member is one server of raft's configuration.
type Member struct {
	ID      model.NodeID
	Address string // host:port
	Voter   bool
}

// Members is raft's newest configuration as this node knows it, committed or not.
func (n *Node) Members() ([]Member, error) {
	f := n.raft.GetConfiguration()
	if err := f.Error(); err != nil {
		return nil, fmt.Errorf("read the members: %w", err)
	}
	servers := f.Configuration().Servers
	out := make([]Member, 0, len(servers)) // asked for by every request
	for _, s := range servers {
		_, address := SplitPeerAddress(s.Address)
		out = append(out, Member{ID: model.NodeID(s.ID), Address: address, Voter: s.Suffrage == raft.Voter})
	}
	return out, nil
}

// Has tells whether a node is in the configuration.
func (n *Node) Has(id model.NodeID) bool {
	members, err := n.Members()
	return err == nil && slices.ContainsFunc(members, func(m Member) bool { return m.ID == id })
}

// AddNonvoter lets a node receive the log. Leader only.
func (n *Node) AddNonvoter(ctx context.Context, id model.NodeID, address string) error {
	if err := await(ctx, n.raft.AddNonvoter(raft.ServerID(id), PeerAddress(id, address), 0, timeLeft(ctx))); err != nil {
		return fmt.Errorf("add %s: %w", id, err)
	}
	return nil
}

// Promote gives a node its vote. Leader only.
func (n *Node) Promote(ctx context.Context, id model.NodeID, address string) error {
	if err := await(ctx, n.raft.AddVoter(raft.ServerID(id), PeerAddress(id, address), 0, timeLeft(ctx))); err != nil {
		return fmt.Errorf("promote %s: %w", id, err)
	}
	return nil
}

// Remove takes a node out. Leader only; a leader that removes itself steps down.
func (n *Node) Remove(ctx context.Context, id model.NodeID) error {
	if err := await(ctx, n.raft.RemoveServer(raft.ServerID(id), 0, timeLeft(ctx))); err != nil {
		return fmt.Errorf("remove %s: %w", id, err)
	}
	return nil
}

// TransferLeader hands leadership over to a voter; "" lets raft choose the most caught-up one.
func (n *Node) TransferLeader(ctx context.Context, to model.NodeID) error {
	f := n.raft.LeadershipTransfer
	if to != "" {
		members, err := n.Members()
		if err != nil {
			return err
		}
		for _, m := range members {
			if m.ID == to && m.Voter {
				f = func() raft.Future {
					return n.raft.LeadershipTransferToServer(raft.ServerID(m.ID), PeerAddress(m.ID, m.Address))
				}
			}
		}
	}
	if err := await(ctx, f()); err != nil {
		return fmt.Errorf("hand leadership over: %w", err)
	}
	return nil
}

// Progress is how far this replica is.
type Progress struct {
	ID          model.NodeID `cbor:"id"`
	State       string       `cbor:"state"` // "Leader", "Follower", "Candidate", "Shutdown"
	Term        uint64       `cbor:"term"`
	Leader      model.NodeID `cbor:"leader,omitempty"`
	LastIndex   uint64       `cbor:"last_index"`
	CommitIndex uint64       `cbor:"commit_index"`
	Applied     uint64       `cbor:"applied"`      // rows committed here; counts only entries that the state machine sees
	LastContact int64        `cbor:"last_contact"` // milliseconds since the leader was heard; -1: never
}

// Progress tells how far this replica is.
func (n *Node) Progress() Progress {
	p := Progress{
		ID: n.id, State: n.raft.State().String(), Term: n.raft.CurrentTerm(), Leader: n.Leader(),
		LastIndex: n.raft.LastIndex(), CommitIndex: n.raft.CommitIndex(), Applied: n.sm.Applied(), LastContact: -1,
	}
	if t := n.LastContact(); !t.IsZero() {
		p.LastContact = time.Since(t).Milliseconds()
	}
	return p
}
