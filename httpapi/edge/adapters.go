package edge

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	trail "cofre/fsm/audit"
	"cofre/fsm/model"
	fsm "cofre/fsm/operation"
	"cofre/fsm/template"
	"cofre/httpapi/application"
	"cofre/httpapi/audit"
	"cofre/httpapi/compat"
	"cofre/httpapi/device"
	"cofre/httpapi/operation"
	templateapi "cofre/httpapi/template"
	"cofre/scheduler/ops"
	"cofre/vault/access"
)

// applications adapts access to the application resource.
type applications struct {
	*access.Service
	cluster func() model.ClusterID
}

// Cluster is what a proof of an identity of AWS must be signed for.
func (a *applications) Cluster() model.ClusterID { return a.cluster() }

func (a *applications) PutAuthorization(ctx context.Context, actor model.Actor, auth model.Authorization, rekey bool, at model.Time) (model.Authorization, *application.Keys, error) {
	out, keys, err := a.Service.PutAuthorization(ctx, actor, auth, rekey, at)
	if err != nil || keys == nil {
		return out, nil, err
	}
	return out, &application.Keys{ClientID: keys.ClientID, Secret: keys.Secret}, nil
}

func (a *applications) DeleteApplication(ctx context.Context, actor model.Actor, id model.ApplicationID) (application.Deleted, error) {
	r, err := a.Service.DeleteApplication(ctx, actor, id)
	return application.Deleted(r), err
}

func (a *applications) DeleteAuthorization(ctx context.Context, actor model.Actor, id model.AuthorizationID) (application.Deleted, error) {
	r, err := a.Service.DeleteAuthorization(ctx, actor, id)
	return application.Deleted(r), err
}

