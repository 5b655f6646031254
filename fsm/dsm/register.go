package dsm

import (
	"slices"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

const (
	keyLife   = time.Hour // of a client key that is added to an authorization
	maxKeys   = 10000     // live at once for one authorization
	maxAsked  = 4         // keys that were asked for with one another
	forgotten = 64        // expired keys that go with each new one

	maxProfiles = 100 // that a pipeline names
)

// RegisterArgs name an authorization as pipelines do, and carry keys that the edge drew: all of them for a new one, of an
// existing one only the secret is added. Modules, IPs and ExpiresAt count at creation; empty means the caller's own.
type RegisterArgs struct {
	Application string             `cbor:"application"`
	System      string             `cbor:"system"`
	Environment string             `cbor:"environment"`
	Description string             `cbor:"description,omitempty"`
	Tags        []string           `cbor:"tags,omitempty"`
	Modules     []model.Module     `cbor:"modules,omitempty"`
	IPs         []string           `cbor:"ips,omitempty"`
	ExpiresAt   model.Time         `cbor:"expires_at,omitempty"`
	Unique      string             `cbor:"unique,omitempty"` // id of an authorization: system and environment are not looked at
	Referrers   []string           `cbor:"referrers,omitempty"`
	Certificate string             `cbor:"certificate,omitempty"`
	PublicKey   []byte             `cbor:"public_key,omitempty"`
	Profiles    []NamedProfile     `cbor:"profiles,omitempty"` // by which the application gets dynamic users already
	ClientID    string             `cbor:"client_id"`
	Secret      model.ClientSecret `cbor:"secret"`
}

// NamedProfile is a profile of dynamic users by its identifier, on a device by host name or address; on any, without one.
type NamedProfile struct {
	Device  string `cbor:"device,omitempty"`
	Profile string `cbor:"profile"`
}

// RegisterResult is the authorization, without its secrets.
type RegisterResult struct {
	Authorization model.AuthorizationID `cbor:"authorization"`
	ClientID      string                `cbor:"client_id"`
	Created       bool                  `cbor:"created"`
	Until         model.Time            `cbor:"until,omitempty"` // end of the added secret; 0: it lasts
}

var errForeign = model.Errorf(model.Invalid, "No access to the application: another caller made it, and no delegation names it").WithCode(1009)

// Register finds or makes an application and its authorization for a pipeline (RULES 8): it finds what the caller made or
// what its delegation names, and never gives keys to more than the caller has.
var Register = command.Define("dsm.register", 1, func(tx *table.Tx, m command.Meta, a RegisterArgs) (RegisterResult, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModuleApplication, Write: true}, nil)
	if err != nil {
		return RegisterResult{}, err
	}
	if !p.Authorization.Creates {
		return RegisterResult{}, model.Errorf(model.Invalid, "the authorization may not create applications").WithCode(1009)
	}
	if err := checkNames(&a); err != nil {
		return RegisterResult{}, err
	}
	app, known := state.Applications.First(tx, "name", a.Application)
	if !known && a.Unique == "" {
		if len(a.Profiles) > 0 {
			return RegisterResult{}, notProvided(a.Profiles[0])
		}
		app = &model.Application{ID: model.ApplicationID(m.NewID(0)), Name: a.Application, Description: a.Description, Tags: a.Tags, Enabled: true, CreatedAt: m.At, Revision: 1}
		auth, err := newAuthorization(m, p, app, a)
		if err != nil {
			return RegisterResult{}, err
		}
		state.Applications.Put(tx, app)
		tx.Emit(audit.ApplicationPut.With("application", string(app.ID), "name", app.Name, "change", "created"))
		return create(tx, m, app, auth)
	}
	if !known {
		return RegisterResult{}, errForeign
	}
	found, mine := lookUp(tx, p, app, a)
	if found == nil && (!mine || a.Unique != "") {
		return RegisterResult{}, errForeign
	}
	if err := state.Standing(tx, app.ID); err != nil {
		return RegisterResult{}, err.WithField("application")
	}
	if err := provided(tx, app, a.Profiles); err != nil {
		return RegisterResult{}, err
	}
	describe(tx, app, a)
	if found != nil {
		return addKey(tx, m, p.Authorization, app, found, a.Secret)
	}
	auth, err := newAuthorization(m, p, app, a)
	if err != nil {
		return RegisterResult{}, err
	}
	return create(tx, m, app, auth)
}).AuditDenials()

// describe keeps what a pipeline says of its application, as the vendor does at each call; what it does not say stays.
func describe(tx *table.Tx, app *model.Application, a RegisterArgs) {
	now := *app
	if a.Description != "" {
		now.Description = a.Description
	}
	if len(a.Tags) > 0 {
		now.Tags = a.Tags
	}
	if now.Description == app.Description && slices.Equal(now.Tags, app.Tags) {
		return
	}
	now.Revision++
	state.Applications.Put(tx, &now)
	tx.Emit(audit.ApplicationPut.With("application", string(now.ID), "name", now.Name, "change", "changed"))
}

