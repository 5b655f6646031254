package access

import (
	"context"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
	"cofre/vault/sshkey"
	"cofre/vault/totp"
)

// Described is a credential with what belongs to it, without its versions.
type Described struct {
	Credential model.Credential
	Device     model.Device
	Parent     *model.Credential // nil: none
	Readable   bool              // the caller may read its secret, by a right or by a profile; told by Describe only
}

// Opened is a secret that was read: the caller wipes Value.
type Opened struct {
	Described
	Value   secret.Value
	Version uint64
	Until   model.Time // end of custody
	Change  model.Time // when the secret is planned to change; 0: not planned
}

// CheckOut reads the secret of a credential: the read is committed first, then the value is decrypted here.
func (s *Service) CheckOut(ctx context.Context, actor model.Actor, name string) (*Opened, error) {
	if err := s.unsealed(); err != nil {
		return nil, err
	}
	c, err := s.FindCredential(ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := command.Propose(ctx, s.proposer, credential.Checkout, actor, credential.CheckoutArgs{Credential: c.ID})
	if err != nil {
		return nil, err
	}
	d, err := s.describeAsRead(ctx, c.ID, &r)
	if err != nil {
		return nil, err
	}
	value, err := s.keys.Decrypt(Place(r.Row), r.Secret)
	if err != nil {
		return nil, err
	}
	return &Opened{Described: d, Value: value, Version: r.Version, Until: r.Until, Change: r.Change}, nil
}

// describeAsRead describes a credential not older than it was when its secret was read: this replica may be behind.
func (s *Service) describeAsRead(ctx context.Context, id model.CredentialID, r *credential.CheckoutResult) (Described, error) {
	for try := 0; ; try++ {
		v := s.views.View()
		d, ok := describe(v, id)
		v.Close()
		if ok && d.Credential.Revision >= r.Credential && d.Device.Revision >= r.Device {
			return d, nil
		}
		if try > 0 {
			return Described{}, model.Errorf(model.Internal, "the credential is gone")
		}
		if err := s.fresh(ctx); err != nil {
			return Described{}, err
		}
	}
}

// Describe reads a credential without its secret; it takes no custody.
func (s *Service) Describe(ctx context.Context, actor model.Actor, at model.Time, name string) (*Described, error) {
	c, err := s.FindCredential(ctx, name)
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	if _, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModulePAM}, authz.ObjectOf(c)); err != nil {
		return nil, err
	}
	d, _ := describe(v, c.ID)
	_, err = command.Authorize(v, actor, at, seeSecret, authz.ObjectOf(c))
	d.Readable = err == nil
	return &d, nil
}

// WhatBelongsTo describes a credential that the caller has just written.
func (s *Service) WhatBelongsTo(c *model.Credential) *Described {
	v := s.views.View()
	defer v.Close()
	d := around(v, c)
	return &d
}

func describe(r table.Reader, id model.CredentialID) (Described, bool) {
	c, ok := state.Credentials.Get(r, string(id))
	if !ok {
		return Described{}, false
	}
	return around(r, c), true
}

func around(r table.Reader, c *model.Credential) Described {
	d := Described{Credential: *c}
	for i := range d.Credential.Versions {
		d.Credential.Versions[i].Secret = model.Sealed{}
	}
	if dev, ok := state.Devices.Get(r, string(c.Device)); ok {
		d.Device = *dev
	}
	if c.Parent != "" {
		d.Parent, _ = state.Credentials.Get(r, string(c.Parent))
	}
	return d
}

// Exact narrows a list by whole values; nil and empty ask for nothing. Names of devices and domains match in any case.
type Exact struct {
	Username    string
	Active      *bool
	Device      uint64 // number
	Hostname    string
	Domain      string     // of the device
	Tags        [][]string // one of each
	Criticality string
	JIT         *bool // opened for sessions
	Reconciled  *bool // it has an account and a template of reconciliation
	Owner       string
}

// ListFilter narrows a list of credentials. After is the last number of the page before; Limit 0 means all.
type ListFilter struct {
	Device   model.DeviceID
	Tag      string
	Type     string
	Search   string // part of the identifier, user name or host name, any case
	Disabled bool   // include disabled ones
	Exact    Exact
	After    uint64
	Limit    int
}

