package credential

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ExecutionPatch changes how the secret is changed on its target; nil leaves a field as it is.
type ExecutionPatch struct {
	Automatic      *bool               `cbor:"automatic,omitempty"`
	Executor       *model.ExecutorName `cbor:"executor,omitempty"`
	ChangeTemplate *model.TemplateID   `cbor:"change_template,omitempty"`
	Authentication *model.CredentialID `cbor:"authentication,omitempty"`
	Reconcile      *ReconcilePatch     `cbor:"reconcile,omitempty"`
}

// SettingsPatch changes how the account is described; nil leaves a field as it is.
type SettingsPatch struct {
	Owner       *string `cbor:"owner,omitempty"`
	Criticality *string `cbor:"criticality,omitempty"`
	ServerPath  *string `cbor:"server_path,omitempty"`
	Notes       *string `cbor:"notes,omitempty"`
}

// PutArgs create or change a credential; nil leaves a field as it is. With ID exactly that one is changed; otherwise the
// vendor's upsert finds it by identifier, else by device and user name, else creates it. Create refuses to change what it
// finds.
type PutArgs struct {
	Create     bool                `cbor:"create,omitempty"`
	ID         model.CredentialID  `cbor:"id,omitempty"`
	Identifier string              `cbor:"identifier,omitempty"`
	Device     model.DeviceID      `cbor:"device,omitempty"`
	Username   *string             `cbor:"username,omitempty"`
	Domain     *string             `cbor:"domain,omitempty"`
	Type       *string             `cbor:"type,omitempty"`
	Additional *string             `cbor:"additional,omitempty"`
	Tags       *[]string           `cbor:"tags,omitempty"`
	Parent     *model.CredentialID `cbor:"parent,omitempty"`
	Policy     *model.PolicyID     `cbor:"policy,omitempty"`
	Execution  *ExecutionPatch     `cbor:"execution,omitempty"`
	Settings   *SettingsPatch      `cbor:"settings,omitempty"`
	Key        *KeyPatch           `cbor:"key,omitempty"`
	JIT        *JITPatch           `cbor:"jit,omitempty"`
	Manifest   *string             `cbor:"manifest,omitempty"`
	Enabled    *bool               `cbor:"enabled,omitempty"`
	Secret     *NewSecret          `cbor:"secret,omitempty"`
	Same       string              `cbor:"same,omitempty"`     // row of the version that holds this very secret already, as whoever sealed it found
	OTP        *model.OTPKey       `cbor:"otp,omitempty"`      // key of one-time codes; an empty one removes it
	Revision   uint64              `cbor:"revision,omitempty"` // 0: not checked
}

// PutResult tells what became of it; secret versions and ciphertext are left out.
type PutResult struct {
	Credential model.Credential `cbor:"credential"`
	Created    bool             `cbor:"created"`
	Unchanged  bool             `cbor:"unchanged,omitempty"`
}

