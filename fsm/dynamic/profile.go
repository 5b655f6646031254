package dynamic

import (
	"strings"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ProfileArgs hold a whole profile: an empty id creates one; Revision, when given, must be the present one.
type ProfileArgs struct {
	Profile model.DynamicProfile `cbor:"profile"`
}

const (
	maxTTL     = 365 * 24 * time.Hour
	maxQuota   = 10_000_000
	maxHolders = 1000
	maxDevices = 10_000
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
	case old.Draining:
		return model.DynamicProfile{}, model.Errorf(model.Conflict, "the profile is being deleted: it waits for its users to go")
	case p.Executor != old.Executor:
		return model.DynamicProfile{}, model.Errorf(model.Invalid, "a profile keeps its executor: its users are removed through it").WithField("executor")
	default:
		if err := mayUse(tx, m, by, old, "authentication"); err != nil { // authorized twice: as it is, and below as it becomes
			return model.DynamicProfile{}, err
		}
		p.CreatedBy, p.Revision = old.CreatedBy, old.Revision
	}
	p.Draining = false
	if err := checkProfile(tx, &p); err != nil {
		return model.DynamicProfile{}, err
	}
	if err := mayUse(tx, m, by, &p, "authentication"); err != nil {
		return model.DynamicProfile{}, err
	}
	if old != nil && p.TTL < old.TTL {
		if err := outlives(tx, &p); err != nil {
			return model.DynamicProfile{}, err
		}
	}
	p.Revision++
	state.Profiles.Put(tx, &p)
	change := "changed"
	if old == nil {
		change = "created"
	}
	tellProfile(tx, &p, change)
	return p, nil
}).AuditDenials()

// outlives refuses a shorter life that would end users before a secret renews them, or too soon after (RULES 9): saving the secret asks
// the same.
func outlives(tx *table.Tx, p *model.DynamicProfile) error {
	if s, ok := state.SlowestRenewal(tx, p.ID); ok && p.TTL <= s.RenewEphemeral+model.LeastRenew.Milliseconds() {
		return model.Errorf(model.Conflict, "secret %d makes new users of this profile every %s, and they live longer than that and %s: change its renewal first", s.Number, model.Span(s.RenewEphemeral), model.LeastRenew).WithField("ttl")
	}
	return nil
}

// forget removes a profile that has no users any more.
func forget(tx *table.Tx, p *model.DynamicProfile) {
	state.Profiles.Delete(tx, string(p.ID))
	state.ForgetOrphans(tx, p.ID)
	tellProfile(tx, p, "deleted")
}