// List gives the credentials that the caller's authorization reaches, in order of their numbers.
func (s *Service) List(actor model.Actor, at model.Time, f ListFilter) ([]Described, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModulePAM}, nil)
	if err != nil {
		return nil, err
	}
	var out []Described
	devices := map[model.DeviceID]model.Device{}
	for c := range state.Credentials.Range(v, "number", table.NumberKey(f.After+1), table.NumberKey(^uint64(0))) {
		if (!c.Enabled && !f.Disabled) || !p.Reaches(authz.ObjectOf(c)) {
			continue
		}
		d, ok := devices[c.Device]
		if !ok {
			if row, found := state.Devices.Get(v, string(c.Device)); found {
				d = *row
			}
			devices[c.Device] = d
		}
		if !f.matches(c, &d) {
			continue
		}
		c.Versions = publicHalf(c)
		one := Described{Credential: *c, Device: d}
		if c.Parent != "" {
			one.Parent, _ = state.Credentials.Get(v, string(c.Parent))
		}
		if out = append(out, one); f.Limit > 0 && len(out) == f.Limit {
			break
		}
	}
	return out, nil
}

// publicHalf is what lists keep of the versions: of an SSH key the public half in force.
func publicHalf(c *model.Credential) []model.SecretVersion {
	current := c.ByRole(model.RoleCurrent)
	if c.Key == nil || current == nil {
		return nil
	}
	return []model.SecretVersion{{Role: model.RoleCurrent, Public: current.Public}}
}

// Release gives custody back.
func (s *Service) Release(ctx context.Context, actor model.Actor, name string) (credential.ReleaseResult, *model.Credential, error) {
	c, err := s.FindCredential(ctx, name)
	if err != nil {
		return credential.ReleaseResult{}, nil, err
	}
	r, err := command.Propose(ctx, s.proposer, credential.Release, actor, credential.ReleaseArgs{Credential: c.ID})
	return r, c, err
}

// SetCredentialStatus enables or disables a credential.
func (s *Service) SetCredentialStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (*model.Credential, error) {
	c, err := s.FindCredential(ctx, name)
	if err != nil {
		return nil, err
	}
	_, err = command.Propose(ctx, s.proposer, credential.SetStatus, actor, credential.StatusArgs{ID: c.ID, Enabled: enabled})
	return c, err
}

// PutCredential creates or changes a credential; value, if not nil, becomes its secret, and otp the key of its one-time
// codes, or none if it is empty. The value of an SSH key (args.Key is then set) is a private key without a passphrase. Names
// in args are resolved by the caller.
func (s *Service) PutCredential(ctx context.Context, actor model.Actor, at model.Time, args credential.PutArgs, value, otp *secret.Value) (credential.PutResult, error) {
	if otp != nil {
		args.OTP = &model.OTPKey{}
	}
	if otp != nil && otp.Len() > 0 {
		if err := totp.Check(*otp); err != nil {
			return credential.PutResult{}, model.Errorf(model.Invalid, "%s", err).WithField("totp")
		}
		row := newRow()
		sealed, err := s.keys.Encrypt(Place(row), *otp)
		if err != nil {
			return credential.PutResult{}, err
		}
		args.OTP = &model.OTPKey{Row: row, Secret: sealed}
	}
	if value != nil {
		public := ""
		if args.Key != nil {
			var err error
			if public, err = sshkey.Public(*value); err != nil {
				return credential.PutResult{}, model.Errorf(model.Invalid, "%s", err).WithField("private_key")
			}
		}
		row := newRow()
		sealed, err := s.keys.Encrypt(Place(row), *value)
		if err != nil {
			return credential.PutResult{}, err
		}
		args.Secret = &credential.NewSecret{Row: row, Secret: sealed, Public: public}
		args.Same = s.same(actor, at, args, *value)
	}
	return command.Propose(ctx, s.proposer, credential.Put, actor, args)
}

// same names the row of the current version if it holds the very secret that is put, and the caller may read it: who puts a password again
// with every run of a playbook makes no versions.
func (s *Service) same(actor model.Actor, at model.Time, args credential.PutArgs, value secret.Value) string {
	v := s.views.View()
	defer v.Close()
	c := credential.Match(v, args)
	if c == nil {
		return ""
	}
	current := c.ByRole(model.RoleCurrent)
	if current == nil {
		return ""
	}
	if _, err := command.Authorize(v, actor, at, seeSecret, authz.ObjectOf(c)); err != nil {
		return ""
	}
	if c.Key != nil { // the same key may be written in several ways
		if args.Secret.Public == "" || args.Secret.Public != current.Public {
			return ""
		}
		return current.Row
	}
	have, err := s.keys.Decrypt(Place(current.Row), current.Secret)
	if err != nil {
		return "" // it is replaced
	}
	defer have.Wipe()
	if !have.Equal(value) {
		return ""
	}
	return current.Row
}