// Put creates or changes a credential.
var Put = command.Define("credential.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (PutResult, error) {
	somewhere := write
	somewhere.Somewhere = true
	p, err := command.Authorize(tx, m.Actor, m.At, somewhere, nil)
	if err != nil {
		return PutResult{}, err
	}
	old, err := resolve(tx, a)
	if err != nil {
		return PutResult{}, err
	}
	if old != nil && a.Create {
		if a.Identifier == old.Identifier {
			return PutResult{}, model.Errorf(model.Conflict, "there is a credential with this identifier already").WithField("identifier")
		}
		return PutResult{}, model.Errorf(model.Conflict, "the device has a credential with this user name already").WithField("username")
	}
	c := model.Credential{Type: "Local User", Enabled: true, CreatedBy: p.Authorization.ID, CreatedAt: m.At}
	if old != nil {
		// Authorized twice: on the row as it is, and below on the row as it becomes.
		if _, err := command.Authorize(tx, m.Actor, m.At, write, authz.ObjectOf(old)); err != nil {
			return PutResult{}, err
		}
		if a.Revision != 0 && a.Revision != old.Revision {
			return PutResult{}, model.Errorf(model.Conflict, "the credential changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
		}
		c = *old
	}
	if err := patch(tx, &c, a, p.Authorization.ID); err != nil {
		return PutResult{}, err
	}
	switched := a.Enabled != nil && *a.Enabled != c.Enabled
	if switched {
		c.Enabled = *a.Enabled
	}
	var taken, left *model.ExecutionProfile
	if old == nil {
		taken, left = takeProfile(tx, m, &c, &a)
	}
	if c.Execution.Automatic && c.Execution.ChangeTemplate == "" {
		return PutResult{}, model.Errorf(model.Invalid, "automatic change needs a change template").WithField("change_template")
	}
	if err := checkJIT(tx, old, &c); err != nil {
		return PutResult{}, err
	}
	if err := references(tx, m, old, &c); err != nil {
		return PutResult{}, err
	}
	if old != nil && old.CarriesSecret() && !sameRoute(old, &c) {
		if _, err := command.Authorize(tx, m.Actor, m.At, route, nil); err != nil {
			return PutResult{}, err
		}
	}
	if old == nil {
		c.ID, c.Number = model.CredentialID(m.NewID(0)), state.Next(tx, "credential")
		if c.Identifier == "" {
			c.Identifier = m.NewID(1)
		}
	}
	if _, err := command.Authorize(tx, m.Actor, m.At, write, authz.ObjectOf(&c)); err != nil {
		return PutResult{}, err
	}
	if old != nil {
		if r := authz.Gains(p.Authorization, p.Profiles, old, &c); r != "" {
			return PutResult{}, model.Errorf(model.Denied, "the change would give you the right %s on the credential: somebody who has it makes it", r).WithCode(1009)
		}
	}
	if a.Secret != nil {
		if err := state.CheckTerm(tx, a.Secret.Secret); err != nil {
			return PutResult{}, err
		}
		if err := checkPublic(&c, a.Secret.Public); err != nil {
			return PutResult{}, err
		}
		gone, err := putSecret(old, &c, *a.Secret, holds(tx, m, old, a.Same), m.At, state.SystemRow(tx).Frozen)
		if err != nil {
			return PutResult{}, err
		}
		if len(gone) > 0 {
			tx.Emit(audit.CredentialPruned.With("credential", string(c.ID), "versions", fmt.Sprint(gone)))
		}
	}
	if a.OTP != nil {
		if err := state.CheckTerm(tx, a.OTP.Secret); err != nil {
			return PutResult{}, err
		}
		c.OTP = a.OTP
		if a.OTP.Row == "" {
			c.OTP = nil
		}
	}
	state.Plan(tx, &c)
	r := PutResult{Created: old == nil, Unchanged: old != nil && state.Credentials.Holds(tx, &c)}
	switch {
	case r.Created:
		c.Revision++
		state.Credentials.Insert(tx, &c)
	case !r.Unchanged:
		put(tx, &c)
	}
	change, value := string(model.EffectOf(r.Created, r.Unchanged)), ""
	if a.Secret != nil && !r.Unchanged {
		value = "set"
	}
	tx.Emit(audit.CredentialPut.With("credential", string(c.ID), "number", fmt.Sprint(c.Number), "identifier", c.Identifier, "device", string(c.Device), "change", change, "secret", value))
	if switched {
		if err := tellStatus(tx, m, &c); err != nil {
			return PutResult{}, err
		}
	}
	switch {
	case taken != nil:
		tx.Emit(audit.ProfileTaken.With("credential", string(c.ID), "profile", string(taken.ID), "name", taken.Name, "first_at", c.Execution.FirstAt.String()))
	case left != nil:
		tx.Emit(audit.ProfileLeft.With("credential", string(c.ID), "profile", string(left.ID), "name", left.Name))
	}
	c.Versions = nil
	if c.OTP != nil {
		c.OTP = &model.OTPKey{Row: c.OTP.Row} // whether there is one, not the ciphertext
	}
	r.Credential = c
	return r, nil
}).AuditDenials()

// defaultUser is the vendor's name of an account that nobody named.
const defaultUser = "usr"

func resolve(tx *table.Tx, a PutArgs) (*model.Credential, error) {
	c := Match(tx, a)
	if c == nil && a.ID != "" {
		return find(tx, a.ID)
	}
	return c, nil
}

// Match finds the credential that a put changes; nil: it would create one.
func Match(r table.Reader, a PutArgs) *model.Credential {
	if a.ID != "" {
		c, _ := state.Credentials.Get(r, string(a.ID))
		return c
	}
	if a.Identifier != "" {
		if c, ok := state.Credentials.First(r, "identifier", a.Identifier); ok {
			return c
		}
	}
	if a.Device != "" && a.Username != nil && a.Key == nil { // an account has one password, and any number of keys
		if c, ok := state.Credentials.First(r, "account", state.AccountKey(a.Device, cmp.Or(*a.Username, defaultUser))); ok {
			return c
		}
	}
	return nil
}

