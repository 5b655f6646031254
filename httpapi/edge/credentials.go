package edge

import (
	"context"
	"errors"
	"strings"

	"cofre/fsm/credential"
	"cofre/fsm/model"
	"cofre/httpapi/compat"
	api "cofre/httpapi/credential"
	"cofre/vault/access"
)

// credentials adapts access to the credential resource: it turns the names that people use into ids.
type credentials struct {
	access   *access.Service
	executor plugins
}

// Read opens the secret unless the caller may not or there is none; before it says so, it looks on a consistent reading.
func (c *credentials) Read(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Item, error) {
	for try := 0; ; try++ {
		d, err := c.access.Describe(ctx, actor, at, name)
		if err == nil && d.Readable && d.Credential.ByRole(model.RoleCurrent) != nil {
			return c.Open(ctx, actor, name)
		}
		switch {
		case try == 0:
			if err := c.access.Fresh(ctx); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		default:
			return c.item(ctx, actor, d), nil
		}
	}
}

func (c *credentials) Open(ctx context.Context, actor model.Actor, name string) (*api.Item, error) {
	o, err := c.access.CheckOut(ctx, actor, name)
	if err != nil {
		return nil, err
	}
	item := c.item(ctx, actor, &o.Described)
	item.Secret, item.Version, item.Until, item.Change = &o.Value, o.Version, o.Until, o.Change
	return item, nil
}