func tellProfile(tx *table.Tx, p *model.DynamicProfile, change string) {
	tx.Emit(audit.DynamicProfilePut.With("profile", string(p.ID), "identifier", p.Identifier, "change", change, "enabled", yesNo(p.Enabled)))
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// mayUse decides whether the caller may let a profile log in: it may read every credential that the profile names. One that
// works wherever there is a user name is for callers that reach every credential.
func mayUse(tx *table.Tx, m command.Meta, by *command.Principal, p *model.DynamicProfile, field string) error {
	if p.AuthUser == "" {
		_, err := command.MayReference(tx, m.Actor, m.At, p.Authentication, field)
		return err
	}
	for _, d := range p.Devices {
		if c, ok := state.ProfileDoor(tx, p, d); ok {
			if _, err := command.MayReference(tx, m.Actor, m.At, c.ID, field); err != nil {
				return err
			}
		}
	}
	if len(p.Devices) > 0 && by.Authorization.Filter.All {
		return nil
	}
	if err := authz.Decide(by.Application, by.Authorization, authz.Action{Right: model.SecretRead}, nil, m.Actor.Origin(), m.At); err != nil {
		return err
	}
	if !by.Authorization.Filter.All {
		return model.Errorf(model.Denied, "a profile with a user name finds credentials of many devices: only a caller that reaches every credential may set it").WithCode(1009).WithField("auth_user")
	}
	return nil
}

func checkProfile(tx *table.Tx, p *model.DynamicProfile) error {
	if p.Identifier == "" || len(p.Identifier) > model.MaxIdentifier(p.Executor) || strings.Trim(p.Identifier, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || p.Identifier[0] <= '9' {
		return model.Errorf(model.Invalid, "an identifier has at most %d lower-case letters, digits or '_', and begins with a letter: user names begin with it", model.MaxIdentifier(p.Executor)).WithField("identifier")
	}
	if other, ok := state.Profiles.First(tx, "identifier", p.Identifier); ok && other.ID != p.ID {
		return model.Errorf(model.Conflict, "there is a profile with this identifier already").WithField("identifier")
	}
	for _, d := range p.Devices {
		if !state.Devices.Has(tx, string(d)) {
			return model.Errorf(model.Invalid, "Device not found").WithCode(1011).WithField("devices")
		}
	}
	for _, t := range []struct {
		field string
		id    model.TemplateID
		kind  model.TemplateKind
	}{{"create", p.Create, model.TemplateCreate}, {"remove", p.Remove, model.TemplateDelete}} {
		if row, ok := state.Templates.Get(tx, string(t.id)); !ok || row.Kind != t.kind && row.Kind != model.TemplateAutomation || row.Executor != p.Executor {
			return model.Errorf(model.Invalid, "there is no such template of execution type %q or %q for the executor", model.TemplateAutomation, t.kind).WithField(t.field)
		}
	}
	for _, f := range []struct{ name, value string }{{"type", p.Type}, {"auth_user", p.AuthUser}, {"additional", p.Additional}} {
		if err := model.CheckText(f.name, f.value, model.MaxText); err != nil {
			return err
		}
	}
	switch {
	case (p.Authentication == "") == (p.AuthUser == ""):
		return model.Errorf(model.Invalid, "say either the credential that logs in, or the user name by which it is found on each device").WithField("authentication")
	case p.Policy != "" && !state.Policies.Has(tx, string(p.Policy)):
		return model.Errorf(model.Invalid, "there is no such policy").WithField("policy")
	case p.TTL < operation.LeastTTL(tx).Milliseconds() || p.TTL > maxTTL.Milliseconds():
		return model.Errorf(model.Invalid, "a dynamic user lives between %s and %s", operation.LeastTTL(tx), maxTTL).WithField("ttl")
	case p.Life != 0 && (p.Life < p.TTL || p.Life > maxTTL.Milliseconds()):
		return model.Errorf(model.Invalid, "the longest life with renewals is between the TTL and %s", maxTTL).WithField("life")
	case len(p.Holders) > maxHolders:
		return model.Errorf(model.Invalid, "a profile has at most %d holders", maxHolders).WithField("holders")
	case len(p.Devices) > maxDevices:
		return model.Errorf(model.Invalid, "a profile lists at most %d devices", maxDevices).WithField("devices")
	}
	return nil
}

// DeleteArgs name a profile.
type DeleteArgs struct {
	Profile model.ProfileID `cbor:"profile"`
}

// DeleteProfile removes a profile. While it has users it is only drained: nobody gets a new one, those that are there are
// removed, and the profile goes with the last of them.
var DeleteProfile = command.Define("dynamic.delete", 1, func(tx *table.Tx, m command.Meta, a DeleteArgs) (model.DynamicProfile, error) {
	by, err := command.Authorize(tx, m.Actor, m.At, configure, nil)
	if err != nil {
		return model.DynamicProfile{}, err
	}
	p, ok := state.Profiles.Get(tx, string(a.Profile))
	if !ok {
		return model.DynamicProfile{}, model.Errorf(model.NotFound, "there is no such profile")
	}
	if err := mayUse(tx, m, by, p, "profile"); err != nil {
		return model.DynamicProfile{}, err
	}
	if row, ok := state.Provisionings.First(tx, "profile", string(p.ID)); ok {
		name := string(row.Application)
		if app, ok := state.Applications.Get(tx, name); ok {
			name = app.Name
		}
		return model.DynamicProfile{}, model.Errorf(model.Conflict, "application %s gets its users by this profile: take the pair away first", name)
	}
	if p.Draining {
		return *p, nil
	}
	p.Enabled, p.Draining = false, true
	p.Revision++
	if _, used := state.DynamicUsers.First(tx, "profile", string(p.ID)); !used {
		forget(tx, p)
		return *p, nil
	}
	state.Profiles.Put(tx, p)
	state.Revocations.Put(tx, &model.Revocation{Key: model.RevokedProfile + string(p.ID), Reason: "profile", At: m.At})
	tellProfile(tx, p, "draining")
	return *p, nil
}).AuditDenials()