func (a *applications) NewOAuth1(ctx context.Context, actor model.Actor, id model.AuthorizationID) (*application.OAuth1Keys, error) {
	k, err := a.Service.NewOAuth1(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return &application.OAuth1Keys{Consumer: k.Consumer, Token: k.Token, ConsumerSecret: k.ConsumerSecret, TokenSecret: k.TokenSecret}, nil
}

func (a *applications) NewAWSKey(ctx context.Context, actor model.Actor, id model.AuthorizationID) (*application.AWSKey, error) {
	k, err := a.Service.NewAWSKey(ctx, actor, id)
	return (*application.AWSKey)(k), err
}

func (a *applications) WhoAmI(actor model.Actor) (model.Application, model.Authorization, []model.AccessProfile, error) {
	p, err := a.Service.WhoAmI(actor)
	if err != nil {
		return model.Application{}, model.Authorization{}, nil, err
	}
	return *p.Application, *p.Authorization, p.Profiles, nil
}

func (a *applications) CredentialIDs(ctx context.Context, names []string) ([]model.CredentialID, error) {
	var ids []model.CredentialID
	for i, name := range names {
		c, err := a.FindCredential(ctx, name)
		if err != nil {
			return nil, in(err, fmt.Sprintf("filter.credentials[%d]", i))
		}
		ids = append(ids, c.ID)
	}
	return ids, nil
}

func (a *applications) AccessProfileIDs(ctx context.Context, names []string) ([]model.AccessProfileID, error) {
	var ids []model.AccessProfileID
	for _, name := range names {
		p, err := a.FindAccessProfile(ctx, name)
		if err != nil {
			return nil, in(err, "profiles")
		}
		ids = append(ids, p.ID)
	}
	return ids, nil
}

func (a *applications) DeviceIDs(ctx context.Context, names []string) ([]model.DeviceID, error) {
	var ids []model.DeviceID
	for _, name := range names {
		d, err := a.FindDevice(ctx, name)
		if err != nil {
			return nil, in(err, "devices")
		}
		ids = append(ids, d.ID)
	}
	return ids, nil
}

// templates adapts access to the template resource.
type templates struct {
	*access.Service
	executor plugins
}

func (t *templates) Executor(name string) (model.ExecutorName, error) {
	return t.executor.named(name, "executor")
}

func (t *templates) Put(ctx context.Context, actor model.Actor, p templateapi.Put) (model.Template, error) {
	return t.PutTemplate(ctx, actor, template.PutArgs{Name: p.Name, Executor: p.Executor, Kind: p.Kind, Content: p.Content, Base: p.Base})
}

func (t *templates) Inspect(actor model.Actor, at model.Time, of *model.Template, content string) (model.Compiled, templateapi.Use, error) {
	c, use, err := t.InspectTemplate(actor, at, of, content)
	return c, templateapi.Use(use), err
}

// devices adapts access to the device resource.
type devices struct{ *access.Service }

// Put merges what the client sent into the device as it is. The vendor's upsert knows no revisions, so when another one
// came between it is merged again.
func (d *devices) Put(ctx context.Context, actor model.Actor, _ model.Time, p device.Patch) (model.Device, model.Effect, error) {
	for try := 0; ; try++ {
		dev, err := d.merged(ctx, p)
		if err != nil {
			return model.Device{}, "", err
		}
		r, err := d.PutDevice(ctx, actor, dev, p.Create)
		if model.Is(err, model.Conflict) && p.Name == "" && !p.Create && try < 3 {
			if err := d.Fresh(ctx); err != nil {
				return model.Device{}, "", err
			}
			continue
		}
		return r.Device, model.EffectOf(r.Created, r.Unchanged), err
	}
}

func (d *devices) merged(ctx context.Context, p device.Patch) (dev model.Device, err error) {
	name := p.Name
	if name == "" && p.Hostname != nil {
		name = *p.Hostname
	}
	if name == "" {
		return dev, model.Errorf(model.Invalid, "The device's hostname was not informed").WithCode(1004).WithField("hostname")
	}
	if p.IP != nil {
		if err := device.CheckAddress(*p.IP); err != nil {
			return dev, err
		}
	}
	var old *model.Device
	if !p.Create { // whether it exists already is decided where nobody can come between
		old, err = d.FindDevice(ctx, name)
	}
	if p.Name == "" && old != nil && model.FoldHost(old.Hostname) != model.FoldHost(name) {
		old = nil // the host name of a new device looks like the number of another
	}
	switch {
	case err != nil && (p.Name != "" || !model.Is(err, model.Invalid)):
		return dev, err
	case old != nil:
		dev = *old
		if p.Name == "" {
			p.Hostname = nil // as it is spelt already
		}
	case p.NeedsAddress && (p.IP == nil || *p.IP == ""):
		return dev, model.Errorf(model.Invalid, "The device's ip address was not informed").WithCode(1005).WithField("ip")
	}
	for _, f := range []struct{ to, from *string }{{&dev.Hostname, p.Hostname}, {&dev.IP, p.IP}, {&dev.Domain, p.Domain}, {&dev.Type, p.Type},
		{&dev.Vendor, p.Vendor}, {&dev.Model, p.Model}, {&dev.Site, p.Site}, {&dev.CA, p.CA}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if p.Tags != nil {
		dev.Tags = *p.Tags
	}
	if p.Connectivities != nil {
		dev.Connectivities = *p.Connectivities
	}
	if p.InsecureTLS != nil {
		dev.InsecureTLS = *p.InsecureTLS
	}
	if p.Lanes != nil {
		dev.Lanes = *p.Lanes
	}
	if p.Revision != 0 {
		dev.Revision = p.Revision
	}
	return dev, d.route(ctx, &dev, p)
}

// route finds the jump host or proxy of a device by its names. Whoever takes it away needs not name its login.
func (d *devices) route(ctx context.Context, dev *model.Device, p device.Patch) error {
	if p.Via != nil {
		if dev.Via = ""; *p.Via == "" {
			dev.ViaLogin = ""
		} else {
			hop, err := d.FindDevice(ctx, *p.Via)
			if err != nil {
				return in(err, "via")
			}
			dev.Via = hop.ID
		}
	}
	if p.ViaLogin != nil {
		if dev.ViaLogin = ""; *p.ViaLogin != "" {
			login, err := d.FindCredential(ctx, *p.ViaLogin)
			if err != nil {
				return in(err, "via_login")
			}
			dev.ViaLogin = login.ID
		}
	}
	return nil
}

func (d *devices) Trust(ctx context.Context, actor model.Actor, name string, keys []model.HostKey, replace bool) (model.Device, error) {
	dev, err := d.FindDevice(ctx, name)
	if err != nil {
		return model.Device{}, err
	}
	return d.TrustDevice(ctx, actor, dev.ID, keys, replace)
}

// operations adapts ops to the operation resource.
type operations struct {
	ops    *ops.Service
	access *access.Service
}

func (o *operations) Request(ctx context.Context, actor model.Actor, w operation.Wish) (model.OperationID, bool, error) {
	c, err := o.access.FindCredential(ctx, w.Credential)
	if err != nil {
		return "", false, err
	}
	r, err := o.ops.Request(ctx, actor, fsm.RequestArgs{Credential: c.ID, Kind: w.Kind, Reconcile: w.Reconcile, Capture: w.Capture, NotBefore: w.NotBefore})
	return r.Operation, r.Created, err
}

func described(d *ops.Described, err error) (*operation.Described, error) {
	if err != nil {
		return nil, err
	}
	out := shown(d)
	return &out, nil
}

func shown(d *ops.Described) operation.Described {
	return operation.Described{Operation: d.Operation, Credential: d.Credential, Device: d.Device, Attempts: d.Attempts, Templates: d.Templates, Requester: d.Requester, Captured: d.Captured, WaitsFor: d.WaitsFor}
}

func (o *operations) Get(ctx context.Context, actor model.Actor, at model.Time, name string) (*operation.Described, error) {
	return described(o.ops.Get(ctx, actor, at, name))
}

func (o *operations) Wait(ctx context.Context, actor model.Actor, at model.Time, name string) (*operation.Described, error) {
	return described(o.ops.Wait(ctx, actor, at, name))
}

func (o *operations) List(ctx context.Context, actor model.Actor, at model.Time, f operation.Filter) ([]operation.Described, error) {
	filter := ops.Filter{States: f.States, Kind: f.Kind, Executor: f.Executor, Site: f.Site, Trigger: f.Trigger, Module: f.Module, Requester: model.AuthorizationID(f.Requester), Reconcile: f.Reconcile,
		Username: f.Username, Vendor: f.Vendor, Model: f.Model, Tag: f.Tag, Created: ops.Span(f.Created), Scheduled: ops.Span(f.Scheduled), Finished: ops.Span(f.Finished),
		Sort: f.Sort, Up: f.Up, After: (*ops.Place)(f.After), Limit: f.Limit, Attempts: f.Attempts}
	if f.Device != "" {
		d, err := o.access.FindDevice(ctx, f.Device)
		if err != nil {
			return nil, in(err, "device")
		}
		filter.Device = d.ID
	}
	if f.Credential != "" {
		c, err := o.access.FindCredential(ctx, f.Credential)
		if err != nil {
			return nil, in(err, "credential")
		}
		filter.Credential = c.ID
	}
	rows, err := o.ops.List(actor, at, filter)
	if err != nil {
		return nil, err
	}
	out := make([]operation.Described, len(rows))
	for i := range rows {
		out[i] = shown(&rows[i])
		out[i].Key = filter.PlaceOf(&rows[i]).Key
	}
	return out, nil
}

func (o *operations) Cancel(ctx context.Context, actor model.Actor, at model.Time, name string) error {
	_, err := o.ops.Cancel(ctx, actor, at, name)
	return err
}

func (o *operations) Retry(ctx context.Context, actor model.Actor, at model.Time, name string) error {
	_, err := o.ops.Retry(ctx, actor, at, name)
	return err
}

// unknownKind names the kinds about the same thing: one is asked for at a time.
func unknownKind(kind string) error {
	about, _, _ := strings.Cut(kind, ".")
	var near []string
	for _, d := range trail.Catalogue() {
		if strings.HasPrefix(d.Kind, about+".") {
			near = append(near, d.Kind)
		}
	}
	msg := "there is no such kind of event"
	if len(near) > 0 {
		slices.Sort(near)
		msg += ": about " + about + " there are " + strings.Join(near, ", ")
	}
	return model.Errorf(model.Invalid, "%s", msg).WithField("kind")
}

// events adapts access to the audit resource.
type events struct{ access *access.Service }

func (e *events) Events(_ context.Context, actor model.Actor, at model.Time, t audit.Filter, limit int) ([]audit.View, error) {
	if t.Kind != "" && trail.Find(t.Kind) == nil {
		return nil, unknownKind(t.Kind)
	}
	rows, err := e.access.Audit(actor, at, access.Trail(t), limit)
	if err != nil {
		return nil, err
	}
	who := e.access.WhoDid(rows)
	out := make([]audit.View, len(rows))
	for i, r := range rows {
		v := audit.View{Seq: r.Seq, Position: uint64(r.Pos), At: compat.Time(r.At), Node: string(r.Node), Kind: r.Kind, Severity: r.Severity.String(), Actor: r.Actor.String(),
			Authorization: string(r.Authorization), Who: who[r.Authorization], Name: r.Name, Source: r.Source, Fields: map[string]string{}, Prev: hex.EncodeToString(r.Prev), Hash: hex.EncodeToString(r.Hash)}
		if d := trail.Find(r.Kind); d != nil {
			v.Title = d.Title
		}
		for _, f := range r.Fields {
			if trail.ClassOf(r.Kind, f.Name) != trail.Secret {
				v.Fields[f.Name] = f.Value
			}
		}
		out[i] = v
	}
	return out, nil
}
