package keyring

import (
	"fmt"
	"slices"

	"cofre/fsm/model"
	"cofre/vault/seal"
	"cofre/vault/secret"
)

// Member is a node that takes part in a change of the root key.
type Member struct {
	ID   model.NodeID
	Key  string // fingerprint of the public key that the node table pins
	HPKE []byte // public key that keys are wrapped to
}

// handOver adds the next root key for every member to what is still on its way to them; who is no member gets nothing
// more. Each box is sealed under the old root key inside of the HPKE box: a node's HPKE key lies in the disk ring, and a
// node that cannot open its own seal must not get a root key from the state.
func handOver(old model.Keyring, oldRoot, root secret.Value, members []Member) ([]model.RootBox, error) {
	boxes := slices.DeleteFunc(slices.Clone(old.Handover), func(b model.RootBox) bool {
		return !slices.ContainsFunc(members, func(m Member) bool { return m.ID == b.Node })
	})
	for _, m := range members {
		b := model.RootBox{Node: m.ID, From: old.Root, To: old.Root + 1}
		label := handoverLabel(old.Cluster, m, b)
		inner, err := seal.Box(oldRoot, label, root)
		if err == nil {
			b.Box, err = wrap(secret.New(inner), m.HPKE, []byte(label))
		}
		if err != nil {
			return nil, fmt.Errorf("hand the root key over to node %s: %w", m.ID, err)
		}
		boxes = append(boxes, b)
	}
	return boxes, nil
}

// TakeRoot gives the root key of the row to a node that holds the same or an older one, however many rotations it
// missed. ErrWrongRoot when nothing leads from its key to the row's. The caller wipes what it gets; root stays his.
func TakeRoot(row model.Keyring, root secret.Value, self Member, private secret.Value) (secret.Value, error) {
	now := root.Clone()
	for range len(row.Handover) + 1 {
		if Check(row, now) == nil {
			return now, nil
		}
		next, ok := step(row, now, self, private)
		now.Wipe()
		if !ok {
			break
		}
		now = next
	}
	return secret.Value{}, fmt.Errorf("take over the root key of generation %d: %w", row.Root, ErrWrongRoot)
}

// step opens the box that is sealed under root; which generation root is of, only the boxes tell.
func step(row model.Keyring, root secret.Value, self Member, private secret.Value) (secret.Value, bool) {
	for _, b := range row.Handover {
		if b.Node != self.ID {
			continue
		}
		label := handoverLabel(row.Cluster, self, b)
		inner, err := openHPKE(nodeKEM(), private, b.Box, []byte(label))
		if err != nil {
			continue
		}
		var next secret.Value
		err = inner.Reveal(func(box []byte) error { next, err = seal.Unbox(root, label, box); return err })
		if err == nil {
			return next, true
		}
	}
	return secret.Value{}, false
}

func handoverLabel(c model.ClusterID, m Member, b model.RootBox) string {
	return fmt.Sprintf("cofre root key handed over, cluster %q, node %q, key %s, from %d to %d", c, m.ID, m.Key, b.From, b.To)
}
