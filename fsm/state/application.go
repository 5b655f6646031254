package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// ErrDeleting refuses a change of what is being deleted.
var ErrDeleting = model.Errorf(model.Conflict, "it is being deleted: it waits for the users that were made for it to go")

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
