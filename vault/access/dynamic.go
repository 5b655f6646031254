package access

import (
	"context"
	"slices"
	"strconv"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// Profiles lists the profiles of dynamic users that the caller may use or manage, in the order of their ids.
func (s *Service) Profiles(actor model.Actor, at model.Time) ([]model.DynamicProfile, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, readPAM, nil)
	if err != nil {
		return nil, err
	}
	pairs := state.ProvisioningOf(v, p.Application.ID).Pairs
	out := []model.DynamicProfile{}
	for row := range state.Profiles.All(v, "") {
		paired := slices.ContainsFunc(pairs, func(pair model.ProvisioningPair) bool { return pair.Profile == row.ID })
		if paired || slices.Contains(row.Holders, p.Authorization.ID) || reachesProfile(v, p, row) {
			out = append(out, *row)
		}
	}
	return out, nil
}

// reachesProfile tells whether the filter of the caller reaches a credential that logs in for the profile.
func reachesProfile(r table.Reader, p *command.Principal, row *model.DynamicProfile) bool {
	if p.Authorization.Filter.All {
		return true
	}
	devices := row.Devices
	if row.AuthUser == "" {
		devices = []model.DeviceID{""}
	}
	return slices.ContainsFunc(devices, func(d model.DeviceID) bool {
		c, ok := state.ProfileDoor(r, row, d)
		return ok && p.Reaches(authz.ObjectOf(c))
	})
}

// Profile finds a profile that the caller may use or manage, by identifier or id.
func (s *Service) Profile(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.DynamicProfile, error) {
	for try := 0; ; try++ {
		all, err := s.Profiles(actor, at)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(all, func(p model.DynamicProfile) bool { return p.Identifier == name || string(p.ID) == name }); i >= 0 {
			return &all[i], nil
		}
		if try > 0 {
			return nil, model.Errorf(model.NotFound, "there is no such profile of dynamic users").WithField("profile")
		}
		if err := s.fresh(ctx); err != nil {
			return nil, err
		}
	}
}

// FindProfile finds a profile by identifier or id; whether the caller may use it is decided by the verb that follows.
func (s *Service) FindProfile(ctx context.Context, name string) (*model.DynamicProfile, error) {
	return ref(ctx, s, func(r table.Reader) (*model.DynamicProfile, bool) {
		if p, ok := state.Profiles.First(r, "identifier", name); ok {
			return p, true
		}
		return state.Profiles.Get(r, name)
	}, model.Errorf(model.NotFound, "there is no such profile of dynamic users").WithField("profile"))
}

// PutProfile creates or changes a profile.
func (s *Service) PutProfile(ctx context.Context, actor model.Actor, p model.DynamicProfile) (model.DynamicProfile, error) {
	return command.Propose(ctx, s.proposer, dynamic.PutProfile, actor, dynamic.ProfileArgs{Profile: p})
}

// DeleteProfile removes a profile, or drains it first.
func (s *Service) DeleteProfile(ctx context.Context, actor model.Actor, id model.ProfileID) (model.DynamicProfile, error) {
	return command.Propose(ctx, s.proposer, dynamic.DeleteProfile, actor, dynamic.DeleteArgs{Profile: id})
}

// Provisioning tells how an application gets dynamic users, and how many it has.
func (s *Service) Provisioning(actor model.Actor, at model.Time, app model.ApplicationID) (model.Provisioning, int, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, readPAM, nil)
	if err == nil && p.Application.ID != app {
		_, err = command.Authorize(v, actor, at, authz.Action{Module: model.ModulePAM, Right: model.AuthorizationWrite}, nil)
	}
	if err != nil {
		return model.Provisioning{}, 0, err
	}
	return state.ProvisioningOf(v, app), state.LiveLeases(v, app).Live, nil
}

// PutProvisioning says how an application gets dynamic users.
func (s *Service) PutProvisioning(ctx context.Context, actor model.Actor, p model.Provisioning) (model.Provisioning, error) {
	return command.Propose(ctx, s.proposer, dynamic.Link, actor, dynamic.LinkArgs{Provisioning: p})
}

