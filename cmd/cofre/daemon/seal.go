package daemon

import (
	"context"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
)

type sealArgs struct {
	Cluster bool `json:"cluster"` // every node, not this one alone
}

// Closed tells whose vaults were not closed yet when the call ended: nodes that are off close when they are back.
type Closed struct {
	Waiting []string `json:"waiting"`
}

// operateSeal closes this node's vault, or every node's, until people open them.
func operateSeal(ctx context.Context, m *member, who model.Actor, a sealArgs) (any, error) {
	if !a.Cluster {
		return Closed{}, m.opener.close()
	}
	if _, err := command.Propose(ctx, m.proposer, node.SealAll, who, node.Done{}); err != nil {
		return nil, err
	}
	for end := time.Now().Add(10 * time.Second); ; {
		changed, waiting := m.watches.keys(), m.unsealedByOrder()
		if len(waiting) == 0 || time.Now().After(end) {
			return Closed{waiting}, nil
		}
		select {
		case <-changed:
		case <-time.After(time.Second):
		case <-ctx.Done():
			return Closed{waiting}, nil // the order stands, whoever still waits for it
		}
	}
}

// unsealedByOrder lists the members that have not followed an order to seal.
func (m *member) unsealedByOrder() (ids []string) {
	v := m.fsm.View()
	defer v.Close()
	for n := range state.Nodes.All(v, "") {
		if n.State != model.NodeRemoved && n.SealBy != 0 {
			ids = append(ids, string(n.ID))
		}
	}
	return ids
}