// provided refuses profiles by which the application gets no users: an administrator sets those (dynamic.link), and a pipeline
// that names them again changes nothing.
func provided(tx *table.Tx, app *model.Application, profiles []NamedProfile) error {
	have := state.ProvisioningOf(tx, app.ID).Pairs
	for _, want := range profiles {
		if !slices.ContainsFunc(have, func(pair model.ProvisioningPair) bool {
			p, ok := state.Profiles.Get(tx, string(pair.Profile))
			d, there := state.Devices.Get(tx, string(pair.Device))
			return ok && there && p.Identifier == want.Profile && (want.Device == "" || model.FoldHost(d.Hostname) == model.FoldHost(want.Device) || d.IP == want.Device)
		}) {
			return notProvided(want)
		}
	}
	return nil
}

func notProvided(p NamedProfile) error {
	field := "credential_profiles"
	if p.Device == "" {
		field = "cloud_profiles"
	}
	return model.Errorf(model.Invalid, "the application gets no users by a profile that is named: an administrator sets that with cofre dynamic application").WithField(field)
}

func checkNames(a *RegisterArgs) error {
	if a.Application == "" {
		return model.Errorf(model.Invalid, "The application was not informed").WithCode(1004).WithField("application")
	}
	if err := model.CheckFreeName("application", "application", a.Application); err != nil {
		return err
	}
	for _, f := range []struct {
		name, value string
		limit       int
	}{{"system", a.System, model.MaxName}, {"environment", a.Environment, model.MaxName}, {"description", a.Description, model.MaxText}} {
		if err := model.CheckText(f.name, f.value, f.limit); err != nil {
			return err
		}
		if f.value == "" && f.name != "description" && a.Unique == "" {
			return model.Errorf(model.Invalid, "The %s was not informed", f.name).WithCode(1004).WithField(f.name)
		}
	}
	if len(a.Profiles) > maxProfiles {
		return model.Errorf(model.Invalid, "at most %d profiles are named", maxProfiles).WithField("credential_profiles")
	}
	for _, mod := range a.Modules {
		if !slices.Contains(model.Modules, mod) {
			return model.Errorf(model.Invalid, "an unknown resource").WithField("authorized_resources")
		}
	}
	if err := authz.CheckConditions(&model.Authorization{IPs: a.IPs, Referrers: a.Referrers, Certificate: a.Certificate, PublicKey: a.PublicKey}); err != nil {
		return err
	}
	return model.CheckTags("tags", a.Tags)
}

// lookUp finds the authorization if the caller may have its keys; mine tells whether the caller may make another one in
// the application if there is none. A delegation has to name the one that is found: what stands beside a unique key says nothing.
func lookUp(tx *table.Tx, p *command.Principal, app *model.Application, a RegisterArgs) (found *model.Authorization, mine bool) {
	me := p.Authorization
	mine = delegated(me, app, a.System, a.Environment) || app.ID == me.Application
	for o := range state.Authorizations.By(tx, "application", string(app.ID)) {
		if o.CreatedBy == me.ID {
			mine = true
		}
	}
	for o := range state.Authorizations.By(tx, "application", string(app.ID)) {
		if a.Unique != "" && a.Unique != string(o.ID) || a.Unique == "" && (o.System != a.System || o.Environment != a.Environment) {
			continue
		}
		if o.ID == me.ID || (o.CreatedBy == me.ID || delegated(me, app, o.System, o.Environment)) && command.Covers(tx, me, o) == nil {
			return o, true
		}
		mine = false // it is there, and another's
	}
	return nil, mine
}

func delegated(me *model.Authorization, app *model.Application, system, environment string) bool {
	return slices.ContainsFunc(me.Delegations, func(d model.Delegation) bool { return d.Names(app.Name, system, environment) })
}

// newAuthorization is the intersection of what was asked for and what the caller has. It reaches no account by a filter.
func newAuthorization(m command.Meta, p *command.Principal, app *model.Application, a RegisterArgs) (*model.Authorization, error) {
	me := p.Authorization
	auth := &model.Authorization{
		ID: model.AuthorizationID(m.NewID(1)), Application: app.ID, Name: a.System + "-" + a.Environment, ClientID: a.ClientID, Secrets: []model.ClientSecret{a.Secret},
		System: a.System, Environment: a.Environment, Write: me.Write, IPs: a.IPs, Referrers: a.Referrers, Certificate: a.Certificate, PublicKey: a.PublicKey, TokenTTL: me.TokenTTL, ExpiresAt: a.ExpiresAt, Enabled: true, Epoch: 1, CreatedBy: me.ID, CreatedAt: m.At, Revision: 1,
	}
	if !model.ValidName(auth.Name) {
		auth.Name = "dsm-" + m.NewID(1)[:12]
	}
	if len(a.Modules) == 0 {
		a.Modules = []model.Module{model.ModuleApplication, model.ModuleSecrets, model.ModuleCICD}
	}
	auth.Modules = both(a.Modules, me.Modules)
	auth.Rights = both([]model.Right{model.SecretRead, model.CredentialWrite}, me.Rights)
	if len(auth.IPs) == 0 {
		auth.IPs = me.IPs
	}
	if len(auth.Referrers) == 0 {
		auth.Referrers = me.Referrers
	}
	if auth.Certificate == "" {
		auth.Certificate = me.Certificate
	}
	if len(auth.PublicKey) == 0 {
		auth.PublicKey = me.PublicKey
	}
	if me.ExpiresAt != 0 && (auth.ExpiresAt == 0 || auth.ExpiresAt > me.ExpiresAt) {
		auth.ExpiresAt = me.ExpiresAt
	}
	if err := authz.Covers(me, auth); err != nil {
		return nil, err
	}
	return auth, nil
}

