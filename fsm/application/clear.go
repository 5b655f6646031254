package application

import (
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// clearSome is how many rows one command takes away, more or less: the versions of a secret go together, and so do the keys of an
// authorization.
const clearSome = 200

// ClearArgs name what is being deleted: an application, or else an authorization.
type ClearArgs struct {
	Application   model.ApplicationID   `cbor:"application,omitempty"`
	Authorization model.AuthorizationID `cbor:"authorization,omitempty"`
}

// Clear goes on with a deletion when the users that it waited for are gone.
var Clear = command.Define("application.clear", 1, func(tx *table.Tx, m command.Meta, a ClearArgs) (DeleteResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return DeleteResult{}, err
	}
	var r DeleteResult
	if app, ok := state.Applications.Get(tx, string(a.Application)); ok && app.Deleting {
		r = clearApplication(tx, app)
	} else if auth, ok := state.Authorizations.Get(tx, string(a.Authorization)); ok && auth.Deleting {
		r = clearAuthorization(tx, auth)
	} else {
		return r, model.Errorf(model.Conflict, "there is nothing that is being deleted")
	}
	if r.Users > 0 {
		return r, model.Errorf(model.Conflict, "there are users that are not gone yet")
	}
	return r, nil
})

// clearApplication takes away a part of what an application has, and in the end itself.
func clearApplication(tx *table.Tx, app *model.Application) DeleteResult {
	if live := state.LiveLeases(tx, app.ID).Live; live > 0 {
		return DeleteResult{Users: live}
	}
	for left := clearSome; ; {
		auth, ok := state.Authorizations.First(tx, "application", string(app.ID))
		if !ok {
			break
		}
		if !take(tx, auth, &left) {
			return DeleteResult{}
		}
	}
	state.AWSRoles.Delete(tx, string(app.ID))
	state.Provisionings.Delete(tx, string(app.ID))
	state.LeaseCounts.Delete(tx, string(app.ID))
	state.Applications.Delete(tx, string(app.ID))
	tellApplication(tx, app, "deleted")
	return DeleteResult{Gone: true}
}

// clearAuthorization does the same for an authorization.
func clearAuthorization(tx *table.Tx, auth *model.Authorization) DeleteResult {
	if live := state.OwnedUsers(tx, auth.ID); live > 0 {
		return DeleteResult{Users: live}
	}
	left := clearSome
	return DeleteResult{Gone: take(tx, auth, &left)}
}

// take takes away what is an authorization's, and it itself; false if that is more than is left to do now.
func take(tx *table.Tx, auth *model.Authorization, left *int) bool {
	for {
		s, ok := state.DSMSecrets.First(tx, "holder", string(auth.ID))
		switch {
		case !ok:
			leave(tx, auth.ID)
			dropKeys(tx, auth.ID)
			state.DSMPulses.Delete(tx, "authorization/"+string(auth.ID))
			state.Authorizations.Delete(tx, string(auth.ID))
			tellAuthorization(tx, auth, "deleted")
			*left--
			return true
		case *left <= 0:
			return false
		case s.Owner == auth.ID:
			*left -= state.ForgetSecret(tx, s)
			tx.Emit(audit.DSMPut.With("secret", string(s.ID), "number", fmt.Sprint(s.Number), "identity", s.Identity, "owner", string(s.Owner), "version", fmt.Sprint(s.Version), "change", "deleted"))
		default:
			s.Readers = without(s.Readers, auth.ID)
			s.Revision++
			state.DSMSecrets.Put(tx, s)
			*left--
		}
	}
}

// leave takes an authorization out of the lists in which others named it.
func leave(tx *table.Tx, id model.AuthorizationID) {
	for {
		k, ok := state.EncryptionKeys.First(tx, "user", string(id))
		if !ok {
			break
		}
		k.Users = without(k.Users, id)
		k.Revision++
		state.EncryptionKeys.Put(tx, k)
	}
	for {
		p, ok := state.Profiles.First(tx, "holder", string(id))
		if !ok {
			break
		}
		p.Holders = without(p.Holders, id)
		p.Revision++
		state.Profiles.Put(tx, p)
	}
}

func without(list []model.AuthorizationID, id model.AuthorizationID) []model.AuthorizationID {
	return slices.DeleteFunc(slices.Clone(list), func(x model.AuthorizationID) bool { return x == id })
}
