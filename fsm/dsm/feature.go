// Package dsm is the feature of application secrets: named values and references to accounts that an application gets
// at run time, their versions, and the registration of applications by their pipelines.
//
// It guarantees: a reference is a read, decided for whoever makes it or widens who sees it; a read changes no secret,
// takes no custody and starts no timer, and is one event that lists secrets and versions; an identity belongs to its
// owner, so that nobody takes or finds out another's.
package dsm

import (
	"fmt"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "dsm", Commands: []command.Erased{Put, Rollback, ReadVersion, SetStatus, Read, CountUnchanged, Deprovision, Renew, End, Register, PutAutomation, RemoveAutomation}}

// change is what putting a secret through a module asks for.
func change(m model.Module) authz.Action {
	return authz.Action{Module: m, Write: true, Right: model.CredentialWrite}
}

var errUnknown = model.Errorf(model.NotFound, "Secret not found")

func find(r table.Reader, id model.DSMSecretID) (*model.DSMSecret, error) {
	s, ok := state.DSMSecrets.Get(r, string(id))
	if !ok {
		return nil, errUnknown
	}
	return s, nil
}

// Reaches tells whether an authorization may manage or read a secret that it does not hold: by its filter, or because it
// made the secret.
func Reaches(a *model.Authorization, s *model.DSMSecret) bool {
	return s.CreatedBy == a.ID || authz.Reaches(a, &authz.Object{CreatedBy: s.Owner, Tags: s.Tags})
}

// mayChange refuses who neither owns the secret nor reaches it.
func mayChange(p *command.Principal, s *model.DSMSecret) error {
	if s.Owner == p.Authorization.ID || Reaches(p.Authorization, s) {
		return nil
	}
	return model.Errorf(model.Denied, "No access to secret").WithCode(1009)
}

func store(tx *table.Tx, s *model.DSMSecret) {
	s.Revision++
	state.DSMSecrets.Put(tx, s)
}

// addVersion appends data, makes it the version in force and forgets the oldest beyond the limit.
func addVersion(tx *table.Tx, m command.Meta, s *model.DSMSecret, entries []model.DSMEntry, of uint64) {
	s.LastN++
	s.Version, s.ChangedAt = s.LastN, m.At
	v := &model.DSMVersion{Secret: s.ID, N: s.LastN, Entries: entries, By: m.Actor.Authorization, At: m.At, Of: of}
	s.Profiles = v.Profiles()
	state.DSMVersions.Put(tx, v)
	if s.LastN > model.MaxDSMVersions {
		state.DSMVersions.Delete(tx, state.DSMVersionKey(s.ID, s.LastN-model.MaxDSMVersions))
	}
}

func inForce(r table.Reader, s *model.DSMSecret) *model.DSMVersion {
	v, ok := state.DSMVersions.Get(r, state.DSMVersionKey(s.ID, s.Version))
	if !ok {
		return &model.DSMVersion{Secret: s.ID}
	}
	return v
}

func number(n uint64) string { return fmt.Sprint(n) }
