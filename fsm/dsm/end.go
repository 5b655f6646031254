package dsm

import (
	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// EndArgs name a secret whose date is over.
type EndArgs struct {
	ID model.DSMSecretID `cbor:"id"`
}

// Ended is the answer: nothing but that it was told.
type Ended struct{}

// End tells automations, once, that a secret became inactive by its date. It is so without this command, which changes
// nothing else: no revision, so that nobody's change is refused for it.
var End = command.Define("dsm.end", 1, func(tx *table.Tx, m command.Meta, a EndArgs) (Ended, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return Ended{}, err
	}
	s, err := find(tx, a.ID)
	if err != nil {
		return Ended{}, err
	}
	if !s.Enabled || s.ExpiresAt == 0 || s.ExpiresAt > m.At || s.EndTold == s.ExpiresAt || state.SystemRow(tx).Frozen {
		return Ended{}, model.Errorf(model.Conflict, "the secret does not end now, or its end was told")
	}
	s.EndTold = s.ExpiresAt
	state.DSMSecrets.Put(tx, s)
	tx.Emit(audit.DSMPut.With("secret", string(s.ID), "number", number(s.Number), "identity", s.Identity, "owner", string(s.Owner), "version", number(s.Version), "change", "ended"))
	operation.SecretChanged(tx, m, s, model.SecretInactivated)
	return Ended{}, nil
})
