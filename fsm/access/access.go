// Package access is the feature of access profiles: who may see, read, change and run operations on which credentials, under
// names that authorizations refer to. fsm/authz decides by them.
package access

import (
	"slices"
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "access", Commands: []command.Erased{Put, Remove}}

var manage = authz.Action{Module: model.ModuleA2A, Write: true, Right: model.AuthorizationWrite}

// PutArgs are a profile as it shall be. Revision 0 creates, otherwise it must be the current one.
type PutArgs struct {
	Profile model.AccessProfile `cbor:"profile"`
}

// Put creates or changes an access profile. Who does holds its rights on everything that it reaches, before and after.
var Put = command.Define("access.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (model.AccessProfile, error) {
	c, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return model.AccessProfile{}, err
	}
	p, change := a.Profile, "created"
	if err := check(tx, &p); err != nil {
		return p, err
	}
	if p.Revision == 0 {
		p.ID, p.CreatedBy = model.AccessProfileID(m.NewID(0)), c.Authorization.ID
	} else {
		old, ok := state.AccessProfiles.Get(tx, string(p.ID))
		switch {
		case !ok:
			return p, model.Errorf(model.NotFound, "there is no such access profile")
		case old.Revision != p.Revision:
			return p, model.Errorf(model.Conflict, "the access profile changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
		}
		if err := authz.CoversProfile(c.Authorization, old); err != nil {
			return p, err
		}
		p.CreatedBy, change = old.CreatedBy, "changed"
	}
	if other, taken := state.AccessProfiles.First(tx, "name", p.Name); taken && other.ID != p.ID {
		return p, model.Errorf(model.Conflict, "there is an access profile %s already", p.Name).WithField("name")
	}
	if err := authz.CoversProfile(c.Authorization, &p); err != nil {
		return p, err
	}
	p.Revision++
	state.AccessProfiles.Put(tx, &p)
	tell(tx, &p, change)
	return p, nil
}).AuditDenials()

func tell(tx *table.Tx, p *model.AccessProfile, change string) {
	var rights []string
	for _, r := range p.Rights {
		rights = append(rights, string(r))
	}
	kind := audit.AccessPut
	if change != "removed" && p.Enabled && slices.Contains(p.Rights, model.SecretRead) {
		kind = audit.AccessReads
	}
	tx.Emit(kind.With("profile", string(p.ID), "name", p.Name, "change", change, "rights", strings.Join(rights, ",")))
}

func check(tx *table.Tx, p *model.AccessProfile) error {
	if !model.ValidName(p.Name) {
		return model.Errorf(model.Invalid, "an access profile's name has 1 to 63 letters, digits, '-', '_' or '.'").WithField("name")
	}
	for _, r := range p.Rights {
		if !slices.Contains(model.ProfileRights, r) {
			return model.Errorf(model.Invalid, "a profile gives rights on credentials: secret.read, credential.write and operation.run").WithField("rights")
		}
	}
	if len(p.Credentials)+len(p.Devices)+len(p.Tags)+len(p.Types) == 0 {
		return model.Errorf(model.Invalid, "say which credentials the profile is about: by devices, tags, types, or a list of them").WithField("credentials")
	}
	if len(p.Credentials) > model.MaxCriteria || len(p.Devices) > model.MaxCriteria || len(p.Types) > model.MaxCriteria {
		return model.Errorf(model.Invalid, "a list of a profile has at most %d entries", model.MaxCriteria).WithField("credentials")
	}
	for _, id := range p.Credentials {
		if !state.Credentials.Has(tx, string(id)) {
			return model.Errorf(model.Invalid, "Credential not found").WithCode(1007).WithField("credentials")
		}
	}
	for _, id := range p.Devices {
		if !state.Devices.Has(tx, string(id)) {
			return model.Errorf(model.Invalid, "Device not found").WithCode(1011).WithField("devices")
		}
	}
	for _, t := range p.Types {
		if err := model.CheckText("types", t, model.MaxName); err != nil {
			return err
		}
	}
	return model.CheckTags("tags", p.Tags)
}

// RemoveArgs name a profile.
type RemoveArgs struct {
	ID model.AccessProfileID `cbor:"id"`
}

// Remove removes an access profile: the authorizations that refer to it lose what it gave.
var Remove = command.Define("access.remove", 1, func(tx *table.Tx, m command.Meta, a RemoveArgs) (model.AccessProfile, error) {
	c, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return model.AccessProfile{}, err
	}
	p, ok := state.AccessProfiles.Get(tx, string(a.ID))
	if !ok {
		return model.AccessProfile{}, model.Errorf(model.NotFound, "there is no such access profile")
	}
	if err := authz.CoversProfile(c.Authorization, p); err != nil {
		return model.AccessProfile{}, err
	}
	gone := *p
	state.AccessProfiles.Delete(tx, string(a.ID))
	tell(tx, &gone, "removed")
	return gone, nil
}).AuditDenials()
