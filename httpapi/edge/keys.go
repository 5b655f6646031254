package edge

import (
	"context"
	"fmt"
	"time"

	"cofre/fsm/credential"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	api "cofre/httpapi/credential"
	"cofre/scheduler/ops"
	"cofre/vault/access"
	"cofre/vault/secret"
)

// keyView shows what makes a credential an SSH key, and the further devices that accept it; nil for a password.
func (c *credentials) keyView(ctx context.Context, row *model.Credential) (*api.KeyView, []model.Device) {
	k := row.Key
	if k == nil {
		return nil, nil
	}
	var accepts []model.Device
	v := &api.KeyView{Name: k.Name, Algorithm: k.Algorithm, Devices: []string{}, Pattern: k.Pattern}
	if cur := row.ByRole(model.RoleCurrent); cur != nil {
		v.PublicKey = cur.Public
	}
	for _, id := range k.Devices {
		if d, err := c.access.FindDevice(ctx, string(id)); err == nil {
			v.Devices, accepts = append(v.Devices, d.Hostname), append(accepts, *d)
		}
	}
	return v, accepts
}

// firstOf is the first active device whose host name fits a pattern: a key has a device of its own.
func (c *credentials) firstOf(actor model.Actor, at model.Time, pattern string) (*model.Device, error) {
	if err := model.CheckHostPattern("hostname", pattern); err != nil {
		return nil, err
	}
	all, err := c.access.Devices(actor, at)
	if err != nil {
		return nil, err
	}
	var first *model.Device
	for i := range all {
		if d := &all[i]; d.Enabled && model.FitsHost(pattern, d.Hostname) && (first == nil || d.Number < first.Number) {
			first = d
		}
	}
	if first == nil {
		return nil, model.Errorf(model.Invalid, "Device not found: no active device fits the pattern").WithCode(1011).WithField("hostname")
	}
	return first, nil
}

// KnownDevices parts names of devices into those that there are and the others.
func (c *credentials) KnownDevices(ctx context.Context, names []string) (known, unknown []string, err error) {
	return c.access.KnownDevices(ctx, names)
}

// key prepares a put of an SSH key: the passphrase is taken off, or a key is made; what it gives is the caller's to wipe.
func (c *credentials) key(ctx context.Context, p api.Put, args *credential.PutArgs) (*secret.Value, error) {
	k := p.Key
	args.Key, args.Type = &credential.KeyPatch{Name: k.Name, Algorithm: k.Algorithm, Pattern: k.Pattern}, nil
	if k.Devices != nil {
		ids := []model.DeviceID{}
		for _, name := range *k.Devices {
			d, err := c.access.FindDevice(ctx, name)
			if err != nil {
				return nil, in(err, "devices")
			}
			ids = append(ids, d.ID)
		}
		args.Key.Devices = &ids
	}
	switch {
	case k.Generate && p.Secret != nil:
		return nil, model.Errorf(model.Invalid, "a key is either sent or made").WithField("generate")
	case k.Generate:
		algorithm := model.KeyAlgorithms[0]
		if k.Algorithm != nil {
			algorithm = *k.Algorithm
		}
		return access.NewKey(algorithm)
	case p.Secret == nil:
		return nil, nil
	}
	return access.OpenKey(*p.Secret, k.Passphrase, k.Public)
}

// keys adapts access and ops to the routes of SSH keys.
type keys struct {
	credentials
	ops *ops.Service
}

func (k *keys) Rotate(ctx context.Context, actor model.Actor, name string) (uint64, error) {
	c, err := k.access.FindCredential(ctx, name)
	if err != nil {
		return 0, err
	}
	r, err := k.ops.Request(ctx, actor, operation.RequestArgs{Credential: c.ID, Kind: model.PasswordChange})
	return r.Number, err
}

func (k *keys) Periodic(ctx context.Context, actor model.Actor, _ model.Time, days int) (string, error) {
	name := fmt.Sprintf("ssh-key-%d-days", days)
	if _, err := k.access.FindPolicy(ctx, name); err == nil {
		return name, nil
	}
	p := model.DefaultPolicy()
	p.ID, p.Name, p.Revision = "", name, 0
	p.MaxAge = (time.Duration(days) * 24 * time.Hour).Milliseconds()
	_, err := k.access.PutPolicy(ctx, actor, p)
	return name, err
}
