package keyring

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// EjectArgs name a node that may be in foreign hands, and hold the ring after it.
type EjectArgs struct {
	Node    model.NodeID  `cbor:"node"`
	Keyring model.Keyring `cbor:"keyring"`
}

// Eject takes a node out for ever and replaces the ring in one step: there is no moment at which the node is out and its
// keys still in force, nor one at which it is in and could be handed the new ones.
var Eject = command.Define("node.eject", 1, func(tx *table.Tx, m command.Meta, a EjectArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Right: model.ClusterAdmin, Operator: true}, nil); err != nil {
		return Done{}, err
	}
	old, err := current(tx)
	if err != nil {
		return Done{}, err
	}
	n, ok := state.Nodes.Get(tx, string(a.Node))
	if !ok || n.Lost {
		return Done{}, model.Errorf(model.NotFound, "there is no node %s: cofre cluster members lists them", a.Node).WithField("id")
	}
	if a.Keyring.Root != old.Root+1 || a.Keyring.Active <= old.Active {
		return Done{}, model.Errorf(model.Invalid, "an eject needs a new root key and a new key term")
	}
	for _, b := range a.Keyring.Handover {
		if b.Node == a.Node {
			return Done{}, model.Errorf(model.Invalid, "the new root key must not go to node %s", a.Node)
		}
	}
	if n.State != model.NodeRemoved { // who was removed in good order may turn out lost later
		n.State, n.RemovedAt = model.NodeRemoved, m.At
		n.Announced.Slots = 0
	}
	n.Lost = true
	n.Revision++
	state.Nodes.Put(tx, n)
	if err := replace(tx, m, old, &a.Keyring); err != nil {
		return Done{}, err
	}
	tx.Emit(audit.NodeEjected.With("member", string(a.Node), "root", fmt.Sprint(a.Keyring.Root), "term", fmt.Sprint(a.Keyring.Active)))
	return Done{}, nil
}).AuditDenials()
