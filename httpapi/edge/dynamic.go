package edge

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	fsmdynamic "cofre/fsm/dynamic"
	"cofre/fsm/model"
	api "cofre/httpapi/dynamic"
	"cofre/vault/access"
)

// dynamics adapts access to the resource of dynamic users: it turns the names that people use into ids, and back.
type dynamics struct {
	access   *access.Service
	executor plugins
}

func (d *dynamics) profile(ctx context.Context, actor model.Actor, at model.Time, row *model.DynamicProfile) *api.Profile {
	p := &api.Profile{Row: *row}
	for _, t := range []struct {
		id model.TemplateID
		to *string
	}{{row.Create, &p.Create}, {row.Remove, &p.Remove}} {
		if t.id != "" {
			if found, err := d.access.FindTemplate(ctx, row.Executor, string(t.id)); err == nil {
				*t.to = found.Name
			}
		}
	}
	if row.Authentication != "" {
		if c, err := d.access.Describe(ctx, actor, at, string(row.Authentication)); err == nil {
			p.Authentication = c.Credential.Identifier
		}
	}
	if row.Policy != "" {
		if found, err := d.access.FindPolicy(ctx, string(row.Policy)); err == nil {
			p.Policy = found.Name
		}
	}
	for _, id := range row.Devices {
		p.Devices = append(p.Devices, d.hostname(ctx, id))
	}
	names := d.access.AuthorizationNames(row.Holders...)
	for _, h := range row.Holders {
		if names[h] != "" {
			p.Holders = append(p.Holders, names[h])
		}
	}
	return p
}

func (d *dynamics) hostname(ctx context.Context, id model.DeviceID) string {
	if dev, err := d.access.FindDevice(ctx, string(id)); err == nil {
		return dev.Hostname
	}
	return string(id)
}

func (d *dynamics) Profiles(ctx context.Context, actor model.Actor, at model.Time) ([]api.Profile, error) {
	rows, err := d.access.Profiles(actor, at)
	if err != nil {
		return nil, err
	}
	out := make([]api.Profile, len(rows))
	for i := range rows {
		out[i] = *d.profile(ctx, actor, at, &rows[i])
	}
	return out, nil
}

