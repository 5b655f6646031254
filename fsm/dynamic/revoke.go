package dynamic

import (
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// RevokeArgs name whose users are to go: all of an application, or of one authorization.
type RevokeArgs struct {
	Application   model.ApplicationID   `cbor:"application,omitempty"`
	Authorization model.AuthorizationID `cbor:"authorization,omitempty"`
}

// Nothing is the result of verbs that have nothing to tell.
type Nothing struct{}

// Revoke asks for the end of all users of an application or an authorization that were requested until now. An application
// may revoke its own, whoever manages authorizations those of all.
var Revoke = command.Define("dynamic.revoke", 1, func(tx *table.Tx, m command.Meta, a RevokeArgs) (Nothing, error) {
	by, err := command.Authorize(tx, m.Actor, m.At, use, nil)
	if err != nil {
		return Nothing{}, err
	}
	key := model.RevokedApplication + string(a.Application)
	own := a.Application == by.Application.ID
	if a.Authorization != "" {
		auth, ok := state.Authorizations.Get(tx, string(a.Authorization))
		if !ok || a.Application != "" && auth.Application != a.Application {
			return Nothing{}, model.Errorf(model.NotFound, "there is no such authorization").WithField("authorization")
		}
		key, own = model.RevokedAuthorization+string(auth.ID), auth.Application == by.Application.ID
	} else if !state.Applications.Has(tx, string(a.Application)) {
		return Nothing{}, model.Errorf(model.NotFound, "there is no such application").WithField("application")
	}
	if !own {
		if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModulePAM, Write: true, Right: model.AuthorizationWrite}, nil); err != nil {
			return Nothing{}, err
		}
	}
	state.Revoke(tx, key, "revoked", m.At)
	tx.Emit(audit.DynamicRevoked.With("key", key, "reason", "revoked", "change", "ordered"))
	return Nothing{}, nil
}).AuditDenials()

// RevokedArgs name a revocation.
type RevokedArgs struct {
	Key string `cbor:"key"`
}

// Revoked ends a revocation when every user that it is about was asked to go; that of a profile when they are gone, and the
// profile goes with it.
var Revoked = command.Define("dynamic.revoked", 1, func(tx *table.Tx, m command.Meta, a RevokedArgs) (Nothing, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return Nothing{}, err
	}
	r, ok := state.Revocations.Get(tx, a.Key)
	if !ok {
		return Nothing{}, model.Errorf(model.Conflict, "there is no such revocation")
	}
	for range state.DynamicUsers.Range(tx, "wanted", state.WantedKey(r.Key, 0), state.WantedKey(r.Key, r.At+1)) {
		return Nothing{}, model.Errorf(model.Conflict, "some of the users were not asked to go yet")
	}
	if id, ok := strings.CutPrefix(r.Key, model.RevokedProfile); ok {
		if _, used := state.DynamicUsers.First(tx, "profile", id); used {
			return Nothing{}, model.Errorf(model.Conflict, "the profile has users")
		}
		if p, ok := state.Profiles.Get(tx, id); ok {
			forget(tx, p)
		}
	}
	state.Revocations.Delete(tx, r.Key)
	tx.Emit(audit.DynamicRevoked.With("key", r.Key, "reason", r.Reason, "change", "done"))
	return Nothing{}, nil
})
