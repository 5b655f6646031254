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

// ReadArgs ask for secrets: all that the caller holds, or one.
type ReadArgs struct {
	Module model.Module      `cbor:"module"` // through which they are read: Application or Secrets Management
	ID     model.DSMSecretID `cbor:"id,omitempty"`
	// Provision asks only for secrets with ephemeral entries, with users for a pod (namespace/deploy/pod) of the caller, or
	// for the caller itself.
	Provision bool   `cbor:"provision,omitempty"`
	Pod       string `cbor:"pod,omitempty"`
}

// ReadSecret names a secret whose read is committed: this version of it, with these versions of accounts.
type ReadSecret struct {
	ID       model.DSMSecretID `cbor:"id"`
	Version  uint64            `cbor:"version"`
	Accounts []ReadAccount     `cbor:"accounts,omitempty"`
	Users    []ReadUser        `cbor:"users,omitempty"`
}

// ReadUser names the dynamic user whose secret was read for an ephemeral entry.
type ReadUser struct {
	Entry string              `cbor:"entry"`
	User  model.DynamicUserID `cbor:"user"`
}

// ReadAccount names the secret version of an account that was read by reference.
type ReadAccount struct {
	Credential model.CredentialID `cbor:"credential"`
	Version    uint64             `cbor:"version"`
}

// ReadResult lists what was read. The ciphertext stays in the rows: versions never change. Nothing was read while Pending
// names dynamic users that are on their way: ask again when they are there.
type ReadResult struct {
	Secrets []ReadSecret          `cbor:"secrets"`
	Pending []model.DynamicUserID `cbor:"pending,omitempty"`
}

// Read records the read of secrets. It changes no secret: no custody, no view timer, no change of an account. Only where an
// ephemeral entry has no live user of the caller, one is requested, once (RULES 9).
var Read = command.Define("dsm.read", 1, func(tx *table.Tx, m command.Meta, a ReadArgs) (ReadResult, error) {
	if a.Module != model.ModuleApplication && a.Module != model.ModuleSecrets {
		return ReadResult{}, model.Errorf(model.Invalid, "secrets are read through the modules %s and %s", model.ModuleApplication, model.ModuleSecrets)
	}
	p, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: a.Module, Right: model.SecretRead}, nil)
	if err != nil {
		return ReadResult{}, err
	}
	if a.ID == "" {
		if err := automatic(tx, m, p.Application, p.Authorization); err != nil {
			return ReadResult{}, err
		}
	}
	all, err := chosen(tx, m.At, p.Authorization, a.ID)
	if err != nil {
		return ReadResult{}, err
	}
	if a.Provision {
		if all, err = provisioned(tx, all, a.Pod); err != nil {
			return ReadResult{}, err
		}
	}
	users := leases{tx: tx, m: m, holder: p.Authorization, pod: a.Pod}
	if err := users.find(all); err != nil || len(users.pending) > 0 {
		return ReadResult{Secrets: []ReadSecret{}, Pending: users.pending}, err
	}
	r := ReadResult{Secrets: []ReadSecret{}}
	var secrets, accounts []string
	for _, s := range all {
		one := ReadSecret{ID: s.ID, Version: s.Version, Users: users.of[s.ID]}
		for _, id := range inForce(tx, s).References() {
			account, err := operation.Refer(tx, m.At, p.Authorization.ID, s, id)
			if err != nil {
				return ReadResult{}, err
			}
			one.Accounts = append(one.Accounts, ReadAccount{id, account.Version})
			accounts = append(accounts, fmt.Sprintf("%d:%d", account.Number, account.Version))
		}
		secrets = append(secrets, fmt.Sprintf("%d:%d", s.Number, s.Version))
		r.Secrets = append(r.Secrets, one)
	}
	tx.Emit(audit.DSMRead.With("application", string(p.Application.ID), "count", fmt.Sprint(len(secrets)), "secrets", strings.Join(secrets, " "), "credentials", strings.Join(accounts, " "), "users", strings.Join(users.numbers, " "), "pod", a.Pod))
	return r, nil
}).AuditDenials()

// chosen lists the active secrets that the caller holds, or the one that it names and holds or reaches.
func chosen(r table.Reader, at model.Time, auth *model.Authorization, id model.DSMSecretID) ([]*model.DSMSecret, error) {
	if id == "" {
		var all []*model.DSMSecret
		for s := range state.DSMSecrets.By(r, "holder", string(auth.ID)) {
			if s.Active(at) && s.Version > 0 {
				all = append(all, s)
			}
		}
		return all, nil
	}
	s, err := find(r, id)
	switch {
	case err != nil:
		return nil, err
	case !s.HeldBy(auth.ID) && !Reaches(auth, s):
		return nil, model.Errorf(model.Denied, "No access to secret").WithCode(1009)
	case !s.Active(at):
		return nil, model.Errorf(model.NotFound, "Secret inactive: it is disabled or has expired")
	}
	return []*model.DSMSecret{s}, nil
}