// Lease is a dynamic user with the names of what belongs to it; what is gone has none.
type Lease struct {
	User        model.DynamicUser // without its secret
	Profile     string
	Cloud       bool // its secret is an access key of a cloud
	Device      model.Device
	Application string
	Owner       string
	Operations  []model.Operation // newest last; only of one that was asked for alone
}

// LeaseFilter narrows a list of dynamic users. After is the last number of the page before.
type LeaseFilter struct {
	State       string // requested, active, removing, removed; "": all but removed; "all"
	Application model.ApplicationID
	Device      model.DeviceID
	Profile     model.ProfileID
	Debt        bool
	After       uint64
	Limit       int
}

func (f *LeaseFilter) wants(u *model.DynamicUser) bool {
	return (f.State == "all" || f.State == u.State.String() || f.State == "" && u.Live()) && (f.Application == "" || f.Application == u.For) &&
		(f.Device == "" || f.Device == u.Device) && (f.Profile == "" || f.Profile == u.Profile) && (!f.Debt || u.Debt())
}

// Leases lists the dynamic users of the caller's application and those that it reaches, in the order of their numbers.
func (s *Service) Leases(actor model.Actor, at model.Time, f LeaseFilter) ([]Lease, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, readPAM, nil)
	if err != nil {
		return nil, err
	}
	out := []Lease{}
	for u := range state.DynamicUsers.Range(v, "number", table.NumberKey(f.After+1), table.NumberKey(^uint64(0))) {
		if !f.wants(u) || !seesLease(v, p, u) {
			continue
		}
		if out = append(out, lease(v, u)); f.Limit > 0 && len(out) == f.Limit {
			break
		}
	}
	return out, nil
}

func seesLease(r table.Reader, p *command.Principal, u *model.DynamicUser) bool {
	if u.For == p.Application.ID || p.Authorization.Filter.All {
		return true
	}
	row, ok := state.Profiles.Get(r, string(u.Profile))
	if !ok {
		return false
	}
	c, ok := state.ProfileDoor(r, row, u.Device)
	return ok && p.Reaches(authz.ObjectOf(c))
}

func lease(r table.Reader, u *model.DynamicUser) Lease {
	l := Lease{User: *u}
	l.User.Secret = model.Sealed{}
	if p, ok := state.Profiles.Get(r, string(u.Profile)); ok {
		l.Profile, l.Cloud = p.Identifier, model.IsCloud(p.Executor)
	}
	if d, ok := state.Devices.Get(r, string(u.Device)); ok {
		l.Device = *d
	}
	if a, ok := state.Applications.Get(r, string(u.For)); ok {
		l.Application = a.Name
	}
	if a, ok := state.Authorizations.Get(r, string(u.Owner)); ok {
		l.Owner = a.Name
	}
	return l
}

var errNoLease = model.Errorf(model.NotFound, "there is no such dynamic user")

// Lease finds a dynamic user that the caller may see, by number or id, with its operations. One that it may not see is looked for
// as long as one that is not there: neither the answer nor its time tells them apart.
func (s *Service) Lease(ctx context.Context, actor model.Actor, at model.Time, name string) (*Lease, error) {
	var denied error
	u, err := ref(ctx, s, func(r table.Reader) (*model.DynamicUser, bool) {
		var p *command.Principal
		if p, denied = command.Authorize(r, actor, at, readPAM, nil); denied != nil {
			return nil, false
		}
		u, ok := findLease(r, name)
		return u, ok && seesLease(r, p, u)
	}, errNoLease)
	if denied != nil {
		return nil, denied
	}
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	l := lease(v, u)
	for o := range state.Operations.By(v, "target", string(u.ID)) {
		l.Operations = append(l.Operations, *o)
	}
	slices.SortFunc(l.Operations, func(a, b model.Operation) int { return int(a.Number) - int(b.Number) })
	return &l, nil
}

