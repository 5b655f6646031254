package edge

import (
	"cmp"
	"context"
	"slices"
	"time"

	fsmdsm "cofre/fsm/dsm"
	"cofre/fsm/model"
	api "cofre/httpapi/dsm"
	"cofre/vault/access"
)

// secrets adapts access to the resource of application secrets: it turns the names that people use into ids.
type secrets struct {
	access    *access.Service
	unchanged func(a model.AuthorizationID, source string) // counts a reading that the client had already; nil: not counted
}

func (s *secrets) Caller(actor model.Actor) (*api.Application, error) {
	p, err := s.access.WhoAmI(actor)
	if err != nil {
		return nil, err
	}
	return &api.Application{Application: *p.Application, Authorization: *p.Authorization}, nil
}

func (s *secrets) Read(ctx context.Context, actor model.Actor, through model.Module, known []string) (*api.Application, error) {
	got, err := s.access.ReadDSM(ctx, actor, through, "", known)
	if err != nil {
		return nil, err
	}
	return s.opened(actor, got)
}

// opened shows the caller with the secrets that were read.
func (s *secrets) opened(actor model.Actor, got access.DSMReading) (*api.Application, error) {
	a, err := s.Caller(actor)
	if err != nil {
		access.WipeDSM(got.Secrets)
		return nil, err
	}
	a.Reading = s.reading(actor, got)
	for i := range got.Secrets {
		a.Secrets = append(a.Secrets, *read(&got.Secrets[i]))
	}
	return a, nil
}

func (s *secrets) reading(actor model.Actor, got access.DSMReading) api.Reading {
	if got.Unchanged && s.unchanged != nil {
		s.unchanged(actor.Authorization, actor.Source)
	}
	return api.Reading{Tag: got.Tag, Unchanged: got.Unchanged}
}

func read(o *access.OpenedDSM) *api.Item {
	i := &api.Item{Secret: o.Secret}
	i.Secret.Version = o.Version
	for _, e := range o.Entries {
		entry := api.Entry{Kind: e.Kind}
		for _, f := range e.Fields {
			entry.Fields = append(entry.Fields, api.Field(f))
		}
		i.Entries = append(i.Entries, entry)
	}
	return i
}

func (s *secrets) Open(ctx context.Context, actor model.Actor, name string, known []string) (*api.Item, error) {
	row, err := s.access.FindDSMToRead(ctx, actor, name)
	if err != nil {
		return nil, err
	}
	got, err := s.access.ReadDSM(ctx, actor, model.ModuleSecrets, row.ID, known)
	if err != nil {
		return nil, err
	}
	item := &api.Item{Secret: *row}
	if !got.Unchanged {
		item = read(&got.Secrets[0])
	}
	item.Reading = s.reading(actor, got)
	return item, nil
}

func (s *secrets) OpenVersion(ctx context.Context, actor model.Actor, name string, version uint64) (*api.Item, error) {
	row, err := s.access.FindDSM(ctx, actor, name)
	if err != nil {
		return nil, err
	}
	got, err := s.access.ReadDSMVersion(ctx, actor, row.ID, version)
	if err != nil {
		return nil, err
	}
	return read(&got), nil
}

func (s *secrets) item(row *model.DSMSecret) *api.Item {
	names := s.access.AuthorizationNames(append([]model.AuthorizationID{row.Owner}, row.Readers...)...)
	i := &api.Item{Secret: *row, Owner: names[row.Owner]}
	for _, r := range row.Readers {
		if names[r] != "" {
			i.Readers = append(i.Readers, names[r])
		}
	}
	return i
}

func (s *secrets) List(ctx context.Context, actor model.Actor, at model.Time, f api.Filter) ([]api.Item, error) {
	filter := access.DSMFilter{Disabled: f.Disabled, After: f.After, Limit: f.Limit}
	if f.Application != "" {
		id, err := s.access.FindApplication(ctx, f.Application)
		if err != nil {
			return nil, err
		}
		filter.Application = id
	}
	rows, err := s.access.ListDSM(actor, at, filter)
	if err != nil {
		return nil, err
	}
	if a, err := s.Caller(actor); err != nil || filter.Application != "" && len(rows) == 0 && a.Application.ID != filter.Application {
		return nil, model.Errorf(model.NotFound, "there is no such application, or no secret of it that you may see").WithField("application")
	}
	items := make([]api.Item, len(rows))
	for i := range rows {
		items[i] = *s.item(&rows[i])
	}
	return items, nil
}

