package keyring

import (
	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// BackupArgs are empty.
type BackupArgs struct{}

// Backup records that a backup of the whole state is about to be written: it leaves the house only after this is committed.
var Backup = command.Define("cluster.backup", 1, func(tx *table.Tx, m command.Meta, _ BackupArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Right: model.ClusterAdmin}, nil); err != nil {
		return Done{}, err
	}
	tx.Emit(audit.BackupTaken.With())
	return Done{}, nil
}).AuditDenials()

// RescueArgs name the node whose copy of the state it is.
type RescueArgs struct {
	Node model.NodeID `cbor:"node"`
}

// Rescue is the last command of a copy of the state, which a node that lost its majority writes out as a backup (ADR 0038). It
// stands in no log: nobody is left to confirm it, so the trail of the copy tells of it.
var Rescue = command.Define("cluster.rescue", 1, func(tx *table.Tx, m command.Meta, a RescueArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Operator: true}, nil); err != nil {
		return Done{}, err
	}
	if n, ok := state.Nodes.Get(tx, string(a.Node)); !ok || n.State == model.NodeRemoved {
		return Done{}, model.Errorf(model.Conflict, "node %s is no member of this cluster", a.Node)
	}
	tx.Emit(audit.ClusterRescued.With("member", string(a.Node)))
	return Done{}, nil
})
