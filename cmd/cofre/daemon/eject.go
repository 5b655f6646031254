package daemon

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"cofre/cluster/peer"
	"cofre/fsm/command"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/vault/access"
	"cofre/vault/keyring"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

type ejectArgs struct {
	ID    string `json:"id"`
	Text  string `json:"text"`  // one of the new shares, with the Shamir seal
	Force bool   `json:"force"` // also when the cluster stops by it
	Ask   bool   `json:"ask"`   // only tell whether it would be refused, before people are troubled with new shares
}

// operateEject takes a node out that may be in foreign hands. Everything that it shared with the others is new
// afterwards: root key, key term, the CA, gossip, token and audit keys, and the shares of the Shamir seal (ADR 0013).
func operateEject(ctx context.Context, m *member, who model.Actor, a ejectArgs) (any, error) {
	id := model.NodeID(a.ID)
	row, ok := m.ring()
	switch {
	case !ok:
		return nil, errNoRing
	case id == m.id():
		return nil, model.Errorf(model.Invalid, "a node cannot eject itself: run this on another member")
	case m.keys.Sealed():
		return nil, model.Errorf(model.VaultSealed, "the vault is sealed on this node: open it first, or run this on an open one")
	}
	if n, ok := m.row(id); !ok || n.Lost {
		return nil, model.Errorf(model.NotFound, "there is no node %s: cofre cluster members lists them", id).WithField("id")
	}
	if err := m.spares(ctx, id, a.Force); err != nil || a.Ask {
		return none{}, err
	}
	if row.Shamir == nil {
		return m.eject(ctx, who, id, nil, a.Force)
	}
	var out any
	err := m.opener.drafts.use(shamir.Unseal, secret.New([]byte(a.Text)), func(d draft) (err error) {
		out, err = m.eject(ctx, who, id, &d, a.Force)
		return err
	})
	return out, err
}

func (m *member) eject(ctx context.Context, who model.Actor, id model.NodeID, shares *draft, force bool) (any, error) {
	var ca []byte
	err := m.changeRing(ctx, func(r *keyring.Ring, row model.Keyring) (next model.Keyring, err error) {
		next, err = m.ringWithout(r, row, id, shares)
		ca = next.CA
		return next, err
	}, func(next model.Keyring) error {
		_, err := command.Propose(ctx, m.proposer, fsmkeyring.Eject, who, fsmkeyring.EjectArgs{Node: id, Keyring: next})
		return err
	})
	if err != nil {
		return nil, err
	}
	if !force {
		m.awaitGone(ctx, id)
	}
	e := m.exposed(id)
	e.CA = string(ca)
	return e, nil
}

// ringWithout makes the ring after an eject. The new named keys are encrypted under the new term, and that under the new
// root key: the lost node may see all of it and opens nothing.
func (m *member) ringWithout(r *keyring.Ring, row model.Keyring, id model.NodeID, shares *draft) (model.Keyring, error) {
	now := model.TimeOf(time.Now())
	row, root, err := r.RotateRoot(row, m.members(id))
	if err != nil {
		return row, err
	}
	defer root.Wipe()
	next, err := keyring.Open(row, root)
	if err != nil {
		return row, err
	}
	defer next.Close()
	if row, err = next.RotateTerm(row, now); err == nil {
		err = next.Update(row)
	}
	if err == nil {
		err = access.AddSigningKeys(next, &row, now)
	}
	if err == nil {
		err = newCA(next, &row, now)
	}
	if err == nil && shares != nil {
		row, err = next.SetShamir(row, shares.key, shares.shares, shares.threshold)
	}
	if err != nil {
		return row, err
	}
	keyring.Retire(&row, access.KeyToken, false) // tokens that the lost node could forge are void
	keyring.Retire(&row, access.KeyAudit, true)
	keyring.Retire(&row, access.KeyCA, false)
	row.Gossip, err = m.gossipBoxes(row, id)
	return row, err
}

// gossipBoxes draws the next gossip key and wraps it for every remaining node, sealed and waiting ones too.
func (m *member) gossipBoxes(row model.Keyring, but model.NodeID) (boxes []model.GossipBox, err error) {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	key := secret.New(b)
	defer key.Wipe()
	for _, n := range m.rows() {
		if n.State == model.NodeRemoved || n.ID == but {
			continue
		}
		box, err := keyring.WrapKey(key, n.HPKE, gossipInfo(row.Cluster, n.ID, row.Root))
		if err != nil {
			return nil, fmt.Errorf("wrap the gossip key for node %s: %w", n.ID, err)
		}
		boxes = append(boxes, model.GossipBox{Node: n.ID, Root: row.Root, Box: box})
	}
	return boxes, nil
}

func gossipInfo(c model.ClusterID, n model.NodeID, root uint32) []byte {
	return fmt.Appendf(nil, "cofre gossip key\x00%s\x00%s\x00%d", c, n, root)
}

func operateCA(_ context.Context, m *member, _ model.Actor, _ none) (any, error) {
	return map[string]string{"ca": string(peer.EncodePEM(m.self.Get().CA))}, nil
}
