package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// ErrDeleting refuses a change of what is being deleted.
var ErrDeleting = model.Errorf(model.Conflict, "it is being deleted: it waits for the users that were made for it to go")

// Staying refuses an authorization that is not there, or that is being deleted, alone or with its application: what newly points at
// it, or at what is its, would be left dangling.
func Staying(r table.Reader, id model.AuthorizationID) *model.Error {
	auth, ok := Authorizations.Look(r, string(id))
	switch {
	case !ok:
		return model.Errorf(model.NotFound, "there is no such authorization")
	case auth.Deleting:
		e := *ErrDeleting
		return &e
	}
	return Standing(r, auth.Application)
}

// Standing refuses an application that is not there, or that is being deleted.
func Standing(r table.Reader, id model.ApplicationID) *model.Error {
	app, ok := Applications.Look(r, string(id))
	switch {
	case !ok:
		return model.Errorf(model.NotFound, "there is no such application")
	case app.Deleting:
		e := *ErrDeleting // the caller may name its field
		return &e
	}
	return nil
}
