package dsm

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

// PutArgs create or change a secret; nil leaves a field as it is. With ID exactly that one is changed; otherwise the
// secret of Owner with that identity, or a new one. Create refuses to change what it finds.
type PutArgs struct {
	Module      model.Module             `cbor:"module"` // through which it is put: Secrets Management or CI/CD
	Create      bool                     `cbor:"create,omitempty"`
	ID          model.DSMSecretID        `cbor:"id,omitempty"`
	Owner       model.AuthorizationID    `cbor:"owner,omitempty"` // empty: the caller
	Identity    string                   `cbor:"identity,omitempty"`
	Name        *string                  `cbor:"name,omitempty"`
	Engine      *string                  `cbor:"engine,omitempty"`
	Description *string                  `cbor:"description,omitempty"`
	Tags        *[]string                `cbor:"tags,omitempty"`
	ExpiresAt   *model.Time              `cbor:"expires_at,omitempty"`
	Readers     *[]model.AuthorizationID `cbor:"readers,omitempty"`
	Data        *[]model.DSMEntry        `cbor:"data,omitempty"`

	RenewEphemeral  *int64 `cbor:"renew_ephemeral,omitempty"` // milliseconds; 0: off
	RenewCredential *int64 `cbor:"renew_credential,omitempty"`
	Revision        uint64 `cbor:"revision,omitempty"` // 0: not checked
}

// PutResult tells what became of it. Kept counts the accounts that stay values of the client, because it may not refer
// to them or there are none.
type PutResult struct {
	Secret  model.DSMSecret `cbor:"secret"`
	Created bool            `cbor:"created"`
	Changed bool            `cbor:"changed"` // there is a new version
	Kept    int             `cbor:"kept,omitempty"`
}

// Put creates or changes a secret.
var Put = command.Define("dsm.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (PutResult, error) {
	if a.Module != model.ModuleSecrets && a.Module != model.ModuleCICD {
		return PutResult{}, model.Errorf(model.Invalid, "secrets are put through the modules %s and %s", model.ModuleSecrets, model.ModuleCICD)
	}
	p, err := command.Authorize(tx, m.Actor, m.At, change(a.Module), nil)
	if err != nil {
		return PutResult{}, err
	}
	if a.Owner == "" {
		a.Owner = p.Authorization.ID
	}
	old, err := resolve(tx, a)
	if err != nil {
		return PutResult{}, err
	}
	s := model.DSMSecret{Engine: "Generic", Owner: a.Owner, Enabled: true, CreatedBy: p.Authorization.ID, CreatedAt: m.At}
	switch {
	case old == nil:
		if strings.Trim(a.Identity, "0123456789") == "" {
			return PutResult{}, model.Errorf(model.Invalid, "an identity must not be purely numeric: it would be mistaken for an id").WithField("identity")
		}
		if err := mayGrant(tx, p, a.Owner, "authorization"); err != nil {
			return PutResult{}, err
		}
		s.ID, s.Number, s.Identity = model.DSMSecretID(m.NewID(0)), state.Next(tx, "dsm"), a.Identity
	case a.Create && !old.Active(m.At):
		return PutResult{}, model.Errorf(model.Conflict, "there is a secret with this identity already, which is inactive").WithField("identity")
	case a.Create:
		return PutResult{}, model.Errorf(model.Conflict, "there is a secret with this identity already").WithField("identity")
	case a.Revision != 0 && a.Revision != old.Revision:
		return PutResult{}, model.Errorf(model.Conflict, "the secret changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
	default:
		s = *old
		if err := mayChange(p, old); err != nil { // authorized twice: on the row as it is, and below as it becomes
			return PutResult{}, err
		}
	}
	if err := state.Staying(tx, s.Owner); err != nil {
		return PutResult{}, err.WithField("authorization")
	}
	if err := patch(&s, a); err != nil {
		return PutResult{}, err
	}
	if err := mayChange(p, &s); err != nil {
		return PutResult{}, err
	}
	r := PutResult{Created: old == nil}
	if a.Data != nil {
		if r.Kept, err = data(tx, m, s.Owner, a.Module == model.ModuleCICD, *a.Data); err != nil {
			return PutResult{}, err
		}
	}
	if err := readers(tx, p, &s, a.Readers); err != nil {
		return PutResult{}, err
	}
	if old != nil && wider(old, &s) { // whoever gets to see a reference gets it from a caller that may read the account
		before := inForce(tx, old)
		if err := mayReferAll(tx, m, before.References()); err != nil {
			return PutResult{}, err
		}
		for _, pair := range before.Ephemerals() {
			if err := mayProvision(tx, m, "", pair); err != nil {
				return PutResult{}, err
			}
		}
	}
	if a.Data != nil && (old == nil || !model.SameData(*a.Data, inForce(tx, old).Entries)) {
		addVersion(tx, m, &s, *a.Data, 0)
		r.Changed = true
	}
	if err := renewal(tx, m, &s, a); err != nil {
		return PutResult{}, err
	}
	same := state.DSMSecrets.Holds(tx, &s)
	if !same {
		store(tx, &s)
	}
	tx.Emit(audit.DSMPut.With("secret", string(s.ID), "number", number(s.Number), "identity", s.Identity, "owner", string(s.Owner), "version", number(s.Version), "change", string(model.EffectOf(r.Created, same))))
	happened(tx, m, old, &s)
	r.Secret = s
	return r, nil
}).AuditDenials()

