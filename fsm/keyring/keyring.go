// Package keyring is the vault ring's feature: creation of a cluster, changes of its sealed keys, re-encryption of rows,
// and the removal of a node that may be in foreign hands. It handles ciphertext only; vault/keyring makes and opens it.
package keyring

import (
	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"fmt"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "keyring", Commands: []command.Erased{Create, Update, Hold, Rewrap, Destroy, Eject, Backup, Rescue, Restore}}

// CreateArgs are the first rows of a cluster.
type CreateArgs struct {
	Keyring       model.Keyring       `cbor:"keyring"`
	Node          model.Node          `cbor:"node"`
	Leases        model.Leases        `cbor:"leases"`
	Level         uint16              `cbor:"level"`
	Application   model.Application   `cbor:"application"`   // the administrator
	Authorization model.Authorization `cbor:"authorization"` // its keys and rights
}

// Done is the result of verbs that have nothing to tell.
type Done struct{}

// Create makes the cluster: its keys, its first member and its administrator. It succeeds once.
var Create = command.Define("cluster.create", 1, func(tx *table.Tx, m command.Meta, a CreateArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Operator: true}, nil); err != nil {
		return Done{}, err
	}
	if state.Keyring.Has(tx, state.SystemKey) {
		return Done{}, model.Errorf(model.Conflict, "the cluster exists already")
	}
	sys := state.SystemRow(tx)
	sys.Leases, sys.Level = a.Leases, a.Level
	state.System.Put(tx, &sys)
	a.Keyring.Revision = 1
	state.Keyring.Put(tx, &a.Keyring)
	a.Node.State, a.Node.Delivered, a.Node.JoinedAt, a.Node.ApprovedAt, a.Node.Revision = model.NodeApproved, true, m.At, m.At, 1
	state.Nodes.Put(tx, &a.Node)
	a.Application.CreatedAt, a.Application.Revision = m.At, 1
	state.Applications.Put(tx, &a.Application)
	a.Authorization.CreatedAt, a.Authorization.Revision = m.At, 1
	state.Authorizations.Put(tx, &a.Authorization)
	p := model.DefaultPolicy()
	p.Revision = 1
	state.Policies.Put(tx, &p)
	seal := "auto"
	if a.Keyring.Shamir != nil {
		seal = "shamir"
	}
	tx.Emit(audit.ClusterCreated.With("cluster", string(a.Keyring.Cluster), "seal", seal, "dev", fmt.Sprint(a.Keyring.Dev)))
	return Done{}, nil
})