func findLease(r table.Reader, name string) (*model.DynamicUser, bool) {
	if n, err := strconv.ParseUint(name, 10, 64); err == nil {
		return state.DynamicUsers.First(r, "number", table.NumberKey(n))
	}
	return state.DynamicUsers.Get(r, name)
}

// AwaitLease gives a dynamic user when it is so far, or as it is when ctx ends.
func (s *Service) AwaitLease(ctx context.Context, actor model.Actor, at model.Time, name string, far func(*Lease) bool) (*Lease, error) {
	l, err := s.Lease(context.WithoutCancel(ctx), actor, at, name)
	if err != nil {
		return nil, err
	}
	rows := []table.Place{state.DynamicUsers.Place(string(l.User.ID))}
	for _, o := range l.Operations { // one that begins later is told by the user's own row
		rows = append(rows, state.Operations.Place(string(o.ID)))
	}
	return table.Await(ctx, s.views, func() (*Lease, bool, error) {
		l, err := s.Lease(context.WithoutCancel(ctx), actor, at, name)
		return l, err == nil && far(l), err
	}, rows...)
}

// RequestLease asks for a dynamic user; it does not exist yet.
func (s *Service) RequestLease(ctx context.Context, actor model.Actor, a dynamic.RequestArgs) (dynamic.RequestResult, error) {
	if err := s.unsealed(); err != nil {
		return dynamic.RequestResult{}, err
	}
	return command.Propose(ctx, s.proposer, dynamic.Request, actor, a)
}

// OpenLease reads the secret of the caller's dynamic user: the read is committed first.
func (s *Service) OpenLease(ctx context.Context, actor model.Actor, at model.Time, name string) (*Lease, secret.Value, error) {
	if err := s.unsealed(); err != nil {
		return nil, secret.Value{}, err
	}
	l, err := s.Lease(ctx, actor, at, name)
	if err != nil {
		return nil, secret.Value{}, err
	}
	r, err := command.Propose(ctx, s.proposer, dynamic.Read, actor, dynamic.UserArgs{User: l.User.ID})
	if err != nil {
		return nil, secret.Value{}, err
	}
	value, err := s.keys.Decrypt(Place(r.User.Row), r.User.Secret)
	l.User = r.User
	return l, value, err
}

// RenewLease makes the life of the caller's dynamic user longer.
func (s *Service) RenewLease(ctx context.Context, actor model.Actor, at model.Time, name string, ttl int64) (*Lease, error) {
	return s.onLease(ctx, actor, at, name, func(id model.DynamicUserID) (dynamic.UserResult, error) {
		return command.Propose(ctx, s.proposer, dynamic.Renew, actor, dynamic.RenewArgs{User: id, TTL: ttl})
	})
}

// RevokeLease begins the removal of a dynamic user.
func (s *Service) RevokeLease(ctx context.Context, actor model.Actor, at model.Time, name string) (*Lease, error) {
	return s.onLease(ctx, actor, at, name, func(id model.DynamicUserID) (dynamic.UserResult, error) {
		return command.Propose(ctx, s.proposer, dynamic.Remove, actor, dynamic.RemoveArgs{User: id, Reason: "revoked"})
	})
}

func (s *Service) onLease(ctx context.Context, actor model.Actor, at model.Time, name string, do func(model.DynamicUserID) (dynamic.UserResult, error)) (*Lease, error) {
	l, err := s.Lease(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	r, err := do(l.User.ID)
	l.User = r.User
	return l, err
}

// RevokeLeases asks for the end of all dynamic users of an application or an authorization.
func (s *Service) RevokeLeases(ctx context.Context, actor model.Actor, app model.ApplicationID, auth model.AuthorizationID) error {
	_, err := command.Propose(ctx, s.proposer, dynamic.Revoke, actor, dynamic.RevokeArgs{Application: app, Authorization: auth})
	return err
}