func resolve(tx *table.Tx, a PutArgs) (*model.DSMSecret, error) {
	if a.ID != "" {
		return find(tx, a.ID)
	}
	if s, ok := state.DSMSecrets.First(tx, "identity", state.IdentityKey(a.Owner, a.Identity)); ok {
		return s, nil
	}
	if a.Identity == "" {
		return nil, model.Errorf(model.Invalid, "The secret's identity was not informed").WithCode(1004).WithField("identity")
	}
	return nil, nil
}

func patch(s *model.DSMSecret, a PutArgs) error {
	for _, f := range []struct {
		name  string
		from  *string
		to    *string
		limit int
	}{
		{"identity", &s.Identity, &s.Identity, 128}, {"name", a.Name, &s.Name, model.MaxName},
		{"engine", a.Engine, &s.Engine, model.MaxName}, {"description", a.Description, &s.Description, model.MaxText},
	} {
		if f.from == nil {
			continue
		}
		if err := model.CheckText(f.name, *f.from, f.limit); err != nil {
			return err
		}
		*f.to = *f.from
	}
	if s.Name == "" {
		s.Name = s.Identity
	}
	if s.Engine == "" {
		s.Engine = "Generic"
	}
	if a.Tags != nil {
		if err := model.CheckTags("tags", *a.Tags); err != nil {
			return err
		}
		s.Tags = *a.Tags
	}
	if a.ExpiresAt != nil {
		s.ExpiresAt = *a.ExpiresAt
	}
	return nil
}

// wider tells whether others may see the secret than before: by holding it, or by a filter of tags.
func wider(old, s *model.DSMSecret) bool {
	return !slices.Equal(old.Readers, s.Readers) || !slices.Equal(old.Tags, s.Tags)
}

func mayReferAll(tx *table.Tx, m command.Meta, ids []model.CredentialID) error {
	for _, id := range ids {
		if _, err := command.MayReference(tx, m.Actor, m.At, id, "data"); err != nil {
			return err
		}
	}
	return nil
}

// sources are the parts of an account that a reference can give.
var sources = []string{"username", "password", "hostname", "ip", "additional", "domain"}

// data checks entries and decides on every reference. From a pipeline (lenient), an account that the caller may not read
// stays what the client sent; otherwise it is refused. The client's value never replaces that of the account.
func data(tx *table.Tx, m command.Meta, owner model.AuthorizationID, lenient bool, entries []model.DSMEntry) (kept int, err error) {
	total := 0
	for i := range entries {
		e := &entries[i]
		if !slices.Contains([]model.DSMKind{model.DSMKeyValue, model.DSMAccessKey, model.DSMCredential, model.DSMEphemeral}, e.Kind) || len(e.Fields) == 0 {
			return 0, model.Errorf(model.Invalid, "an entry of the data is of no known kind, or empty").WithField("data")
		}
		if e.Kind == model.DSMEphemeral {
			if err := ephemeral(tx, m, owner, e); err != nil {
				return 0, err
			}
			total += len(e.Fields)
			continue
		}
		e.Device, e.Profile = "", ""
		if e.Credential != "" {
			_, err := command.MayReference(tx, m.Actor, m.At, e.Credential, "data")
			switch {
			case err == nil:
				dropValues(e)
			case lenient && hasValues(e):
				e.Credential = ""
			default:
				return 0, err
			}
		}
		if e.Kind == model.DSMCredential && e.Credential == "" {
			e.Kind = model.DSMKeyValue
			kept++
		}
		if err := fields(tx, e); err != nil {
			return 0, err
		}
		if total += len(e.Fields); total > model.MaxDSMFields {
			return 0, model.Errorf(model.Invalid, "a secret has at most %d values", model.MaxDSMFields).WithField("data")
		}
	}
	return kept, nil
}