func (s *secrets) Describe(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Item, []api.Version, error) {
	row, versions, err := s.access.DescribeDSM(ctx, actor, at, name)
	if err != nil {
		return nil, nil, err
	}
	failed, err := s.access.DSMErrors(ctx, actor, at, name)
	if err != nil {
		return nil, nil, err
	}
	out := make([]api.Version, len(versions))
	var before []model.DSMEntry
	for i, v := range versions {
		names, changed := differences(before, v.Entries)
		out[i] = api.Version{N: v.N, At: v.At, By: s.access.AuthorizationNames(v.By)[v.By], Of: v.Of, Names: names, Changed: changed}
		before = v.Entries
	}
	item := s.item(row)
	item.Errors = len(failed)
	return item, out, nil
}

// differences lists the names of the values of a version, and those that are new, gone or of another value than before.
func differences(before, after []model.DSMEntry) (names, changed []string) {
	was, is := byName(before), byName(after)
	for name, e := range is {
		names = append(names, name)
		if old, ok := was[name]; !ok || !model.SameData(old, e) {
			changed = append(changed, name)
		}
	}
	for name := range was {
		if _, ok := is[name]; !ok {
			changed = append(changed, name)
		}
	}
	slices.Sort(names)
	slices.Sort(changed)
	return names, changed
}

// byName cuts data into entries of one value each.
func byName(entries []model.DSMEntry) map[string][]model.DSMEntry {
	out := map[string][]model.DSMEntry{}
	for _, e := range entries {
		for _, f := range e.Fields {
			one := e
			one.Fields = []model.DSMField{f}
			out[f.Name] = append(out[f.Name], one)
		}
	}
	return out
}

func (s *secrets) Put(ctx context.Context, actor model.Actor, p api.Put) (api.Done, error) {
	args := fsmdsm.PutArgs{Module: p.Through, Create: p.Create, Identity: p.Identity, Name: p.Title, Engine: p.Engine, Description: p.Description, Tags: p.Tags, ExpiresAt: p.ExpiresAt, Revision: p.Revision,
		RenewEphemeral: p.RenewEphemeral, RenewCredential: p.RenewCredential}
	if p.Name != "" {
		row, err := s.access.FindDSM(ctx, actor, p.Name)
		if err != nil {
			return api.Done{}, err
		}
		args.ID, args.Identity = row.ID, row.Identity
	} else if p.Owner != (api.Owner{}) {
		owner, err := s.owner(ctx, p.Owner)
		if err != nil {
			return api.Done{}, err
		}
		args.Owner = owner
	}
	if p.Readers != nil {
		readers := []model.AuthorizationID{}
		for _, r := range *p.Readers {
			id, err := s.owner(ctx, r)
			if err != nil {
				return api.Done{}, in(err, "readers")
			}
			readers = append(readers, id)
		}
		args.Readers = &readers
	}
	data, err := s.data(ctx, p.Data)
	if err != nil {
		return api.Done{}, err
	}
	r, err := s.access.PutDSM(ctx, actor, args, data)
	if err != nil {
		return api.Done{}, err
	}
	done := api.Done{Item: s.item(&r.Secret), Created: r.Created, Kept: r.Kept}
	if p.RenewCredential != nil && *p.RenewCredential != 0 {
		readers, since := s.access.RecentReaders(r.Secret.ID, model.TimeOf(time.Now()))
		done.Since = since
		for _, reader := range readers {
			done.Readers = append(done.Readers, api.Reader{Authorization: s.access.AuthorizationNames(reader.Authorization)[reader.Authorization], At: reader.At})
		}
	}
	return done, nil
}

func (s *secrets) owner(ctx context.Context, o api.Owner) (model.AuthorizationID, error) {
	a, err := s.access.FindAuthorization(ctx, o.Application, o.System, o.Environment, o.Authorization)
	if err != nil {
		return "", err
	}
	return a.ID, nil
}

