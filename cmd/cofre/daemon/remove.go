package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cofre/cluster"
	"cofre/cluster/peer"
	"cofre/cluster/raftnode"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
)

type removeArgs struct {
	ID    string `json:"id"`
	Force bool   `json:"force"` // also when the cluster stops by it
}

func operateRemove(ctx context.Context, m *member, who model.Actor, a removeArgs) (any, error) {
	members, err := m.node.Members()
	if err == nil {
		err = votesBesides(members, model.NodeID(a.ID))
	}
	if err == nil {
		err = m.spares(ctx, model.NodeID(a.ID), a.Force)
	}
	if err != nil {
		return nil, err
	}
	out, err := command.Propose(ctx, m.proposer, node.Remove, who, node.MemberArgs{ID: model.NodeID(a.ID)})
	if err == nil && !a.Force {
		m.awaitGone(ctx, model.NodeID(a.ID))
	}
	if err != nil && m.node.Leader() == "" {
		err = fmt.Errorf("%w. %s", err, adviceNoMajority)
	}
	return out, err
}

// adviceNoMajority says what is left to do when members cannot be taken out, because those that are down are too many.
const adviceNoMajority = "A member is taken out by a majority of those that there are now: start one that is down. If too many are lost for ever, those that are left cannot go on: take what one of them holds (cofre backup rescue), and restore that on a new node (cofre backup restore)"

// goneTime is how long a removal is followed to its end. It is decided before; the leader does the rest.
const goneTime = 10 * time.Second

// awaitGone waits until a removed member has no vote any more, so that who removes the next one is not held up by this one.
func (m *member) awaitGone(ctx context.Context, id model.NodeID) {
	if id == m.id() {
		return // it does not hear of it
	}
	for end := time.Now().Add(goneTime); time.Now().Before(end) && ctx.Err() == nil; {
		members, err := m.node.Members()
		if err != nil || !slices.ContainsFunc(members, func(o raftnode.Member) bool { return o.ID == id }) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func operateLeave(ctx context.Context, m *member, who model.Actor, _ none) (any, error) {
	return operateRemove(ctx, m, who, removeArgs{ID: string(m.id())})
}

// votesBesides refuses to take the only voter out while others wait for their vote: raft would keep it for ever, and give them none meanwhile.
// Of a node that is alone the state machine says more.
func votesBesides(members []raftnode.Member, id model.NodeID) error {
	votes := slices.ContainsFunc(members, func(o raftnode.Member) bool { return o.ID == id && o.Voter })
	others := slices.ContainsFunc(members, func(o raftnode.Member) bool { return o.ID != id && o.Voter })
	if !votes || others || len(members) == 1 {
		return nil
	}
	return model.Errorf(model.Conflict, "%s is the only voter: approve another member (cofre cluster approve), and wait until it has a vote (cofre status)", id)
}

// spares refuses to take a voter out when those that remain and answer are no majority of those that remain: nothing could be
// committed any more, not even that it is out, until another one is back.
func (m *member) spares(ctx context.Context, id model.NodeID, force bool) error {
	if force {
		return nil
	}
	seen, err := cluster.Gather(ctx, m.node, m.client, m.status)
	if err != nil {
		return err
	}
	return mayGo(seen, id)
}

func mayGo(seen []cluster.MemberStatus, id model.NodeID) error {
	votes, remain, answer, voters, up := false, 0, 0, 0, 0
	var silent []string
	for _, o := range seen {
		if o.Voter {
			voters++
			if o.Status != nil {
				up++
			}
		}
		switch {
		case !o.Voter:
		case o.ID == id:
			votes = true
		case o.Status == nil:
			remain++
			silent = append(silent, string(o.ID))
		default:
			remain++
			answer++
		}
	}
	switch {
	case up <= voters/2:
		return model.Errorf(model.Unavailable, "%d of %d voters answer. %s", up, voters, adviceNoMajority)
	case !votes || len(silent) == 0 || answer > remain/2:
		return nil
	}
	return model.Errorf(model.Conflict, "without %s the cluster stops: of the %d voters that remain %s cannot be reached. Start what is down, or take it out first (cofre cluster remove %s). With --force cofre cluster remove takes %s out all the same, and the cluster goes on when enough are back",
		id, remain, strings.Join(silent, ", "), silent[0], id)
}

// removed tells whether this node saw its own removal.
func (m *member) removed() bool {
	n, ok := m.row(m.id())
	return ok && n.State == model.NodeRemoved
}

// expelled tells whether the others say that this node is no member, and none answers it: it was off when it was removed.
func expelled(self model.NodeID, seen []cluster.MemberStatus) bool {
	refused := false
	for _, o := range seen {
		if o.ID == self {
			continue
		}
		if o.Status != nil {
			return false
		}
		refused = refused || o.Err != nil && strings.Contains(o.Err.Error(), peer.ErrNotMember.Error())
	}
	return refused
}

func removedText(dir string) string {
	return fmt.Sprintf("REMOVED: this node is not a member of its cluster any more, and serves nothing. Stop it; to use this machine again, empty %s and let it join under a new name (cofre cluster join)", dir)
}
