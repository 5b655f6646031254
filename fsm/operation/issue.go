package operation

import (
	"fmt"
	"slices"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// The shortest life of a dynamic user, in earnest and in a practice cluster.
const (
	leastTTL         = time.Minute
	leastTTLPractice = 12 * time.Second
)

// LeastTTL is the shortest life of a dynamic user.
func LeastTTL(r table.Reader) time.Duration {
	if k, ok := state.Keyring.Get(r, state.SystemKey); ok && k.Dev {
		return leastTTLPractice
	}
	return leastTTL
}

// IssueSpec is what a new dynamic user is made from. Whether its owner may have it is the caller's matter.
type IssueSpec struct {
	Profile model.ProfileID
	Device  model.DeviceID
	Owner   *model.Authorization
	TTL     int64 // milliseconds; 0: the profile's
	Held    model.DSMSecretID
	Entry   string
	Pod     string
	Trigger string
}

// Issue makes the row of a dynamic user with its name, and the operation that creates it. The n-th user of a command derives
// its ids from the command, after the first base of them.
func Issue(tx *table.Tx, m command.Meta, base, n int, s IssueSpec) (*model.DynamicUser, *model.Operation, error) {
	p, err := Usable(tx, s.Profile, s.Device)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case s.TTL == 0:
		s.TTL = p.TTL
	case s.TTL < LeastTTL(tx).Milliseconds() || s.TTL > p.TTL:
		return nil, nil, model.Errorf(model.Invalid, "a user of this profile lives between %s and %s", LeastTTL(tx), model.Span(p.TTL)).WithField("ttl")
	}
	quota := state.QuotaOf(state.ProvisioningOf(tx, s.Owner.Application))
	if live := state.LiveLeases(tx, s.Owner.Application).Live; live >= quota {
		d, _ := state.Devices.Get(tx, string(s.Device)) // Usable found it
		return nil, nil, later(model.Limited, "no user of profile %s on %s: the application holds %d dynamic users that are not proven gone, and its quota is %d: let some end, or raise it (cofre dynamic application --quota)", p.Identifier, d.Hostname, live, quota)
	}
	if state.Shut(tx, s.Device) {
		return nil, nil, later(model.Unavailable, "%d dynamic users of the device could not be removed: no new ones before they are", model.DebtBreaks)
	}
	id := model.DynamicUserID(m.NewID(base + 2*n + 1))
	u := &model.DynamicUser{
		ID: id, Number: state.Next(tx, "dynamic_user"), Profile: p.ID, Device: s.Device, Username: model.DynamicName(p.Executor, p.Identifier, m.At, id),
		Owner: s.Owner.ID, For: s.Owner.Application, Held: s.Held, Entry: s.Entry, Pod: s.Pod,
		State: model.DynamicRequested, TTL: s.TTL, Life: max(s.TTL, p.LifeOf()), CreatedAt: m.At, Revision: 1,
	}
	state.PutDynamicUser(tx, u)
	tx.Emit(audit.DynamicRequested.With("user", string(u.ID), "number", fmt.Sprint(u.Number), "profile", string(p.ID), "device", string(u.Device), "username", u.Username,
		"ttl", model.Span(u.TTL).String(), "secret", string(u.Held), "trigger", s.Trigger))
	o, err := Provision(tx, m, base+2*n, u, p, s.Trigger)
	return u, o, err
}

// later refuses what another try soon would not get either: a user counts for ten minutes after its removal, and a debt is tried again
// every now and then.
func later(kind model.Kind, format string, args ...any) *model.Error {
	e := model.Errorf(kind, format, args...)
	e.RetryAfter = 60
	return e
}

// Usable finds a profile and tells whether users may be made by it on a device now.
func Usable(tx *table.Tx, id model.ProfileID, on model.DeviceID) (*model.DynamicProfile, error) {
	p, ok := state.Profiles.Get(tx, string(id))
	if !ok || !p.Enabled || p.Draining {
		return nil, model.Errorf(model.Invalid, "there is no such profile, or it is disabled").WithField("profile")
	}
	if _, err := Reachable(tx, p, on); err != nil {
		return nil, err
	}
	return p, nil
}

// Reachable finds a device where a profile works, whether or not it is enabled.
func Reachable(tx *table.Tx, p *model.DynamicProfile, on model.DeviceID) (*model.Device, error) {
	d, ok := state.Devices.Get(tx, string(on))
	if !ok || !d.Enabled {
		return nil, model.Errorf(model.Invalid, "Device not found").WithCode(1011).WithField("device")
	}
	door, ok := state.ProfileDoor(tx, p, on)
	switch {
	case p.Type != "" && p.Type != d.Type:
		return nil, model.Errorf(model.Invalid, "the profile is for devices of another type").WithField("device")
	case !ok || !door.Enabled:
		return nil, model.Errorf(model.Invalid, "the device has no active credential with the profile's user name, or the profile's credential is inactive").WithField("device")
	case slices.Contains(p.Devices, on), p.AuthUser != "" && len(p.Devices) == 0, p.AuthUser == "" && door.Device == on:
		return d, nil
	}
	return nil, model.Errorf(model.Invalid, "the profile does not work on this device").WithField("device")
}