func (s *secrets) data(ctx context.Context, data []api.Data) ([]access.DSMData, error) {
	if data == nil {
		return nil, nil
	}
	out := []access.DSMData{}
	for _, d := range data {
		e := access.DSMData{Kind: d.Kind, Type: d.Type}
		for _, v := range d.Values {
			e.Values = append(e.Values, access.DSMValue(v))
		}
		if d.Kind == model.DSMEphemeral {
			dev, err := s.access.FindDevice(ctx, d.Device)
			if err != nil {
				return nil, of(err, d.At+".device")
			}
			profile, err := s.access.FindProfile(ctx, d.Profile)
			if err != nil {
				return nil, of(err, d.At+".profile")
			}
			e.Device, e.Profile = dev.ID, profile.ID
			if len(e.Values) == 0 {
				for _, f := range fsmdsm.DefaultParts(profile.Executor) {
					e.Values = append(e.Values, access.DSMValue{Name: f.Name, From: f.From})
				}
			}
		}
		if d.Account != "" {
			switch c, err := s.access.FindCredential(ctx, d.Account); {
			case err == nil:
				e.Credential = c.ID
			case !d.Match || !model.Is(err, model.Invalid):
				return nil, in(err, cmp.Or(d.At, "data"))
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func (s *secrets) named(ctx context.Context, actor model.Actor, name string) (model.DSMSecretID, error) {
	if name == "" {
		return "", nil
	}
	row, err := s.access.FindDSMToRead(ctx, actor, name)
	if err != nil {
		return "", err
	}
	return row.ID, nil
}

func (s *secrets) Provision(ctx context.Context, actor model.Actor, name, pod string) (*api.Application, error) {
	id, err := s.named(ctx, actor, name)
	if err != nil {
		return nil, err
	}
	got, err := s.access.ProvisionDSM(ctx, actor, id, pod)
	if err != nil {
		return nil, err
	}
	return s.opened(actor, got)
}

func (s *secrets) Deprovision(ctx context.Context, actor model.Actor, name, pod string) (int, error) {
	id, err := s.named(ctx, actor, name)
	if err != nil {
		return 0, err
	}
	return s.access.DeprovisionDSM(ctx, actor, id, pod)
}

func (s *secrets) SetStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (*api.Item, error) {
	row, err := s.access.FindDSM(ctx, actor, name)
	if err != nil {
		return nil, err
	}
	changed, err := s.access.SetDSMStatus(ctx, actor, row.ID, enabled)
	if err != nil {
		return nil, err
	}
	return s.item(&changed), nil
}

func (s *secrets) Rollback(ctx context.Context, actor model.Actor, name string, version uint64) (*api.Item, error) {
	row, err := s.access.FindDSM(ctx, actor, name)
	if err != nil {
		return nil, err
	}
	changed, err := s.access.RollbackDSM(ctx, actor, row.ID, version)
	if err != nil {
		return nil, err
	}
	return s.item(&changed), nil
}

func (s *secrets) Leave(ctx context.Context, actor model.Actor) error {
	return s.access.Leave(ctx, actor)
}

func (s *secrets) Register(ctx context.Context, actor model.Actor, at model.Time, r api.Register) (api.Registered, error) {
	var profiles []fsmdsm.NamedProfile
	for _, p := range r.Profiles {
		profiles = append(profiles, fsmdsm.NamedProfile(p))
	}
	keys, done, err := s.access.RegisterDSM(ctx, actor, fsmdsm.RegisterArgs{Profiles: profiles, Application: r.Application, System: r.System, Environment: r.Environment, Description: r.Description,
		Tags: r.Tags, Modules: r.Modules, IPs: r.IPs, ExpiresAt: r.ExpiresAt, Unique: r.Unique, Referrers: r.Referrers, Certificate: r.Certificate, PublicKey: r.PublicKey}, at)
	if err != nil {
		return api.Registered{}, err
	}
	return api.Registered{ClientID: keys.ClientID, Secret: keys.Secret, Created: done.Created}, nil
}
