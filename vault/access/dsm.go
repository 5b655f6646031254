package access

import (
	"context"
	"slices"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// DSMValue is one named value to put: a plaintext, or, with From, a part of the entry's account; with both, the account's
// part if the caller may refer to it.
type DSMValue struct {
	Name  string
	From  string
	Value *secret.Value
}

// DSMData is one entry to put.
type DSMData struct {
	Kind       model.DSMKind
	Type       string
	Credential model.CredentialID
	Device     model.DeviceID // of an ephemeral entry ...
	Profile    model.ProfileID
	Values     []DSMValue
}

// OpenedDSM is a secret that was read: the caller wipes the values.
type OpenedDSM struct {
	Secret  model.DSMSecret
	Version uint64
	Entries []OpenedEntry
}

// OpenedEntry is one object of its data.
type OpenedEntry struct {
	Kind   model.DSMKind
	Fields []OpenedField
}

// OpenedField is one value.
type OpenedField struct {
	Name  string
	Value secret.Value
}

// WipeDSM wipes what was read.
func WipeDSM(all []OpenedDSM) {
	for _, o := range all {
		for _, e := range o.Entries {
			for _, f := range e.Fields {
				f.Value.Wipe()
			}
		}
	}
}

// ReadDSM reads every secret that the caller holds, or the one with an id: the read is committed first, then the values
// of exactly the versions that it lists are decrypted here. known are the tags of readings that the caller has: if one of
// them is still right, nothing is read and nothing is shown.
func (s *Service) ReadDSM(ctx context.Context, actor model.Actor, through model.Module, id model.DSMSecretID, known []string) (DSMReading, error) {
	if err := s.unsealed(); err != nil {
		return DSMReading{}, err
	}
	args := dsm.ReadArgs{Module: through, ID: id}
	if len(known) > 0 {
		if tag, err := s.unchangedDSM(ctx, actor, args, known); err != nil || tag != "" {
			return DSMReading{Tag: tag, Unchanged: tag != ""}, err
		}
	}
	return s.readDSM(ctx, actor, args)
}

func (s *Service) readDSM(ctx context.Context, actor model.Actor, args dsm.ReadArgs) (DSMReading, error) {
	r, err := s.awaitDSM(ctx, actor, args)
	if err != nil {
		return DSMReading{}, err
	}
	v := s.views.View()
	defer v.Close()
	var out DSMReading
	for _, one := range r.Secrets {
		o, err := s.openDSM(v, one, false)
		out.Secrets = append(out.Secrets, o)
		if err != nil {
			WipeDSM(out.Secrets)
			return DSMReading{}, err
		}
	}
	slices.SortFunc(out.Secrets, func(a, b OpenedDSM) int { return int(a.Secret.Number) - int(b.Secret.Number) })
	if out.Tag, err = s.tagDSM(v, actor, args, r); err != nil {
		WipeDSM(out.Secrets)
		return DSMReading{}, err
	}
	return out, nil
}

// ReadDSMVersion reads a kept version of a secret, without dynamic users, for who could bring it back.
func (s *Service) ReadDSMVersion(ctx context.Context, actor model.Actor, id model.DSMSecretID, version uint64) (OpenedDSM, error) {
	if err := s.unsealed(); err != nil {
		return OpenedDSM{}, err
	}
	r, err := command.Propose(ctx, s.proposer, dsm.ReadVersion, actor, dsm.ReadVersionArgs{ID: id, Version: version})
	if err != nil {
		return OpenedDSM{}, err
	}
	v := s.views.View()
	defer v.Close()
	o, err := s.openDSM(v, r, true)
	if err != nil {
		WipeDSM([]OpenedDSM{o})
		return OpenedDSM{}, err
	}
	return o, nil
}

// openDSM decrypts what a committed read names; kept: of a version that is not in force, without its dynamic users.
func (s *Service) openDSM(v table.Reader, r dsm.ReadSecret, kept bool) (OpenedDSM, error) {
	gone := model.Errorf(model.Unavailable, "the secret changed while it was read: try again")
	row, ok := state.DSMSecrets.Get(v, string(r.ID))
	if ok && r.Version == 0 { // nobody put values into it yet
		return OpenedDSM{Secret: *row}, nil
	}
	version, found := state.DSMVersions.Get(v, state.DSMVersionKey(r.ID, r.Version))
	if !ok || !found {
		return OpenedDSM{}, gone
	}
	o := OpenedDSM{Secret: *row, Version: r.Version}
	for _, e := range version.Entries {
		if e.Kind == model.DSMEphemeral && kept {
			continue
		}
		entry := OpenedEntry{Kind: e.Kind}
		for _, f := range e.Fields {
			var value secret.Value
			var err error
			switch {
			case e.Kind == model.DSMEphemeral:
				value, err = s.userPart(v, &e, f.From, r.Users)
			case f.From == "":
				value, err = s.keys.Decrypt(Place(f.Row), f.Secret)
			default:
				value, err = s.part(v, e.Credential, f.From, r.Accounts)
			}
			if err != nil {
				o.Entries = append(o.Entries, entry)
				return o, err
			}
			entry.Fields = append(entry.Fields, OpenedField{f.Name, value})
		}
		o.Entries = append(o.Entries, entry)
	}
	return o, nil
}

// part gives a part of an account, of the secret version whose read was committed.
func (s *Service) part(v table.Reader, id model.CredentialID, from string, read []dsm.ReadAccount) (secret.Value, error) {
	gone := model.Errorf(model.Unavailable, "the account changed while it was read: try again")
	i := slices.IndexFunc(read, func(a dsm.ReadAccount) bool { return a.Credential == id })
	c, ok := state.Credentials.Get(v, string(id))
	if i < 0 || !ok {
		return secret.Value{}, gone
	}
	if from == "password" {
		version := c.Version(read[i].Version)
		if version == nil {
			return secret.Value{}, gone
		}
		return s.keys.Decrypt(Place(version.Row), version.Secret)
	}
	d, _ := state.Devices.Get(v, string(c.Device))
	return secret.New([]byte(c.Part(from, d))), nil
}

// PutDSM creates or changes a secret; data, if not nil, becomes its next version. The caller wipes the values.
func (s *Service) PutDSM(ctx context.Context, actor model.Actor, args dsm.PutArgs, data []DSMData) (dsm.PutResult, error) {
	if data != nil {
		entries := []model.DSMEntry{}
		for _, d := range data {
			e := model.DSMEntry{Kind: d.Kind, Type: d.Type, Credential: d.Credential, Device: d.Device, Profile: d.Profile}
			for _, v := range d.Values {
				f, err := s.sealField(v, args.Identity)
				if err != nil {
					return dsm.PutResult{}, err
				}
				e.Fields = append(e.Fields, f)
			}
			entries = append(entries, e)
		}
		args.Data = &entries
	}
	return command.Propose(ctx, s.proposer, dsm.Put, actor, args)
}

// sealField encrypts a value, and marks it with a keyed fingerprint so that putting the same again makes no new version.
func (s *Service) sealField(v DSMValue, identity string) (model.DSMField, error) {
	f := model.DSMField{Name: v.Name, From: v.From}
	if v.Value == nil {
		return f, nil
	}
	f.Row = newRow()
	var err error
	if f.Secret, err = s.keys.Encrypt(Place(f.Row), *v.Value); err != nil {
		return f, err
	}
	err = v.Value.Reveal(func(b []byte) error {
		message := append([]byte("dsm-value\x00"+identity+"\x00"+v.Name+"\x00"), b...)
		defer clear(message)
		_, mac, err := s.named.MAC(KeyPepper, 0, message)
		if err == nil {
			f.Mark = mac[:16]
		}
		return err
	})
	return f, err
}

// SetDSMStatus enables or disables a secret.
func (s *Service) SetDSMStatus(ctx context.Context, actor model.Actor, id model.DSMSecretID, enabled bool) (model.DSMSecret, error) {
	return command.Propose(ctx, s.proposer, dsm.SetStatus, actor, dsm.StatusArgs{ID: id, Enabled: enabled})
}

// RollbackDSM puts a former version of a secret into force again.
func (s *Service) RollbackDSM(ctx context.Context, actor model.Actor, id model.DSMSecretID, version uint64) (model.DSMSecret, error) {
	return command.Propose(ctx, s.proposer, dsm.Rollback, actor, dsm.RollbackArgs{ID: id, Version: version})
}

// DSMFilter narrows a list of secrets. After is the last number of the page before; Limit 0 means all.
type DSMFilter struct {
	Application model.ApplicationID
	Disabled    bool
	After       uint64
	Limit       int
}

// ListDSM lists the secrets that the caller holds or reaches, without values, in the order of their numbers.
func (s *Service) ListDSM(actor model.Actor, at model.Time, f DSMFilter) ([]model.DSMSecret, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModuleSecrets}, nil)
	if err != nil {
		return nil, err
	}
	out := []model.DSMSecret{}
	for row := range state.DSMSecrets.Range(v, "number", table.NumberKey(f.After+1), table.NumberKey(^uint64(0))) {
		if !row.HeldBy(p.Authorization.ID) && !dsm.Reaches(p.Authorization, row) || !f.Disabled && !row.Active(at) {
			continue
		}
		if f.Application != "" {
			if owner, ok := state.Authorizations.Get(v, string(row.Owner)); !ok || owner.Application != f.Application {
				continue
			}
		}
		if out = append(out, *row); f.Limit > 0 && len(out) == f.Limit {
			break
		}
	}
	return out, nil
}

// DescribeDSM finds a secret that the caller may see and lists its versions, oldest first, without values.
func (s *Service) DescribeDSM(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.DSMSecret, []model.DSMVersion, error) {
	row, err := s.FindDSM(ctx, actor, name)
	if err != nil {
		return nil, nil, err
	}
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModuleSecrets}, nil)
	if err != nil {
		return nil, nil, err
	}
	if !row.HeldBy(p.Authorization.ID) && !dsm.Reaches(p.Authorization, row) {
		return nil, nil, model.Errorf(model.Denied, "No access to secret").WithCode(1009)
	}
	var versions []model.DSMVersion
	for version := range state.DSMVersionsOf(v, row.ID) {
		versions = append(versions, *version)
	}
	return row, versions, nil
}
