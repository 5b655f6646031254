package application

import (
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// EndArgs name an authorization whose date is over.
type EndArgs struct {
	ID model.AuthorizationID `cbor:"id"`
}

// End follows, once, what the date of an authorization has done without any command: the users that were made for it are
// removed, and automations are told. It changes no revision, so that nobody's change is refused for it.
var End = command.Define("authorization.end", 1, func(tx *table.Tx, m command.Meta, a EndArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return Done{}, err
	}
	auth, ok := state.Authorizations.Get(tx, string(a.ID))
	if !ok {
		return Done{}, model.Errorf(model.NotFound, "there is no such authorization")
	}
	if !auth.Enabled || auth.ExpiresAt == 0 || auth.ExpiresAt > m.At || auth.EndTold == auth.ExpiresAt || state.SystemRow(tx).Frozen {
		return Done{}, model.Errorf(model.Conflict, "the authorization does not end now, or its end was told")
	}
	auth.EndTold = auth.ExpiresAt
	state.Authorizations.Put(tx, auth)
	state.Revoke(tx, model.RevokedAuthorization+string(auth.ID), "authorization expired", m.At)
	tellAuthorization(tx, auth, "ended")
	operation.AuthorizationChanged(tx, m, auth, model.AuthorizationInactivated)
	return Done{}, nil
})
