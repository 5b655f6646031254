// Package application is the feature of client applications and their authorizations: who may call, with which keys
// and rights, from where and until when, and how access is taken away again.
package application

import (
	"fmt"
	"slices"
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "application", Commands: []command.Erased{
	Put, PutAuthorization, TakeSecretRead, RevokeAll, RevokeToken, CountTokens, Issue, PutOAuth1, UseNonce, Leave, End,
	PutARNs, ProveARN, PutAWSKey, UseAWSKey, Delete, DeleteAuthorization, Clear,
}}

// manage is what changing applications and authorizations asks for.
var manage = authz.Action{Module: model.ModuleA2A, Write: true, Right: model.AuthorizationWrite}

// Done is the result of verbs that have nothing to tell.
type Done struct{}

// PutArgs are an application as it shall be. Revision 0 creates, otherwise it must be the current one.
type PutArgs struct {
	Application model.Application `cbor:"application"`
}

// Put creates or changes an application.
var Put = command.Define("application.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (model.Application, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, manage, nil); err != nil {
		return model.Application{}, err
	}
	app := a.Application
	if err := model.CheckFreeName("name", "application", app.Name); err != nil {
		return app, err
	}
	if err := model.CheckText("description", app.Description, model.MaxText); err != nil {
		return app, err
	}
	other, taken := state.Applications.First(tx, "name", app.Name)
	change := "created"
	if app.Revision == 0 {
		if taken {
			return app, model.Errorf(model.Conflict, "there is an application %s already", app.Name).WithField("name")
		}
		app.ID, app.CreatedAt = model.ApplicationID(m.NewID(0)), m.At
	} else {
		old, ok := state.Applications.Get(tx, string(app.ID))
		switch {
		case !ok:
			return app, model.Errorf(model.NotFound, "there is no such application")
		case old.Deleting:
			return app, state.ErrDeleting
		case old.Revision != app.Revision:
			return app, model.Errorf(model.Conflict, "the application changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
		case taken && other.ID != app.ID:
			return app, model.Errorf(model.Conflict, "there is an application %s already", app.Name).WithField("name")
		}
		app.CreatedAt, change = old.CreatedAt, "changed"
		if old.Enabled && !app.Enabled {
			endTokens(tx, app.ID)
			state.Revoke(tx, model.RevokedApplication+string(app.ID), "application disabled", m.At)
		}
	}
	app.Deleting = false
	app.Revision++
	state.Applications.Put(tx, &app)
	tellApplication(tx, &app, change)
	return app, nil
}).AuditDenials()

// AuthorizationArgs are an authorization as it shall be; the edge draws ClientID and Secrets for a new one. Revision 0
// creates. Secrets may only be added by a change when Rekey is set.
type AuthorizationArgs struct {
	Authorization model.Authorization `cbor:"authorization"`
	Rekey         bool                `cbor:"rekey,omitempty"`
}

// PutAuthorization creates or changes an authorization. Nobody grants what he does not hold or widens his own.
var PutAuthorization = command.Define("authorization.put", 1, func(tx *table.Tx, m command.Meta, a AuthorizationArgs) (model.Authorization, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return model.Authorization{}, err
	}
	auth := a.Authorization
	if err := check(&auth); err != nil {
		return auth, err
	}
	if err := command.Covers(tx, p.Authorization, &auth); err != nil {
		return auth, err
	}
	if err := state.Standing(tx, auth.Application); err != nil {
		return auth, err.WithField("application")
	}
	for o := range state.Authorizations.By(tx, "application", string(auth.Application)) {
		if o.Name == auth.Name && o.ID != auth.ID {
			return auth, model.Errorf(model.Conflict, "the application has an authorization %s already", auth.Name).WithField("name")
		}
	}
	if err := dropGone(tx, &auth); err != nil {
		return auth, err
	}
	change, hadSecretRead := "created", false
	var before *model.Authorization
	if auth.Revision == 0 {
		auth.ID, auth.CreatedAt, auth.CreatedBy, auth.Epoch, auth.EndTold = model.AuthorizationID(m.NewID(0)), m.At, p.Authorization.ID, 1, 0
		if auth.ClientID == "" || len(auth.Secrets) == 0 {
			return auth, model.Errorf(model.Internal, "a new authorization needs keys")
		}
		if _, taken := state.Authorizations.First(tx, "client", auth.ClientID); taken {
			return auth, model.Errorf(model.Conflict, "the client id is taken")
		}
	} else {
		old, ok := state.Authorizations.Get(tx, string(auth.ID))
		switch {
		case !ok || old.Application != auth.Application:
			return auth, model.Errorf(model.NotFound, "there is no such authorization")
		case old.Deleting:
			return auth, state.ErrDeleting
		case old.Revision != auth.Revision:
			return auth, model.Errorf(model.Conflict, "the authorization changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
		case old.ID == p.Authorization.ID && !authz.Narrower(old, &auth):
			return auth, model.Errorf(model.Denied, "nobody widens his own authorization")
		}
		// Authorized twice: on what it was, and (above) on what it becomes.
		if err := command.Covers(tx, p.Authorization, old); err != nil {
			return auth, err
		}
		if !a.Rekey {
			auth.Secrets = old.Secrets
		} else {
			dropKeys(tx, old.ID)
		}
		auth.ClientID, auth.CreatedAt, auth.CreatedBy, auth.Epoch, auth.EndTold = old.ClientID, old.CreatedAt, old.CreatedBy, old.Epoch, old.EndTold
		if a.Rekey || endsTokens(old, &auth, m.At) {
			auth.Epoch++
		}
		if old.Enabled && !auth.Enabled {
			state.Revoke(tx, model.RevokedAuthorization+string(auth.ID), "authorization disabled", m.At)
		}
		change, hadSecretRead, before = "changed", reads(tx, old), old
	}
	auth.Deleting = false
	auth.Revision++
	state.Authorizations.Put(tx, &auth)
	tellAuthorization(tx, &auth, change)
	happened(tx, m, before, &auth)
	if !hadSecretRead && reads(tx, &auth) {
		tx.Emit(audit.SecretReadTaken.With("authorization", string(auth.ID), "application", string(auth.Application)))
	}
	return auth, nil
}).AuditDenials()

