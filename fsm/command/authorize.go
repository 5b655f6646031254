package command

import (
	"slices"

	"cofre/fsm/authz"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Principal is a client as the state knows it at this moment. Others hold these rows too: copy one before you change it.
type Principal struct {
	Application   *model.Application
	Authorization *model.Authorization
	Profiles      []model.AccessProfile // the enabled ones
}

// Authorize decides with authority whether the actor may do something now, on a state: reducers call it on their
// transaction, edges on a view for an early refusal. Operators and the system get a nil Principal.
func Authorize(r table.Reader, a model.Actor, at model.Time, act authz.Action, o *authz.Object) (*Principal, error) {
	switch a.Kind {
	case model.ActorOperator:
		if act.Operator {
			return nil, nil
		}
		return nil, model.Errorf(model.Denied, "this is not offered on the operator's socket: use an authorized client")
	case model.ActorSystem:
		if act.System {
			return nil, nil
		}
		return nil, model.Errorf(model.Denied, "not for the system")
	case model.ActorClient:
		if act.Module == "" && act.Right == "" {
			return nil, model.Errorf(model.Denied, "not for clients") // an action that asks for nothing is not offered to all
		}
		p, err := Authenticate(r, a)
		if err != nil {
			return nil, err
		}
		if err := authz.DecideWith(p.Application, p.Authorization, p.Profiles, act, o, a.Origin(), at); err != nil {
			return nil, err
		}
		if !Asked(r, a.Asked, at) {
			return nil, errToken
		}
		return p, nil
	}
	return nil, model.Errorf(model.Unauthenticated, "no actor")
}

var errToken = model.Errorf(model.Unauthenticated, "Client authentication failed: the token is not valid any more")

// listed tells whether the identity of AWS that a token was issued for is on the list since then; other tokens name none.
func listed(r table.Reader, app model.ApplicationID, listing string) bool {
	if listing == "" {
		return true
	}
	roles, ok := state.AWSRoles.Look(r, string(app))
	return ok && slices.Contains(roles.Listings, listing)
}

// Asked tells whether all who asked for a key, and for the key that asked, have tokens of then: what a pipeline got for other
// authorizations ends with its own tokens, at once and on every node. Other keys nobody asked for.
func Asked(r table.Reader, askers []model.Asker, at model.Time) bool {
	return !slices.ContainsFunc(askers, func(a model.Asker) bool {
		p, ok := state.Authorizations.Look(r, string(a.Authorization))
		if !ok || !p.Enabled || p.Epoch != a.Epoch || p.ExpiresAt != 0 && at >= p.ExpiresAt || !listed(r, p.Application, a.Listing) {
			return true
		}
		app, ok := state.Applications.Look(r, string(p.Application))
		return !ok || !app.Enabled
	})
}

// Authenticate finds the client behind an actor and refuses revoked tokens, epochs, identities that are not listed any more, and keys
// of pipelines that are over. Dates are Authorize's to look at.
func Authenticate(r table.Reader, a model.Actor) (*Principal, error) {
	auth, ok := state.Authorizations.Look(r, string(a.Authorization))
	if ok && !auth.Enabled {
		return nil, model.Errorf(model.Unauthenticated, "Inactive authorization") // which ended its tokens too
	}
	if !ok {
		return nil, errToken
	}
	app, ok := state.Applications.Look(r, string(auth.Application))
	switch {
	case !ok:
		return nil, model.Errorf(model.Unauthenticated, "Client authentication failed: no such application")
	case !app.Enabled:
		return nil, model.Errorf(model.Unauthenticated, "Inactive authorization") // so did this
	case auth.Epoch != a.Epoch || (a.Token != "" && state.RevokedTokens.Has(r, a.Token)) || !listed(r, app.ID, a.Listing) || !Asked(r, a.Asked, 0):
		return nil, errToken
	}
	return &Principal{app, auth, state.ProfilesOf(r, auth)}, nil
}

// MayReference decides whether the actor may make an object point at a credential: only who may read a secret may
// refer to it (RULES 8: a reference is a read).
func MayReference(r table.Reader, a model.Actor, at model.Time, id model.CredentialID, field string) (*model.Credential, error) {
	c, ok := state.Credentials.Get(r, string(id))
	if !ok {
		return nil, model.Errorf(model.Invalid, "Credential not found").WithCode(1007).WithField(field)
	}
	if _, err := Authorize(r, a, at, authz.Action{Module: model.ModulePAM, Right: model.SecretRead}, authz.ObjectOf(c)); err != nil {
		return nil, model.Errorf(model.Denied, "referring to a credential needs the right to read its secret").WithCode(1009).WithField(field)
	}
	return c, nil
}