func both[T comparable](a, b []T) []T {
	out := []T{}
	for _, x := range a {
		if slices.Contains(b, x) && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

func create(tx *table.Tx, m command.Meta, app *model.Application, auth *model.Authorization) (RegisterResult, error) {
	for o := range state.Authorizations.By(tx, "application", string(app.ID)) {
		if o.Name == auth.Name {
			auth.Name = "dsm-" + string(auth.ID)[:12]
		}
	}
	if _, taken := state.Authorizations.First(tx, "client", auth.ClientID); taken {
		return RegisterResult{}, model.Errorf(model.Conflict, "the client id is taken")
	}
	state.Authorizations.Put(tx, auth)
	tx.Emit(audit.DSMRegistered.With("authorization", string(auth.ID), "application", string(app.ID), "change", "created"))
	operation.AuthorizationChanged(tx, m, auth, model.AuthorizationCreated)
	if err := automatic(tx, m, app, auth); err != nil {
		return RegisterResult{}, err
	}
	begin(tx, m, auth)
	return RegisterResult{Authorization: auth.ID, ClientID: auth.ClientID, Created: true}, nil
}

// addKey gives one more secret for an hour, so that pipelines that run at once do not disturb each other. It ends sooner when the tokens of
// the one who asked for it do, and with the key by which that one asked: no key prolongs itself.
func addKey(tx *table.Tx, m command.Meta, by *model.Authorization, app *model.Application, auth *model.Authorization, s model.ClientSecret) (RegisterResult, error) {
	if !app.Enabled || !auth.Enabled || auth.ExpiresAt != 0 && m.At >= auth.ExpiresAt {
		return RegisterResult{}, model.Errorf(model.Unauthenticated, "Inactive authorization")
	}
	asked, err := askers(m.Actor, by, auth)
	if err != nil {
		return RegisterResult{}, err
	}
	s.At, s.Until = m.At, m.At.Add(keyLife)
	if end := m.Actor.KeyUntil; end != 0 {
		s.Until = min(s.Until, end)
	}
	if s.Until <= m.At {
		return RegisterResult{}, model.Errorf(model.Denied, "the key that got this token has ended, and gets no further ones: register with the pipeline's own keys")
	}
	var gone []string
	for k := range state.ClientKeys.Range(tx, "until", state.LiveKey(auth.ID, 0), state.LiveKey(auth.ID, m.At+1)) {
		if gone = append(gone, state.ClientKeyOf(auth.ID, k.Secret.MAC)); len(gone) == forgotten {
			break
		}
	}
	for _, key := range gone {
		state.ClientKeys.Delete(tx, key)
	}
	if state.ClientKeys.Count(tx, "until", state.LiveKey(auth.ID, m.At+1), state.LiveKey(auth.ID, 1<<62), maxKeys) >= maxKeys {
		return RegisterResult{}, model.Errorf(model.Limited, "the authorization has %d live keys: wait until some have ended", maxKeys)
	}
	state.ClientKeys.Put(tx, &model.ClientKey{Authorization: auth.ID, Epoch: auth.Epoch, Asked: asked, Secret: s})
	tx.Emit(audit.DSMRegistered.With("authorization", string(auth.ID), "application", string(app.ID), "change", "key", "until", s.Until.String()))
	return RegisterResult{Authorization: auth.ID, ClientID: auth.ClientID, Until: s.Until}, nil
}

// askers are those on whose tokens a key hangs: who asked, unless it is the authorization's own, and all on whom that one hangs.
func askers(actor model.Actor, by, auth *model.Authorization) ([]model.Asker, error) {
	asked := slices.Clone(actor.Asked)
	me := model.Asker{Authorization: by.ID, Epoch: by.Epoch, Listing: actor.Listing}
	if (by.ID != auth.ID || me.Listing != "") && !slices.Contains(asked, me) {
		asked = append(asked, me)
	}
	if len(asked) > maxAsked {
		return nil, model.Errorf(model.Denied, "keys were asked for with one another %d times: register with the keys of an earlier pipeline", maxAsked)
	}
	return asked, nil
}
