package dsm

import (
	"fmt"
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ReadVersionArgs ask for a kept version of a secret.
type ReadVersionArgs struct {
	ID      model.DSMSecretID `cbor:"id"`
	Version uint64            `cbor:"version"`
}

// ReadVersion records the read of a kept version. It is for who could bring that version back and read it then: readers get
// what is in force only, because a version may be older than their right. Accounts are read as they are now, and dynamic
// users of the version stay out: nobody is made one by looking back.
var ReadVersion = command.Define("dsm.read_version", 1, func(tx *table.Tx, m command.Meta, a ReadVersionArgs) (ReadSecret, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModuleSecrets, Right: model.SecretRead}, nil); err != nil {
		return ReadSecret{}, err
	}
	p, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return ReadSecret{}, err
	}
	s, err := find(tx, a.ID)
	if err != nil {
		return ReadSecret{}, err
	}
	if err := mayChange(p, s); err != nil {
		return ReadSecret{}, err
	}
	if !s.Active(m.At) {
		return ReadSecret{}, model.Errorf(model.NotFound, "Secret inactive: it is disabled or has expired")
	}
	v, ok := state.DSMVersions.Get(tx, state.DSMVersionKey(s.ID, a.Version))
	if !ok {
		return ReadSecret{}, model.Errorf(model.NotFound, "the secret has no such version any more").WithField("version")
	}
	if err := mayReferAll(tx, m, v.References()); err != nil {
		return ReadSecret{}, err
	}
	r := ReadSecret{ID: s.ID, Version: v.N}
	var accounts []string
	for _, id := range v.References() {
		account, err := operation.Refer(tx, m.At, p.Authorization.ID, s, id)
		if err != nil {
			return ReadSecret{}, err
		}
		r.Accounts = append(r.Accounts, ReadAccount{id, account.Version})
		accounts = append(accounts, fmt.Sprintf("%d:%d", account.Number, account.Version))
	}
	tx.Emit(audit.DSMRead.With("application", string(p.Application.ID), "count", "1", "secrets", fmt.Sprintf("%d:%d", s.Number, v.N), "credentials", strings.Join(accounts, " "), "users", "", "pod", ""))
	return r, nil
}).AuditDenials()
