package keyring

import (
	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
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