func hasValues(e *model.DSMEntry) bool {
	return slices.ContainsFunc(e.Fields, func(f model.DSMField) bool { return !f.Secret.IsZero() })
}

// dropValues leaves only the parts of the account.
func dropValues(e *model.DSMEntry) {
	e.Kind = model.DSMCredential
	e.Fields = slices.DeleteFunc(e.Fields, func(f model.DSMField) bool { return f.From == "" })
	for i := range e.Fields {
		f := &e.Fields[i]
		f.Row, f.Secret, f.Mark = "", model.Sealed{}, nil
	}
}

func fields(tx *table.Tx, e *model.DSMEntry) error {
	reference := e.Credential != ""
	e.Fields = slices.DeleteFunc(e.Fields, func(f model.DSMField) bool { return !reference && f.Secret.IsZero() })
	for i := range e.Fields {
		f := &e.Fields[i]
		if !reference {
			f.From = ""
		}
		switch {
		case f.Name == "":
			return model.Errorf(model.Invalid, "a value without a name").WithField("data")
		case reference && !slices.Contains(sources, f.From):
			return model.Errorf(model.Invalid, "an account has no such part").WithField("data")
		case !reference && f.Row == "":
			return model.Errorf(model.Internal, "a value without its place")
		}
		if err := model.CheckText("data", f.Name, model.MaxName); err != nil {
			return err
		}
		if err := state.CheckTerm(tx, f.Secret); err != nil {
			return err
		}
	}
	if len(e.Fields) == 0 {
		return model.Errorf(model.Invalid, "an entry of the data holds no value").WithField("data")
	}
	return nil
}

// StatusArgs name a secret and what it shall be.
type StatusArgs struct {
	ID      model.DSMSecretID `cbor:"id"`
	Enabled bool              `cbor:"enabled"`
}

var manage = authz.Action{Module: model.ModuleSecrets, Write: true, Right: model.CredentialWrite}

// SetStatus enables or disables a secret; a disabled one is handed out to nobody and keeps its versions.
var SetStatus = command.Define("dsm.status", 1, func(tx *table.Tx, m command.Meta, a StatusArgs) (model.DSMSecret, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return model.DSMSecret{}, err
	}
	s, err := find(tx, a.ID)
	if err != nil {
		return model.DSMSecret{}, err
	}
	if err := mayChange(p, s); err != nil {
		return model.DSMSecret{}, err
	}
	if s.Enabled == a.Enabled {
		return *s, nil
	}
	before := *s
	s.Enabled = a.Enabled
	store(tx, s)
	word := "no"
	if s.Enabled {
		word = "yes"
	}
	tx.Emit(audit.DSMStatus.With("secret", string(s.ID), "number", number(s.Number), "enabled", word))
	happened(tx, m, &before, s)
	return *s, nil
}).AuditDenials()

// RollbackArgs name a secret and a kept version of it.
type RollbackArgs struct {
	ID      model.DSMSecretID `cbor:"id"`
	Version uint64            `cbor:"version"`
}

// Rollback puts the data of a former version into force, as a new version.
var Rollback = command.Define("dsm.rollback", 1, func(tx *table.Tx, m command.Meta, a RollbackArgs) (model.DSMSecret, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, manage, nil)
	if err != nil {
		return model.DSMSecret{}, err
	}
	s, err := find(tx, a.ID)
	if err != nil {
		return model.DSMSecret{}, err
	}
	if err := mayChange(p, s); err != nil {
		return model.DSMSecret{}, err
	}
	v, ok := state.DSMVersions.Get(tx, state.DSMVersionKey(s.ID, a.Version))
	if !ok {
		return model.DSMSecret{}, model.Errorf(model.NotFound, "the secret has no such version any more").WithField("version")
	}
	if err := mayReferAll(tx, m, v.References()); err != nil {
		return model.DSMSecret{}, err
	}
	for _, pair := range v.Ephemerals() {
		if err := mayProvision(tx, m, s.Owner, pair); err != nil {
			return model.DSMSecret{}, err
		}
	}
	before := *s
	addVersion(tx, m, s, v.Entries, v.N)
	if err := renewal(tx, m, s, PutArgs{Data: &v.Entries}); err != nil {
		return model.DSMSecret{}, err
	}
	store(tx, s)
	tx.Emit(audit.DSMPut.With("secret", string(s.ID), "number", number(s.Number), "identity", s.Identity, "owner", string(s.Owner), "version", number(s.Version), "change", "rolled back"))
	happened(tx, m, &before, s)
	return *s, nil
}).AuditDenials()
