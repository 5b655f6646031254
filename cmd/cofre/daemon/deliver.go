package daemon

import (
	"context"
	"errors"
	"fmt"

	"cofre/cluster/membership"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/vault/keyring"
	"cofre/vault/secret"
)

// fetch gets the root key for a newcomer, from whichever member hands it over after the approval.
func (o *opener) fetch(ctx context.Context) error {
	for {
		changed := o.m.watches.keys()
		self, ok := o.m.row(o.m.id())
		if _, has := o.m.ring(); ok && has && !self.Delivered && o.m.keys.Sealed() && !o.held() {
			err := membership.FetchRoot(ctx, o.m.client, o.m.others, func(box []byte) error { return o.receive(ctx, self, box) }, o.m.part("vault"))
			if err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (o *opener) receive(ctx context.Context, self model.Node, box []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	row, ok := o.m.ring()
	if !ok {
		return errNoRing
	}
	_, private := o.m.me(self)
	defer private.Wipe()
	root, err := keyring.UnwrapKey(private, box, rootInfo(row.Cluster, self.ID, model.Fingerprint(self.PublicKey), self.Token))
	if err != nil {
		return err
	}
	defer root.Wipe()
	if err := o.take(ctx, row, root); !errors.Is(err, keyring.ErrWrongRoot) {
		return err
	}
	return keepRoot(ctx, o.m.config, root) // newer than this replica, and sent only once: it opens when the row has come
}

// deliver wraps the root key for an approved newcomer; the delivery is committed first.
func (m *member) deliver(ctx context.Context, to model.NodeID) ([]byte, error) {
	ring, err := m.keys.Current()
	if err != nil {
		return nil, err
	}
	r, err := command.Propose(ctx, m.proposer, node.Deliver, nodeActor, node.DeliverArgs{ID: to, Root: ring.Generation()})
	if err != nil {
		return nil, err
	}
	var box []byte
	err = ring.WithRoot(func(root secret.Value) error {
		box, err = keyring.WrapKey(root, r.HPKE, rootInfo(m.self.Get().Cluster, to, r.Key, r.Token))
		return err
	})
	return box, err
}

// rootInfo binds a wrapped root key to its one receiver (RULES 6).
func rootInfo(c model.ClusterID, n model.NodeID, key, token string) []byte {
	return fmt.Appendf(nil, "cofre root key\x00%s\x00%s\x00%s\x00%s", c, n, key, token)
}

// others lists the members that could hand over the root key.
func (m *member) others() []model.NodeID {
	var ids []model.NodeID
	for _, n := range m.rows() {
		if n.ID != m.id() && n.State == model.NodeApproved {
			ids = append(ids, n.ID)
		}
	}
	return ids
}
