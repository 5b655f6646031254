// Package profile is the feature of execution profiles: how new credentials are managed unless whoever registers them says
// otherwise. fsm/credential applies them.
package profile

import (
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "profile", Commands: []command.Erased{Put, Remove}}

var write = authz.Action{Module: model.ModulePAM, Write: true, Right: model.PolicyWrite}

// mostWait bounds the time between a registration and its first change.
const mostWait = 30 * 24 * time.Hour

// PutArgs are a profile as it shall be. Revision 0 creates, otherwise it must be the current one.
type PutArgs struct {
	Profile model.ExecutionProfile `cbor:"profile"`
}

// Put creates or changes a profile. Credentials that are registered stay as they are.
var Put = command.Define("profile.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (model.ExecutionProfile, error) {
	c, err := command.Authorize(tx, m.Actor, m.At, write, nil)
	if err != nil {
		return model.ExecutionProfile{}, err
	}
	p := a.Profile
	if err := check(tx, &p); err != nil {
		return p, err
	}
	other, taken := state.ExecutionProfiles.First(tx, "name", p.Name)
	if taken && (p.Revision == 0 || other.ID != p.ID) {
		return p, model.Errorf(model.Conflict, "there is a profile %s already", p.Name).WithField("name")
	}
	old, change := &model.ExecutionProfile{}, "created"
	if p.Revision == 0 {
		p.ID, p.CreatedBy = model.ExecutionProfileID(m.NewID(0)), c.Authorization.ID
	} else {
		var ok bool
		switch old, ok = state.ExecutionProfiles.Get(tx, string(p.ID)); {
		case !ok:
			return p, model.Errorf(model.NotFound, "there is no such profile")
		case old.Revision != p.Revision:
			return p, model.Errorf(model.Conflict, "the profile changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
		}
		p.CreatedBy, change = old.CreatedBy, "changed"
	}
	if p.Authentication != "" && p.Authentication != old.Authentication {
		if _, err := command.MayReference(tx, m.Actor, m.At, p.Authentication, "authentication"); err != nil {
			return p, err
		}
	}
	p.Revision++
	state.ExecutionProfiles.Put(tx, &p)
	tx.Emit(audit.ProfilePut.With("profile", string(p.ID), "name", p.Name, "change", change))
	return p, nil
}).AuditDenials()

// RemoveArgs name a profile.
type RemoveArgs struct {
	ID model.ExecutionProfileID `cbor:"id"`
}

// Remove removes a profile. Credentials that took it stay as they are.
var Remove = command.Define("profile.remove", 1, func(tx *table.Tx, m command.Meta, a RemoveArgs) (model.ExecutionProfile, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, write, nil); err != nil {
		return model.ExecutionProfile{}, err
	}
	p, ok := state.ExecutionProfiles.Get(tx, string(a.ID))
	if !ok {
		return model.ExecutionProfile{}, model.Errorf(model.NotFound, "there is no such profile")
	}
	gone := *p
	state.ExecutionProfiles.Delete(tx, string(a.ID))
	tx.Emit(audit.ProfilePut.With("profile", string(gone.ID), "name", gone.Name, "change", "removed"))
	return gone, nil
}).AuditDenials()

func check(tx *table.Tx, p *model.ExecutionProfile) error {
	wait := model.Span(p.FirstAfter)
	switch {
	case !model.ValidName(p.Name):
		return model.Errorf(model.Invalid, "a profile's name has 1 to 63 letters, digits, '-', '_' or '.'").WithField("name")
	case p.Device != "" && (!p.Criteria.Empty() || p.Priority != 0):
		return model.Errorf(model.Invalid, "a profile is for a device, or has criteria and a priority: not both").WithField("criteria")
	case p.Device != "" && !state.Devices.Has(tx, string(p.Device)):
		return model.Errorf(model.Invalid, "Device not found").WithCode(1011).WithField("device")
	case p.Device == "" && p.Criteria.Empty():
		return model.Errorf(model.Invalid, "say which new credentials take the profile: by criteria, or a device").WithField("criteria")
	case p.Device == "" && (p.Priority < 1 || p.Priority > 255):
		return model.Errorf(model.Invalid, "priority is %d, it must be between 1 and 255", p.Priority).WithField("priority")
	case p.Change == "":
		return model.Errorf(model.Invalid, "a profile names the template that changes the secret").WithField("template")
	case p.Authentication != "" && p.AuthUser != "":
		return model.Errorf(model.Invalid, "a credential logs in, or that of each device with a user name: not both").WithField("auth_user")
	case p.Device != "" && p.AuthUser != "":
		return model.Errorf(model.Invalid, "the profile of a device names the credential that logs in").WithField("auth_user")
	case p.Activate != "" && p.Authentication == "" && p.AuthUser == "":
		return model.Errorf(model.Invalid, "an account that is opened for sessions needs another one that logs in to do it").WithField("activate")
	case wait < 0 || wait > mostWait || wait > 0 && !p.Immediate:
		return model.Errorf(model.Invalid, "first_after is at most %s, and only for a first change that falls due by itself", mostWait).WithField("first_after")
	}
	if t, ok := state.Templates.Get(tx, string(p.Change)); !ok || t.Kind != model.TemplateChange {
		return model.Errorf(model.Invalid, "there is no such change template").WithField("template")
	}
	if p.Activate != "" || p.Deactivate != "" {
		if _, err := state.ForSessions(tx, p.Activate, p.Deactivate); err != nil {
			return err.WithField("activate")
		}
	}
	if err := model.CheckText("auth_user", p.AuthUser, model.MaxName); err != nil {
		return err
	}
	return p.Criteria.Check()
}
