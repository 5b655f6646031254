package dynamic

import (
	"strings"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ProfileArgs hold a whole profile: an empty id creates one; Revision, when given, must be the present one.
type ProfileArgs struct {
	Profile model.DynamicProfile `cbor:"profile"`
}

const (
	minTTL        = time.Minute
	maxTTL        = 365 * 24 * time.Hour
	maxIdentifier = 24 // leaves room in user names of 63 bytes
	maxQuota      = 1_000_000
	maxHolders    = 1000
)

// PutProfile creates or changes a profile. It says where a secret is sent and which credential logs in, so it asks for
// the right to change routes and to read that credential.
var PutProfile = command.Define("dynamic.profile", 1, func(tx *table.Tx, m command.Meta, a ProfileArgs) (model.DynamicProfile, error) {
	by, err := command.Authorize(tx, m.Actor, m.At, configure, nil)
	if err != nil {
		return model.DynamicProfile{}, err
	}
	p := a.Profile
	old, ok := state.Profiles.Get(tx, string(p.ID))
	switch {
	case p.ID == "":
		p.ID, p.CreatedBy = model.ProfileID(m.NewID(0)), by.Authorization.ID
	case !ok:
		return model.DynamicProfile{}, model.Errorf(model.NotFound, "there is no such profile")
	case p.Revision != 0 && p.Revision != old.Revision:
		return model.DynamicProfile{}, model.Errorf(model.Conflict, "the profile changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
	case p.Device != old.Device || p.Executor != old.Executor:
		return model.DynamicProfile{}, model.Errorf(model.Invalid, "a profile keeps its device and executor: its users are removed through them").WithField("device")
	default:
		p.CreatedBy, p.Revision = old.CreatedBy, old.Revision
	}
	if err := checkProfile(tx, &p); err != nil {
		return model.DynamicProfile{}, err
	}
	if _, err := command.MayReference(tx, m.Actor, m.At, p.Authentication, "authentication"); err != nil {
		return model.DynamicProfile{}, err
	}
	p.Revision++
	state.Profiles.Put(tx, &p)
	change := "changed"
	if old == nil {
		change = "created"
	}
	tx.Emit(audit.DynamicProfilePut.With("profile", string(p.ID), "identifier", p.Identifier, "change", change, "enabled", map[bool]string{true: "yes", false: "no"}[p.Enabled]))
	return p, nil
}).AuditDenials()

func checkProfile(tx *table.Tx, p *model.DynamicProfile) error {
	if p.Identifier == "" || len(p.Identifier) > maxIdentifier || strings.Trim(p.Identifier, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || p.Identifier[0] <= '9' {
		return model.Errorf(model.Invalid, "an identifier has at most %d lower-case letters, digits or '_', and begins with a letter: user names begin with it", maxIdentifier).WithField("identifier")
	}
	if other, ok := state.Profiles.First(tx, "identifier", p.Identifier); ok && other.ID != p.ID {
		return model.Errorf(model.Conflict, "there is a profile with this identifier already").WithField("identifier")
	}
	if d, ok := state.Devices.Get(tx, string(p.Device)); !ok || !d.Enabled {
		return model.Errorf(model.Invalid, "Device not found").WithCode(1011).WithField("device")
	}
	for _, t := range []struct {
		field string
		id    model.TemplateID
		kind  model.TemplateKind
	}{{"create", p.Create, model.TemplateCreate}, {"remove", p.Remove, model.TemplateDelete}} {
		if row, ok := state.Templates.Get(tx, string(t.id)); !ok || row.Kind != t.kind || row.Executor != p.Executor {
			return model.Errorf(model.Invalid, "there is no such template of execution type %q for the executor", t.kind).WithField(t.field)
		}
	}
	switch {
	case p.Policy != "" && !state.Policies.Has(tx, string(p.Policy)):
		return model.Errorf(model.Invalid, "there is no such policy").WithField("policy")
	case p.TTL < minTTL.Milliseconds() || p.TTL > maxTTL.Milliseconds():
		return model.Errorf(model.Invalid, "a dynamic user lives between %s and %s", minTTL, maxTTL).WithField("ttl")
	case len(p.Holders) > maxHolders:
		return model.Errorf(model.Invalid, "a profile has at most %d holders", maxHolders).WithField("holders")
	case p.Quota < 0 || p.Quota > maxQuota:
		return model.Errorf(model.Invalid, "a quota is between 0 and %d", maxQuota).WithField("quota")
	}
	return nil
}