func (c *credentials) Describe(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Item, error) {
	d, err := c.access.Describe(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	return c.item(ctx, actor, d), nil
}

// item adds the names of what the credential points at; what is gone meanwhile has no name, and a credential that the caller does
// not reach is not named to him.
func (c *credentials) item(ctx context.Context, actor model.Actor, d *access.Described) *api.Item {
	i := &api.Item{Credential: d.Credential, Device: d.Device, Parent: d.Parent, Change: d.Credential.RotateAt}
	i.Key, i.Accepts = c.keyView(ctx, &d.Credential)
	i.Credential.Versions = nil
	if d.Parent != nil {
		if name := c.access.Named(actor, d.Parent.ID); name == access.Hidden {
			i.Parent = &model.Credential{ID: d.Parent.ID, Number: d.Parent.Number, Identifier: name, Username: name}
		}
	}
	for id, name := range map[model.PolicyID]*string{d.Credential.Policy: &i.Policy, d.Credential.Governed: &i.Governed} {
		if id == "" { // a name that is not found costs a round to the leader
			continue
		}
		if p, err := c.access.FindPolicy(ctx, string(id)); err == nil {
			*name = p.Name
		}
	}
	x := d.Credential.Execution
	if x.ChangeTemplate != "" {
		if t, err := c.access.FindTemplate(ctx, x.Executor, string(x.ChangeTemplate)); err == nil {
			i.Template = t.Name
		}
	}
	if r := x.Reconcile; r != (model.Reconciliation{}) {
		i.Reconcile = api.ReconcileView{Autorun: r.Autorun, Executor: string(r.Executor)}
		if t, err := c.access.FindTemplate(ctx, r.Executor, string(r.Template)); err == nil {
			i.Reconcile.Template = t.Name
		}
		i.Reconcile.Authentication = c.access.Named(actor, r.Authentication)
	}
	if j := d.Credential.JIT; j != nil {
		i.JIT = api.JITView{Executor: string(j.Executor), State: j.State.String(), Failures: j.Failures}
		for _, t := range []struct {
			id model.TemplateID
			to *string
		}{{j.Activate, &i.JIT.Activate}, {j.Deactivate, &i.JIT.Deactivate}} {
			if found, err := c.access.FindTemplate(ctx, j.Executor, string(t.id)); err == nil {
				*t.to = found.Name
			}
		}
		i.JIT.Authentication = c.access.Named(actor, j.Authentication)
	}
	i.Authentication = c.access.Named(actor, x.Authentication)
	return i
}

func (c *credentials) List(ctx context.Context, actor model.Actor, at model.Time, f api.Filter) ([]api.Item, error) {
	filter := access.ListFilter{Tag: f.Tag, Type: f.Type, Search: f.Search, Disabled: f.Disabled, Exact: access.Exact(f.Exact), After: f.After, Limit: f.Limit}
	if f.Device != "" {
		d, err := c.access.FindDevice(ctx, f.Device)
		if err != nil {
			return nil, in(err, "device")
		}
		filter.Device = d.ID
	}
	rows, err := c.access.List(actor, at, filter)
	if err != nil {
		return nil, err
	}
	items := make([]api.Item, len(rows))
	for i := range rows {
		items[i] = *c.item(ctx, actor, &rows[i])
	}
	return items, nil
}

// in names the field that an error is about, if it does not say so itself.
func in(err error, field string) error {
	var e *model.Error
	if errors.As(err, &e) && e.Field == "" {
		named := *e
		named.Field = field
		return &named
	}
	return err
}

// of makes an error about a name that a field refers to: what is not there is that field's fault.
func of(err error, field string) error {
	var e *model.Error
	if !errors.As(err, &e) {
		return err
	}
	named := *e
	if named.Field = field; named.Kind == model.NotFound {
		named.Kind = model.Invalid
	}
	return &named
}

func (c *credentials) Put(ctx context.Context, actor model.Actor, at model.Time, p api.Put) (*api.Item, model.Effect, error) {
	args := credential.PutArgs{Identifier: p.Identifier, Username: p.Username, Domain: p.Domain, Type: p.Type, Additional: p.Additional, Tags: p.Tags, Enabled: p.Enabled, Revision: p.Revision}
	if p.Name != "" {
		found, err := c.access.FindCredential(ctx, p.Name)
		if err != nil {
			return nil, "", err
		}
		args.ID = found.ID
	}
	if err := c.keyHost(ctx, actor, at, &p); err != nil {
		return nil, "", err
	}
	if err := c.device(ctx, p, &args); err != nil {
		return nil, "", err
	}
	if err := c.references(ctx, p, &args); err != nil {
		return nil, "", err
	}
	if args.ID == "" && args.Username == nil {
		none := ""
		args.Username = &none // the vendor's default is set by the reducer
	}
	if s := (credential.SettingsPatch{Owner: p.Owner, Criticality: p.Criticality, ServerPath: p.ServerPath, Notes: p.Notes}); s != (credential.SettingsPatch{}) {
		args.Settings = &s
	}
	args.Create = p.Create
	value := p.Secret
	if p.Key != nil {
		made, err := c.key(ctx, p, &args)
		if err != nil {
			return nil, "", err
		}
		if made != nil {
			value = made
			defer made.Wipe()
		}
	}
	r, err := c.access.PutCredential(ctx, actor, at, args, value, p.TOTP)
	if err != nil {
		return nil, "", err
	}
	i := c.item(ctx, actor, c.access.WhatBelongsTo(&r.Credential))
	if i.Key != nil { // the answer to a put holds no versions, and so no public half
		if d, err := c.access.Describe(ctx, actor, at, string(r.Credential.ID)); err == nil {
			i.Key, i.Accepts = c.keyView(ctx, &d.Credential)
		}
	}
	return i, model.EffectOf(r.Created, r.Unchanged), nil
}

// keyHost reads the host name of an SSH key, which may be a pattern: the first device that fits becomes the key's own, unless it has one.
func (c *credentials) keyHost(ctx context.Context, actor model.Actor, at model.Time, p *api.Put) error {
	if p.Key == nil || p.Hostname == nil || !model.IsHostPattern(*p.Hostname) {
		return nil
	}
	pattern := *p.Hostname
	p.Key.Pattern, p.Hostname = &pattern, nil
	known := p.Name
	if known == "" && !p.Create {
		known = p.Identifier
	}
	if known != "" {
		if _, err := c.access.FindCredential(ctx, known); err == nil {
			return model.CheckHostPattern("hostname", pattern)
		}
	}
	d, err := c.firstOf(actor, at, pattern)
	if err == nil {
		p.Hostname = &d.Hostname
	}
	return err
}

// device finds the device that a put names. The vendor's codes: 1004 no host name, 1005 no address either, 1011 unknown.
func (c *credentials) device(ctx context.Context, p api.Put, args *credential.PutArgs) error {
	host, ip := "", ""
	if p.Hostname != nil {
		host = *p.Hostname
	}
	if p.IP != nil {
		ip = strings.TrimSpace(*p.IP)
	}
	if host == "" {
		if args.ID != "" {
			return nil
		}
		if p.Identifier != "" && !p.Create {
			if _, err := c.access.FindCredential(ctx, p.Identifier); err == nil {
				return nil // an update by identifier keeps the device
			}
		}
		return model.Errorf(model.Invalid, "The device's hostname was not informed").WithCode(1004).WithField("hostname")
	}
	d, err := c.access.FindDevice(ctx, host)
	switch {
	case model.Is(err, model.Invalid) && ip == "" && !p.Create && p.Name == "":
		return model.Errorf(model.Invalid, "The device is not known and its ip address was not informed").WithCode(1005).WithField("ip")
	case err != nil:
		return in(err, "hostname")
	case ip != "" && d.IP != "" && ip != d.IP:
		return model.Errorf(model.Invalid, "Device not found: the host name belongs to another address").WithCode(1011).WithField("ip")
	}
	args.Device = d.ID
	return nil
}

func (c *credentials) references(ctx context.Context, p api.Put, args *credential.PutArgs) error {
	id := func(name *string, ip, field string) (*model.CredentialID, error) {
		if name == nil {
			return nil, nil
		}
		var none model.CredentialID
		if *name == "" || *name == "0" {
			return &none, nil
		}
		find := c.access.FindCredential
		if ip != "" {
			find = func(ctx context.Context, name string) (*model.Credential, error) {
				return c.access.FindCredentialAt(ctx, name, ip)
			}
		}
		found, err := find(ctx, *name)
		if err != nil {
			return nil, in(err, field)
		}
		return &found.ID, nil
	}
	var err error
	if args.Parent, err = id(p.Parent, p.Addresses.Parent, "parent"); err != nil {
		return err
	}
	if p.JIT != (api.JITBody{}) {
		args.JIT = &credential.JITPatch{}
		if args.JIT.Authentication, err = id(p.JIT.Authentication, p.Addresses.JIT, "jit.authentication"); err != nil {
			return err
		}
		if args.JIT.Activate, err = c.template(ctx, p.JIT.Activate, p.Plugins.Activate, "jit.activate"); err != nil {
			return err
		}
		if args.JIT.Deactivate, err = c.template(ctx, p.JIT.Deactivate, p.Plugins.Deactivate, "jit.deactivate"); err != nil {
			return err
		}
	}
	if p.Policy != nil {
		var policy model.PolicyID
		if *p.Policy != "" {
			found, err := c.access.FindPolicy(ctx, *p.Policy)
			if err != nil {
				return err
			}
			policy = found.ID
		}
		args.Policy = &policy
	}
	x := credential.ExecutionPatch{Automatic: p.Automatic}
	if x.Authentication, err = id(p.Authentication, p.Addresses.Authentication, "authentication_credential"); err != nil {
		return err
	}
	if p.Executor != nil {
		e, err := c.executor.named(*p.Executor, "change_plugin")
		if err != nil {
			return err
		}
		x.Executor = &e
	}
	if x.ChangeTemplate, err = c.template(ctx, p.Template, p.Executor, "change_template"); err != nil {
		return err
	}
	if p.Reconcile != (api.ReconcileBody{}) {
		x.Reconcile = &credential.ReconcilePatch{Autorun: p.Reconcile.Autorun}
		if x.Reconcile.Authentication, err = id(p.Reconcile.Authentication, p.Addresses.Reconcile, "reconcile.authentication"); err != nil {
			return err
		}
		if x.Reconcile.Template, err = c.template(ctx, p.Reconcile.Template, p.Plugins.Reconcile, "reconcile.template"); err != nil {
			return err
		}
	}
	if x != (credential.ExecutionPatch{}) {
		args.Execution = &x
	}
	return nil
}

// template finds the template that a patch names, of an executor if that is named too; nil: not named, empty: none.
func (c *credentials) template(ctx context.Context, name, plugin *string, field string) (*model.TemplateID, error) {
	if name == nil {
		return nil, nil
	}
	var none model.TemplateID
	if *name == "" {
		return &none, nil
	}
	var e model.ExecutorName
	if plugin != nil {
		var err error
		if e, err = c.executor.named(*plugin, field); err != nil {
			return nil, err
		}
	}
	t, err := c.access.FindTemplate(ctx, e, *name)
	if err != nil {
		return nil, in(err, field)
	}
	return &t.ID, nil
}

func (c *credentials) SetStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (*model.Credential, error) {
	return c.access.SetCredentialStatus(ctx, actor, name, enabled)
}

func (c *credentials) Custodies(ctx context.Context, actor model.Actor, at model.Time, name string) ([]api.Custody, error) {
	held, err := c.access.Custodies(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	out := make([]api.Custody, len(held))
	for i, h := range held {
		out[i] = api.Custody{ID: h.Custody.ID, Credential: h.Credential.Number, Identifier: h.Credential.Identifier, Username: h.Credential.Username, Hostname: h.Device.Hostname,
			Type: h.Credential.Type, Additional: h.Credential.Additional, Holder: h.Holder, Mine: h.Mine, Version: h.Custody.Version, Since: compat.Time(h.Custody.Since), Until: compat.Time(h.Custody.Until),
			ChangedAt: compat.Time(h.Credential.ChangedAt), ViewedAt: compat.Time(h.Credential.ViewedAt), RotateAt: compat.Time(h.Credential.RotateAt)}
	}
	return out, nil
}

func (c *credentials) Release(ctx context.Context, actor model.Actor, name string) (api.Released, error) {
	r, found, err := c.access.Release(ctx, actor, name)
	if err != nil {
		return api.Released{}, err
	}
	out := api.Released{Number: found.Number}
	if r.Operation != "" {
		out.Operation = &r.Number
	}
	return out, nil
}
