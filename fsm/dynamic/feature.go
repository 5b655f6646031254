// Package dynamic is the feature of dynamic users: accounts that are made on a target for one holder and removed when
// their time is over. It holds the profiles, the request, the read of the secret and the end.
//
// It guarantees, with fsm/operation which creates and removes: name and secret are committed before the target is touched
// and are the same for all attempts; a user is handed out only after it has logged in once; what may have been sent to a
// target is removed, for ever if need be, and is Removed only after two proofs ten minutes apart.
package dynamic

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

// Feature lists the verbs.
var Feature = command.Feature{Name: "dynamic", Commands: []command.Erased{PutProfile, Request, Read, Remove}}

var (
	configure = authz.Action{Module: model.ModulePAM, Write: true, Right: model.RouteWrite}
	use       = authz.Action{Module: model.ModulePAM, Right: model.SecretRead}
)

// UserArgs name a dynamic user.
type UserArgs struct {
	User model.DynamicUserID `cbor:"user"`
}

// UserResult is a dynamic user; its secret is left out unless it was asked for.
type UserResult struct {
	User model.DynamicUser `cbor:"user"`
}

func find(tx *table.Tx, id model.DynamicUserID) (*model.DynamicUser, *model.DynamicProfile, error) {
	u, ok := state.DynamicUsers.Get(tx, string(id))
	if !ok {
		return nil, nil, model.Errorf(model.NotFound, "there is no such dynamic user")
	}
	p, ok := state.Profiles.Get(tx, string(u.Profile))
	if !ok {
		return nil, nil, model.Errorf(model.Internal, "the profile of the dynamic user is gone")
	}
	return u, p, nil
}

// Read hands the secret of an active user to its owner: the commit is the audit record (DESIGN 6.1).
var Read = command.Define("dynamic.read", 1, func(tx *table.Tx, m command.Meta, a UserArgs) (UserResult, error) {
	u, _, err := find(tx, a.User)
	if err != nil {
		return UserResult{}, err
	}
	p, err := command.Authorize(tx, m.Actor, m.At, use, nil)
	if err != nil {
		return UserResult{}, err
	}
	switch {
	case p.Authorization.ID != u.Owner:
		return UserResult{}, model.Errorf(model.Denied, "the dynamic user belongs to another authorization").WithCode(1009)
	case u.State != model.DynamicActive || m.At >= u.ExpiresAt:
		return UserResult{}, model.Errorf(model.Conflict, "the dynamic user is %s", u.State)
	}
	u.ViewedAt = m.At
	u.Revision++
	state.DynamicUsers.Put(tx, u)
	tx.Emit(audit.DynamicRead.With("user", string(u.ID), "number", fmt.Sprint(u.Number), "username", u.Username))
	return UserResult{*u}, nil
}).AuditDenials()

// RemoveArgs name a user and why it goes: "ttl" from the scheduler, anything short from its owner.
type RemoveArgs struct {
	User   model.DynamicUserID `cbor:"user"`
	Reason string              `cbor:"reason"`
}

// Remove begins the removal: of the scheduler when the user's time is over, of its owner at any time. It is idempotent.
var Remove = command.Define("dynamic.remove", 1, func(tx *table.Tx, m command.Meta, a RemoveArgs) (UserResult, error) {
	u, p, err := find(tx, a.User)
	if err != nil {
		return UserResult{}, err
	}
	act := use
	act.System = true
	by, err := command.Authorize(tx, m.Actor, m.At, act, nil)
	switch {
	case err != nil:
		return UserResult{}, err
	case by != nil && by.Authorization.ID != u.Owner:
		return UserResult{}, model.Errorf(model.Denied, "the dynamic user belongs to another authorization").WithCode(1009)
	case by == nil && (u.State != model.DynamicActive || m.At < u.ExpiresAt || state.SystemRow(tx).Frozen):
		return UserResult{}, model.Errorf(model.Conflict, "the time of the dynamic user is not over")
	case a.Reason == "" || len(a.Reason) > 32:
		return UserResult{}, model.Errorf(model.Invalid, "a reason has 1 to 32 bytes").WithField("reason")
	}
	if u.Unwanted == "" {
		tx.Emit(audit.DynamicUnwanted.With("user", string(u.ID), "number", fmt.Sprint(u.Number), "reason", a.Reason))
		if err := operation.Remove(tx, m, u, p, a.Reason); err != nil {
			return UserResult{}, err
		}
	}
	r := UserResult{*u}
	r.User.Secret = model.Sealed{}
	return r, nil
}).AuditDenials()
