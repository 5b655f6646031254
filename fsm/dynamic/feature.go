// Package dynamic is the feature of dynamic users: accounts that are made on a target for one holder and removed when
// their time is over. It holds the profiles, who may use them, the request, the read of the secret, renewal and the end.
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
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "dynamic", Commands: []command.Erased{
	PutProfile, DeleteProfile, Link, Request, Read, Renew, Remove, Revoke, Revoked, Prune,
	SearchOrphans, OrphanRound, ReportOrphans, RemoveOrphan, ScheduleOrphans,
}}

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
	if !ok && u.Live() {
		return nil, nil, model.Errorf(model.Internal, "the profile of the dynamic user is gone")
	}
	return u, p, nil // of a user that is removed the profile may be gone
}

// ending refuses what nobody does with a user any more whose end is ordered together with that of others, and not begun yet.
func ending(tx *table.Tx, u *model.DynamicUser) error {
	if why := state.Revoked(tx, u); why != "" {
		return model.Errorf(model.Conflict, "the dynamic user is about to be removed (%s): ask for another one", why)
	}
	return nil
}

var errForeign = model.Errorf(model.Denied, "the dynamic user belongs to another authorization").WithCode(1009)

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
		return UserResult{}, errForeign
	case u.State != model.DynamicActive || m.At >= u.ExpiresAt:
		return UserResult{}, model.Errorf(model.Conflict, "the dynamic user is %s", u.State)
	}
	if err := ending(tx, u); err != nil {
		return UserResult{}, err
	}
	u.ViewedAt = m.At
	u.Revision++
	state.PutDynamicUser(tx, u)
	tx.Emit(audit.DynamicRead.With("user", string(u.ID), "number", fmt.Sprint(u.Number), "username", u.Username))
	return UserResult{*u}, nil
}).AuditDenials()