func patch(tx *table.Tx, c *model.Credential, a PutArgs, by model.AuthorizationID) error {
	if a.Identifier != "" && a.Identifier != c.Identifier {
		if err := checkIdentifier(tx, c.ID, a.Identifier); err != nil {
			return err
		}
		c.Identifier = a.Identifier
	}
	if a.Device != "" {
		c.Device = a.Device
	}
	if d, ok := state.Devices.Get(tx, string(c.Device)); !ok || !d.Enabled {
		return model.Errorf(model.Invalid, "Device not found").WithCode(1011).WithField("hostname")
	}
	for _, f := range []struct {
		name  string
		from  *string
		to    *string
		limit int
	}{
		{"username", a.Username, &c.Username, model.MaxName}, {"domain", a.Domain, &c.Domain, model.MaxName},
		{"type", a.Type, &c.Type, model.MaxName}, {"additional", a.Additional, &c.Additional, model.MaxText}, {"manifest", a.Manifest, &c.Manifest, model.MaxName},
	} {
		if f.name == "username" && c.Username != "" && f.from != nil && *f.from == "" {
			continue // the vendor's default is for new accounts
		}
		if f.from != nil {
			if err := model.CheckText(f.name, *f.from, f.limit); err != nil {
				return err
			}
			*f.to = *f.from
		}
	}
	if c.Username == "" {
		c.Username = defaultUser
	}
	if other, ok := state.Credentials.First(tx, "account", state.AccountKey(c.Device, c.Username)); ok && other.ID != c.ID && c.Key == nil && a.Key == nil {
		return model.Errorf(model.Conflict, "the device has a credential with this user name already").WithField("username")
	}
	if a.Tags != nil {
		if err := model.CheckTags("tags", *a.Tags); err != nil {
			return err
		}
		c.Tags = *a.Tags
	}
	if a.Parent != nil {
		c.Parent = *a.Parent
	}
	if err := patchKey(tx, c, a.Key, by); err != nil {
		return err
	}
	if err := patchJIT(tx, c, a.JIT); err != nil {
		return err
	}
	if a.Policy != nil {
		c.Policy = *a.Policy
	}
	if c.Policy != "" && !state.Policies.Has(tx, string(c.Policy)) {
		return model.Errorf(model.Invalid, "there is no such policy").WithField("policy")
	}
	if err := patchSettings(c, a.Settings); err != nil {
		return err
	}
	return patchExecution(tx, c, a.Execution)
}

func patchSettings(c *model.Credential, a *SettingsPatch) error {
	if a == nil {
		return nil
	}
	s := model.Settings{}
	if c.Settings != nil {
		s = *c.Settings
	}
	for _, f := range []struct {
		name  string
		from  *string
		to    *string
		limit int
	}{{"user_credential_owner", a.Owner, &s.Owner, model.MaxName}, {"server_path", a.ServerPath, &s.ServerPath, model.MaxText}, {"notes", a.Notes, &s.Notes, model.MaxText}} {
		if f.from != nil {
			if err := model.CheckText(f.name, *f.from, f.limit); err != nil {
				return err
			}
			*f.to = *f.from
		}
	}
	if a.Criticality != nil {
		level := strings.ToLower(*a.Criticality)
		if level != "" && !slices.Contains(model.Criticalities, level) {
			return model.Errorf(model.Invalid, "criticality is one of %s", strings.Join(model.Criticalities, ", ")).WithField("criticality")
		}
		s.Criticality = level
	}
	c.Settings = &s
	return nil
}

func patchExecution(tx *table.Tx, c *model.Credential, e *ExecutionPatch) error {
	if e == nil {
		return nil
	}
	x := &c.Execution
	if e.Automatic != nil {
		x.Automatic = *e.Automatic
	}
	if e.Executor != nil {
		x.Executor = *e.Executor
	}
	if e.ChangeTemplate != nil {
		x.ChangeTemplate = *e.ChangeTemplate
	}
	if e.Authentication != nil {
		x.Authentication = *e.Authentication
	}
	if x.ChangeTemplate != "" {
		t, ok := state.Templates.Get(tx, string(x.ChangeTemplate))
		if !ok || t.Kind != model.TemplateChange {
			return model.Errorf(model.Invalid, "there is no such change template").WithField("change_template")
		}
		if x.Executor != "" && x.Executor != t.Executor {
			return model.Errorf(model.Invalid, "the template belongs to the executor %s", t.Executor).WithField("change_plugin")
		}
		x.Executor = t.Executor
	}
	return patchReconcile(tx, &x.Reconcile, e.Reconcile)
}

func checkIdentifier(tx *table.Tx, self model.CredentialID, id string) error {
	if len(id) > 128 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return model.Errorf(model.Invalid, "an identifier has at most 128 letters, digits, '-', '_' or '.'").WithField("identifier")
	}
	if strings.Trim(id, "0123456789") == "" {
		return model.Errorf(model.Invalid, "an identifier must not be purely numeric: it would be mistaken for an id").WithField("identifier")
	}
	if c, ok := state.Credentials.First(tx, "identifier", id); ok && c.ID != self {
		return model.Errorf(model.Conflict, "there is a credential with this identifier already").WithField("identifier")
	}
	return nil
}