// dropGone takes out the access profiles that were removed since the authorization referred to them, so that it can still be
// changed and disabled. A new reference must lead somewhere.
func dropGone(tx *table.Tx, auth *model.Authorization) error {
	var known []model.AccessProfileID
	if old, ok := state.Authorizations.Look(tx, string(auth.ID)); ok {
		known = old.Profiles
	}
	var kept []model.AccessProfileID
	for _, id := range auth.Profiles {
		switch {
		case state.AccessProfiles.Has(tx, string(id)):
			kept = append(kept, id)
		case !slices.Contains(known, id):
			return model.Errorf(model.Invalid, "there is no such access profile").WithField("profiles")
		}
	}
	auth.Profiles = kept
	return nil
}

// happened tells automations what a change of an authorization was; before is nil for a new one.
func happened(tx *table.Tx, m command.Meta, before, now *model.Authorization) {
	e := model.AuthorizationUpdated
	switch {
	case before == nil:
		e = model.AuthorizationCreated
	case before.Enabled && !now.Enabled:
		e = model.AuthorizationInactivated
	case !before.Enabled && now.Enabled:
		e = model.AuthorizationActivated
	}
	operation.AuthorizationChanged(tx, m, now, e)
}

// reads tells whether an authorization may read secrets, by its own right or by a profile.
func reads(tx *table.Tx, a *model.Authorization) bool {
	return slices.Contains(a.Rights, model.SecretRead) || slices.ContainsFunc(state.ProfilesOf(tx, a), func(p model.AccessProfile) bool { return slices.Contains(p.Rights, model.SecretRead) })
}

func check(a *model.Authorization) error {
	if !model.ValidName(a.Name) {
		return model.Errorf(model.Invalid, "an authorization's name has 1 to 63 letters, digits, '-', '_' or '.'").WithField("name")
	}
	for _, r := range a.Rights {
		if !slices.Contains(model.Rights, r) {
			return model.Errorf(model.Invalid, "unknown right %q: one of %s", r, join(model.Rights)).WithField("rights")
		}
	}
	for _, mod := range a.Modules {
		if !slices.Contains(model.Modules, mod) {
			return model.Errorf(model.Invalid, "unknown module %q: one of %s", mod, join(model.Modules)).WithField("modules")
		}
	}
	if err := authz.CheckConditions(a); err != nil {
		return err
	}
	for _, d := range a.Delegations {
		for _, pattern := range slices.Concat(d.Applications, d.Systems, d.Environments) {
			if err := model.CheckText("delegations", pattern, model.MaxName); err != nil {
				return err
			}
		}
	}
	for _, f := range []struct{ name, value string }{{"environment", a.Environment}, {"system", a.System}} {
		if err := model.CheckText(f.name, f.value, model.MaxName); err != nil {
			return err
		}
	}
	return nil
}

func join[T ~string](list []T) string {
	s := make([]string, len(list))
	for i, v := range list {
		s[i] = string(v)
	}
	return strings.Join(s, ",")
}

// TakeSecretRead gives the calling administrator the right to read secrets that it does not hold yet: possible, and an
// alert (RULES 8).
var TakeSecretRead = command.Define("authorization.take", 1, func(tx *table.Tx, m command.Meta, _ Done) (Done, error) {
	act := manage
	act.Right = model.ClusterAdmin
	p, err := command.Authorize(tx, m.Actor, m.At, act, nil)
	if err != nil {
		return Done{}, err
	}
	a := *p.Authorization
	if slices.Contains(a.Rights, model.SecretRead) {
		return Done{}, nil
	}
	a.Rights = append([]model.Right{model.SecretRead}, a.Rights...)
	a.Revision++
	state.Authorizations.Put(tx, &a)
	tx.Emit(audit.SecretReadTaken.With("authorization", string(a.ID), "application", string(a.Application)))
	operation.AuthorizationChanged(tx, m, &a, model.AuthorizationUpdated)
	return Done{}, nil
}).AuditDenials()

