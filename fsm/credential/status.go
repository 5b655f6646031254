package credential

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// StatusArgs enable or disable a credential.
type StatusArgs struct {
	ID      model.CredentialID `cbor:"id"`
	Enabled bool               `cbor:"enabled"`
}

// SetStatus enables or disables a credential; a disabled one keeps every secret version.
var SetStatus = command.Define("credential.status", 1, func(tx *table.Tx, m command.Meta, a StatusArgs) (Done, error) {
	c, err := find(tx, a.ID)
	if err != nil {
		return Done{}, err
	}
	if _, err := command.Authorize(tx, m.Actor, m.At, write, authz.ObjectOf(c)); err != nil {
		return Done{}, err
	}
	switch {
	case a.Enabled && c.Enabled:
		return Done{}, model.Errorf(model.Invalid, "Credential is already activated!").WithCode(1043)
	case !a.Enabled && !c.Enabled:
		return Done{}, model.Errorf(model.Invalid, "Credential inactive").WithCode(1008)
	}
	c.Enabled = a.Enabled
	state.Plan(tx, c)
	put(tx, c)
	return Done{}, tellStatus(tx, m, c)
}).AuditDenials()

// tellStatus tells that a credential was enabled or disabled; sessions of a disabled one end.
func tellStatus(tx *table.Tx, m command.Meta, c *model.Credential) error {
	word := "yes"
	if !c.Enabled {
		word = "no"
	}
	tx.Emit(audit.CredentialStatus.With("credential", string(c.ID), "number", fmt.Sprint(c.Number), "enabled", word))
	if c.Enabled {
		return nil
	}
	_, err := operation.EndSessions(tx, m, 0, c, "disabled")
	return err
}

// PruneArgs name a credential whose old versions may go.
type PruneArgs struct {
	Credential model.CredentialID `cbor:"credential"`
}

// PruneResult tells how many versions went.
type PruneResult struct {
	Removed int `cbor:"removed"`
}

// Prune removes old versions: when vault and target agree, nothing is at work, and the current
// version was proven by login at least 30 days after the old one lost its role (RULES 5), or earlier where it is crowded (ADR 0040).
var Prune = command.Define("credential.prune", 1, func(tx *table.Tx, m command.Meta, a PruneArgs) (PruneResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return PruneResult{}, err
	}
	c, err := find(tx, a.Credential)
	if err != nil {
		return PruneResult{}, err
	}
	if state.SystemRow(tx).Frozen {
		return PruneResult{}, nil
	}
	if _, open := state.Operations.First(tx, "open", string(c.ID)); open {
		return PruneResult{}, nil
	}
	gone := c.Spent()
	if len(gone) == 0 {
		return PruneResult{}, nil
	}
	c.Forget(gone)
	put(tx, c)
	tx.Emit(audit.CredentialPruned.With("credential", string(c.ID), "versions", fmt.Sprint(gone)))
	return PruneResult{len(gone)}, nil
})
