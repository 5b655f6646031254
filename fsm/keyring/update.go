package keyring

import (
	"bytes"
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

var (
	byAdmin  = authz.Action{Right: model.ClusterAdmin, System: true, Operator: true}
	bySystem = authz.Action{System: true}
)

// UpdateArgs are the whole new ring; its Revision is that of the ring it was made from.
type UpdateArgs struct {
	Keyring model.Keyring `cbor:"keyring"`
}

// Update replaces the ring if nobody changed it meanwhile. Terms may be re-sealed and added, never dropped here. A new
// root key must be on its way to every approved node, or a node would lose the vault.
var Update = command.Define("keyring.update", 1, func(tx *table.Tx, m command.Meta, a UpdateArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, byAdmin, nil); err != nil {
		return Done{}, err
	}
	old, err := current(tx)
	if err != nil {
		return Done{}, err
	}
	if err := replace(tx, m, old, &a.Keyring); err != nil {
		return Done{}, err
	}
	emitChanges(tx, old, &a.Keyring)
	return Done{}, nil
}).AuditDenials()

func current(tx *table.Tx) (*model.Keyring, error) {
	k, ok := state.Keyring.Get(tx, state.SystemKey)
	if !ok {
		return nil, model.Errorf(model.NotFound, "the cluster does not exist yet")
	}
	return k, nil
}

// replace stores the next ring. New terms are stamped with state time: how old a term is decides when it may go.
func replace(tx *table.Tx, m command.Meta, old, next *model.Keyring) error {
	if err := next.Succeeds(old); err != nil {
		return err
	}
	if next.Root != old.Root {
		for n := range state.Nodes.All(tx, "") {
			if n.State == model.NodeApproved && !next.HandedTo(n.ID) {
				return model.Errorf(model.Conflict, "the new root key is not on its way to node %s: try again", n.ID)
			}
		}
	}
	next.Terms = slices.Clone(next.Terms)
	for i := range next.Terms {
		if t := &next.Terms[i]; old.Term(t.N) == nil {
			t.At = m.At
		}
	}
	next.Revision++
	state.Keyring.Put(tx, next)
	return nil
}

// emitChanges tells what is new. Recovery key and shares are wrapped again whenever the root key changes: that is no
// change of theirs.
func emitChanges(tx *table.Tx, old, next *model.Keyring) {
	if next.Active != old.Active {
		tx.Emit(audit.KeyTermRotated.With("term", fmt.Sprint(next.Active)))
	}
	if next.Root != old.Root {
		tx.Emit(audit.RootRotated.With("root", fmt.Sprint(next.Root)))
		return
	}
	if !bytes.Equal(next.Recovery, old.Recovery) {
		tx.Emit(audit.RecoveryRekeyed.With())
	}
	if s := next.Shamir; s != nil && (old.Shamir == nil || !bytes.Equal(s.Root, old.Shamir.Root)) {
		tx.Emit(audit.SharesRekeyed.With("shares", fmt.Sprint(s.Shares), "threshold", fmt.Sprint(s.Threshold)))
	}
}

// HoldArgs name the generation of the root key that the proposing node holds.
type HoldArgs struct {
	Root uint32 `cbor:"root"`
}

// Hold records that the proposing node keeps a root key under its own seal: nothing older is on its way to it any more.
var Hold = command.Define("keyring.hold", 1, func(tx *table.Tx, m command.Meta, a HoldArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return Done{}, err
	}
	k, err := current(tx)
	if err != nil {
		return Done{}, err
	}
	taken := func(b model.RootBox) bool { return b.Node == m.Node && b.To <= a.Root }
	if !slices.ContainsFunc(k.Handover, taken) {
		return Done{}, nil
	}
	k.Handover = slices.DeleteFunc(k.Handover, taken)
	k.Revision++
	state.Keyring.Put(tx, k)
	tx.Emit(audit.NodeRekeyed.With("member", string(m.Node), "root", fmt.Sprint(a.Root)))
	return Done{}, nil
})