// RevokeArgs name an authorization.
type RevokeArgs struct {
	ID model.AuthorizationID `cbor:"id"`
}

// RevokeAll makes every token of an authorization invalid by raising its epoch.
var RevokeAll = command.Define("authorization.revoke", 1, func(tx *table.Tx, m command.Meta, a RevokeArgs) (Done, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModuleA2A}, nil)
	if err != nil {
		return Done{}, err
	}
	auth, ok := state.Authorizations.Get(tx, string(a.ID))
	if !ok {
		return Done{}, model.Errorf(model.NotFound, "there is no such authorization")
	}
	if p.Authorization.ID != auth.ID {
		if _, err := command.Authorize(tx, m.Actor, m.At, manage, nil); err != nil {
			return Done{}, err
		}
	}
	auth.Epoch++
	auth.Revision++
	state.Authorizations.Put(tx, auth)
	tx.Emit(audit.TokensRevoked.With("authorization", string(auth.ID), "all", "yes"))
	return Done{}, nil
}).AuditDenials()

// RevokeTokenArgs name one token of the caller.
type RevokeTokenArgs struct {
	Token string     `cbor:"token"`
	Until model.Time `cbor:"until"`
}

// RevokeToken makes the caller's own token invalid until it would have expired. It also forgets tokens that did expire.
var RevokeToken = command.Define("token.revoke", 1, func(tx *table.Tx, m command.Meta, a RevokeTokenArgs) (Done, error) {
	p, err := command.Authenticate(tx, m.Actor)
	if err != nil {
		return Done{}, err
	}
	var gone []string
	limit := m.At
	if state.SystemRow(tx).Frozen {
		limit = 0 // a token that ended by a time that nobody confirmed may still be good
	}
	for t := range state.RevokedTokens.Range(tx, "until", table.TimeKey(0), table.TimeKey(limit)) {
		if gone = append(gone, t.ID); len(gone) == 16 {
			break
		}
	}
	for _, id := range gone {
		state.RevokedTokens.Delete(tx, id)
	}
	state.RevokedTokens.Put(tx, &model.RevokedToken{ID: a.Token, Authorization: p.Authorization.ID, Until: a.Until})
	tx.Emit(audit.TokensRevoked.With("authorization", string(p.Authorization.ID), "token", a.Token))
	return Done{}, nil
})

// TokenCount says how many tokens one authorization got from one address.
type TokenCount struct {
	Authorization model.AuthorizationID `cbor:"authorization"`
	Source        string                `cbor:"source"`
	Count         uint64                `cbor:"count"`
}

// CountArgs are what one node issued within a minute.
type CountArgs struct {
	Counts []TokenCount `cbor:"counts"`
}

// CountTokens audits issued tokens in aggregate (RULES 7).
var CountTokens = command.Define("token.count", 1, func(tx *table.Tx, m command.Meta, a CountArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return Done{}, err
	}
	for _, c := range a.Counts {
		tx.Emit(audit.TokensIssued.With("authorization", string(c.Authorization), "count", fmt.Sprint(c.Count), "source", c.Source))
	}
	return Done{}, nil
})

// IssueArgs are administrator keys drawn on a node's socket.
type IssueArgs struct {
	Application   model.Application   `cbor:"application"`
	Authorization model.Authorization `cbor:"authorization"`
}

// Issue is the break-glass: an operator with root on a node gets administrator keys, without the right to read secrets,
// and everybody is alerted.
var Issue = command.Define("admin.issue", 1, func(tx *table.Tx, m command.Meta, a IssueArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Operator: true}, nil); err != nil {
		return Done{}, err
	}
	if slices.Contains(a.Authorization.Rights, model.SecretRead) {
		return Done{}, model.Errorf(model.Denied, "keys issued on the socket never hold secret.read")
	}
	if _, taken := state.Applications.First(tx, "name", a.Application.Name); taken {
		return Done{}, model.Errorf(model.Conflict, "there is an application %s already", a.Application.Name)
	}
	a.Application.CreatedAt, a.Application.Revision = m.At, 1
	a.Authorization.CreatedAt, a.Authorization.Revision, a.Authorization.Epoch = m.At, 1, 1
	state.Applications.Put(tx, &a.Application)
	state.Authorizations.Put(tx, &a.Authorization)
	tx.Emit(audit.BreakGlass.With("authorization", string(a.Authorization.ID), "application", string(a.Application.ID)))
	return Done{}, nil
})