func (d *dynamics) Profile(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Profile, error) {
	row, err := d.access.Profile(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	return d.profile(ctx, actor, at, row), nil
}

// PutProfile merges what was sent into the profile as it is; its revision makes sure that nobody came between.
func (d *dynamics) PutProfile(ctx context.Context, actor model.Actor, at model.Time, p api.ProfilePatch) (*api.Profile, error) {
	row := model.DynamicProfile{Enabled: true, TTL: time.Hour.Milliseconds()}
	if p.Name != "" {
		old, err := d.access.Profile(ctx, actor, at, p.Name)
		if err != nil {
			return nil, err
		}
		row = *old
	}
	if p.Revision != 0 {
		row.Revision = p.Revision
	}
	if err := d.merge(ctx, &row, p); err != nil {
		return nil, err
	}
	done, err := d.access.PutProfile(ctx, actor, row)
	if err != nil {
		return nil, err
	}
	return d.profile(ctx, actor, at, &done), nil
}

func (d *dynamics) merge(ctx context.Context, row *model.DynamicProfile, p api.ProfilePatch) error {
	for _, f := range []struct{ to, from *string }{{&row.Identifier, p.Identifier}, {&row.Type, p.Type}, {&row.AuthUser, p.AuthUser}, {&row.Additional, p.Additional}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if err := d.executor.set(&row.Executor, p.Executor, "executor"); err != nil {
		return err
	}
	if p.Enabled != nil {
		row.Enabled = *p.Enabled
	}
	if p.TTL != nil {
		row.TTL = int64(*p.TTL)
	}
	if p.Life != nil {
		row.Life = int64(*p.Life)
	}
	for _, t := range []struct {
		field string
		from  *string
		to    *model.TemplateID
	}{{"create", p.Create, &row.Create}, {"remove", p.Remove, &row.Remove}} {
		if t.from != nil {
			found, err := d.access.FindTemplate(ctx, row.Executor, *t.from)
			if err != nil {
				return of(err, t.field)
			}
			*t.to = found.ID
		}
	}
	if p.Authentication != nil {
		row.Authentication = ""
		if *p.Authentication != "" {
			c, err := d.access.FindCredential(ctx, *p.Authentication)
			if err != nil {
				return in(err, "authentication")
			}
			row.Authentication = c.ID
			if p.AuthUser == nil {
				row.AuthUser = ""
			}
		}
	} else if p.AuthUser != nil && *p.AuthUser != "" {
		row.Authentication = ""
	}
	if p.Policy != nil {
		row.Policy = ""
		if *p.Policy != "" {
			found, err := d.access.FindPolicy(ctx, *p.Policy)
			if err != nil {
				return of(err, "policy")
			}
			row.Policy = found.ID
		}
	}
	return d.mergeLists(ctx, row, p)
}

func (d *dynamics) mergeLists(ctx context.Context, row *model.DynamicProfile, p api.ProfilePatch) error {
	if p.Devices != nil {
		row.Devices = nil
		for i, name := range *p.Devices {
			dev, err := d.access.FindDevice(ctx, name)
			if err != nil {
				return of(err, fmt.Sprintf("devices[%d]", i))
			}
			row.Devices = append(row.Devices, dev.ID)
		}
	}
	if p.Holders != nil {
		row.Holders = nil
		for i, name := range *p.Holders {
			app, auth, _ := strings.Cut(name, "/")
			found, err := d.access.FindAuthorization(ctx, app, "", "", auth)
			if err != nil {
				return of(err, fmt.Sprintf("holders[%d]", i))
			}
			row.Holders = append(row.Holders, found.ID)
		}
	}
	return nil
}

func (d *dynamics) DeleteProfile(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Profile, error) {
	row, err := d.access.Profile(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	done, err := d.access.DeleteProfile(ctx, actor, row.ID)
	if err != nil {
		return nil, err
	}
	return d.profile(ctx, actor, at, &done), nil
}

func (d *dynamics) application(ctx context.Context, name string) (model.ApplicationID, error) {
	return d.access.FindApplication(ctx, name)
}

func (d *dynamics) provisioning(ctx context.Context, actor model.Actor, at model.Time, row model.Provisioning) (*api.Provisioning, error) {
	_, live, err := d.access.Provisioning(actor, at, row.Application)
	if err != nil {
		return nil, err
	}
	p := &api.Provisioning{Automatic: row.Automatic, Quota: row.Quota, Live: live, Revision: row.Revision}
	if p.Quota == 0 {
		p.Quota = model.DefaultLeaseQuota
	}
	for _, pair := range row.Pairs {
		one := api.Pair{Device: d.hostname(ctx, pair.Device), Profile: string(pair.Profile)}
		if found, err := d.access.Profile(ctx, actor, at, one.Profile); err == nil {
			one.Profile = found.Identifier
		}
		p.Pairs = append(p.Pairs, one)
	}
	return p, nil
}

func (d *dynamics) Provisioning(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Provisioning, error) {
	app, err := d.application(ctx, name)
	if err != nil {
		return nil, err
	}
	row, _, err := d.access.Provisioning(actor, at, app)
	if err != nil {
		return nil, err
	}
	return d.provisioning(ctx, actor, at, row)
}

func (d *dynamics) PutProvisioning(ctx context.Context, actor model.Actor, at model.Time, name string, b api.ProvisioningBody) (*api.Provisioning, error) {
	app, err := d.application(ctx, name)
	if err != nil {
		return nil, err
	}
	row, _, err := d.access.Provisioning(actor, at, app)
	if err != nil {
		return nil, err
	}
	if b.Automatic != nil {
		row.Automatic = *b.Automatic
	}
	if b.Quota != nil {
		row.Quota = *b.Quota
	}
	if b.Revision != 0 {
		row.Revision = b.Revision
	}
	if b.Pairs != nil {
		row.Pairs = nil
		for i, pair := range *b.Pairs {
			dev, err := d.access.FindDevice(ctx, pair.Device)
			if err != nil {
				return nil, of(err, fmt.Sprintf("pairs[%d].device", i))
			}
			profile, err := d.access.Profile(ctx, actor, at, pair.Profile)
			if err != nil {
				return nil, of(err, fmt.Sprintf("pairs[%d].profile", i))
			}
			row.Pairs = append(row.Pairs, model.ProvisioningPair{Device: dev.ID, Profile: profile.ID})
		}
	}
	done, err := d.access.PutProvisioning(ctx, actor, row)
	if err != nil {
		return nil, err
	}
	return d.provisioning(ctx, actor, at, done)
}

func leased(l *access.Lease, err error) (*api.Lease, error) {
	if err != nil {
		return nil, err
	}
	return &api.Lease{User: l.User, Profile: l.Profile, Cloud: l.Cloud, Device: l.Device, Application: l.Application, Authorization: l.Owner, Operations: l.Operations}, nil
}

// where finds a device and a profile by name; none where there is no name.
func (d *dynamics) where(ctx context.Context, actor model.Actor, at model.Time, device, profile string) (on model.DeviceID, of model.ProfileID, err error) {
	if device != "" {
		dev, err := d.access.FindDevice(ctx, device)
		if err != nil {
			return "", "", in(err, "device")
		}
		on = dev.ID
	}
	if profile != "" {
		p, err := d.access.Profile(ctx, actor, at, profile)
		if err != nil {
			return "", "", err
		}
		of = p.ID
	}
	return on, of, nil
}

func (d *dynamics) Leases(ctx context.Context, actor model.Actor, at model.Time, f api.Filter) ([]api.Lease, error) {
	filter := access.LeaseFilter{State: f.State, Debt: f.Debt, After: f.After, Limit: f.Limit}
	if f.Application != "" {
		app, err := d.application(ctx, f.Application)
		if err != nil {
			return nil, err
		}
		filter.Application = app
	}
	var err error
	if filter.Device, filter.Profile, err = d.where(ctx, actor, at, f.Device, f.Profile); err != nil {
		return nil, err
	}
	rows, err := d.access.Leases(actor, at, filter)
	if err != nil {
		return nil, err
	}
	out := make([]api.Lease, len(rows))
	for i := range rows {
		l, _ := leased(&rows[i], nil)
		out[i] = *l
	}
	return out, nil
}

func (d *dynamics) Lease(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Lease, error) {
	return leased(d.access.Lease(ctx, actor, at, name))
}

func (d *dynamics) Await(ctx context.Context, actor model.Actor, at model.Time, name string, far func(*api.Lease) bool) (*api.Lease, error) {
	return leased(d.access.AwaitLease(ctx, actor, at, name, func(l *access.Lease) bool {
		now, _ := leased(l, nil)
		return far(now)
	}))
}

func (d *dynamics) Request(ctx context.Context, actor model.Actor, at model.Time, r api.Request) (string, error) {
	p, err := d.access.Profile(ctx, actor, at, r.Profile)
	if err != nil {
		return "", err
	}
	args := fsmdynamic.RequestArgs{Profile: p.ID, TTL: r.TTL}
	if r.Device != "" {
		dev, err := d.access.FindDevice(ctx, r.Device)
		if err != nil {
			return "", in(err, "device")
		}
		args.Device = dev.ID
	}
	done, err := d.access.RequestLease(ctx, actor, args)
	return strconv.FormatUint(done.Number, 10), err
}

func (d *dynamics) Open(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Lease, error) {
	row, value, err := d.access.OpenLease(ctx, actor, at, name)
	l, err := leased(row, err)
	if err != nil {
		return nil, err
	}
	l.Secret = &value
	return l, nil
}

func (d *dynamics) Renew(ctx context.Context, actor model.Actor, at model.Time, name string, ttl int64) (*api.Lease, error) {
	return leased(d.access.RenewLease(ctx, actor, at, name, ttl))
}

func (d *dynamics) Revoke(ctx context.Context, actor model.Actor, at model.Time, name string) (*api.Lease, error) {
	return leased(d.access.RevokeLease(ctx, actor, at, name))
}

func (d *dynamics) RevokeAll(ctx context.Context, actor model.Actor, application, authorization string) error {
	app, err := d.application(ctx, application)
	if err != nil || authorization == "" {
		if err != nil {
			return err
		}
		return d.access.RevokeLeases(ctx, actor, app, "")
	}
	auth, err := d.access.FindAuthorization(ctx, application, "", "", authorization)
	if model.Is(err, model.NotFound) {
		err = model.Errorf(model.NotFound, "the application has no such authorization").WithField("authorization")
	}
	if err != nil {
		return err
	}
	return d.access.RevokeLeases(ctx, actor, app, auth.ID)
}
