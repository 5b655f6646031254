package application

import (
	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// DeleteResult tells how far a deletion has come. What is not gone stays until the users that were made for it are, and until the
// rest was taken away.
type DeleteResult struct {
	Gone  bool `cbor:"gone"`
	Users int  `cbor:"users,omitempty"` // that are not proven gone
}

var errOwn = model.Errorf(model.Denied, "this is what you call with: it is deleted by another application's administrator, nobody locks himself out here")

// DeleteArgs name an application.
type DeleteArgs struct {
	ID model.ApplicationID `cbor:"id"`
}

// Delete deletes an application with its authorizations and all that is theirs: keys, tokens, secrets with every version, pairs. All access
// ends at once. Dynamic users that were made for it are removed first, as those of a profile. Its name is free when it is gone; an id is
// never given again. It is for who could have granted all that it has.
var Delete = command.Define("application.delete", 1, func(tx *table.Tx, m command.Meta, a DeleteArgs) (DeleteResult, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return DeleteResult{}, err
	}
	app, ok := state.Applications.Get(tx, string(a.ID))
	switch {
	case !ok:
		return DeleteResult{}, model.Errorf(model.NotFound, "there is no such application")
	case app.ID == p.Application.ID:
		return DeleteResult{}, errOwn
	}
	for auth := range state.Authorizations.By(tx, "application", string(app.ID)) {
		if err := command.Covers(tx, p.Authorization, auth); err != nil {
			return DeleteResult{}, err
		}
		if err := unneeded(tx, auth, app.ID); err != nil {
			return DeleteResult{}, err
		}
	}
	if err := unwatched(tx, "application/"+string(app.ID)); err != nil {
		return DeleteResult{}, err
	}
	if !app.Deleting {
		app.Enabled, app.Deleting = false, true
		app.Revision++
		state.Applications.Put(tx, app)
		state.Revoke(tx, model.RevokedApplication+string(app.ID), "application deleted", m.At)
		tellApplication(tx, app, "deleting")
	}
	return clearApplication(tx, app), nil
}).AuditDenials()

// DeleteAuthorizationArgs name an authorization.
type DeleteAuthorizationArgs struct {
	ID model.AuthorizationID `cbor:"id"`
}

// DeleteAuthorization deletes one authorization of an application, in the same way.
var DeleteAuthorization = command.Define("authorization.delete", 1, func(tx *table.Tx, m command.Meta, a DeleteAuthorizationArgs) (DeleteResult, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return DeleteResult{}, err
	}
	auth, ok := state.Authorizations.Get(tx, string(a.ID))
	switch {
	case !ok:
		return DeleteResult{}, model.Errorf(model.NotFound, "there is no such authorization")
	case auth.ID == p.Authorization.ID:
		return DeleteResult{}, errOwn
	}
	if err := command.Covers(tx, p.Authorization, auth); err != nil {
		return DeleteResult{}, err
	}
	if err := unneeded(tx, auth, ""); err != nil {
		return DeleteResult{}, err
	}
	if !auth.Deleting {
		was := auth.Enabled
		auth.Enabled, auth.Deleting = false, true
		auth.Epoch++
		auth.Revision++
		dropKeys(tx, auth.ID)
		state.Authorizations.Put(tx, auth)
		state.Revoke(tx, model.RevokedAuthorization+string(auth.ID), "authorization deleted", m.At)
		tellAuthorization(tx, auth, "deleting")
		if was {
			operation.AuthorizationChanged(tx, m, auth, model.AuthorizationInactivated)
		}
	}
	return clearAuthorization(tx, auth), nil
}).AuditDenials()

// unneeded refuses to delete an authorization whose secrets others hold, outside of the application that goes with it, or that
// an automation names.
func unneeded(tx *table.Tx, auth *model.Authorization, app model.ApplicationID) error {
	for s := range state.DSMSecrets.By(tx, "holder", string(auth.ID)) {
		if s.Owner != auth.ID {
			continue
		}
		for _, id := range s.Readers {
			if r, ok := state.Authorizations.Look(tx, string(id)); ok && (app == "" || r.Application != app) {
				return model.Errorf(model.Conflict, "secret %d (%s) of authorization %s is shared with others: take its readers away first", s.Number, s.Identity, auth.Name)
			}
		}
		if err := unwatched(tx, "secret/"+string(s.ID)); err != nil {
			return err
		}
	}
	return nil
}

// unwatched refuses to delete what an automation is about.
func unwatched(tx *table.Tx, subject string) error {
	if a, ok := state.DSMAutomations.First(tx, "about", subject); ok {
		return model.Errorf(model.Conflict, "automation %s is about it, or about a secret of it: change or delete that first", a.Name)
	}
	return nil
}

func tellApplication(tx *table.Tx, app *model.Application, change string) {
	tx.Emit(audit.ApplicationPut.With("application", string(app.ID), "name", app.Name, "change", change))
}

func tellAuthorization(tx *table.Tx, a *model.Authorization, change string) {
	tx.Emit(audit.AuthorizationPut.With("authorization", string(a.ID), "application", string(a.Application), "name", a.Name, "change", change, "rights", join(a.Rights)))
}
