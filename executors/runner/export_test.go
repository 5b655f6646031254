package runner

import (
	"context"
	"net/netip"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Straight dials a device whose name leads to what lookup gives, beside a cluster whose addresses are refused.
func Straight(d *model.Device, refuse func(string) bool, lookup func(context.Context, string, string) ([]netip.Addr, error)) executors.Dialer {
	r := New(Config{Refuse: refuse})
	r.lookup = lookup
	return r.straight(d, nil)
}

// CheckHop asks twice whether somebody may log in at a hop: before and after the login failed in this attempt.
func CheckHop(d *model.Device, login *model.Credential, spent bool) (before, after error) {
	var s shutOut
	h := hop{d, login, spent}
	before = s.check(h)
	if login != nil {
		s.note(login.ID)
	}
	return before, s.check(h)
}

// Reaches tells whether an attempt on a device may connect to an address.
func Reaches(d *model.Device, e executors.Executor, address string) bool {
	_, _, ok := reaches(d, e, address)
	return ok
}

// Doors lists the host names of the devices that a secret opens.
func Doors(v *table.View, c *model.Credential) (names []string, err error) {
	own, _ := state.Devices.Get(v, string(c.Device))
	all, err := doors(v, c, own)
	for _, d := range all {
		names = append(names, d.Hostname)
	}
	return names, err
}

// Spent tells whether nobody may log in at the first hop on the way to a device under a lease.
func Spent(v *table.View, d *model.Device, l *model.Lease) (bool, error) {
	way, err := wayTo(v, d, l)
	return err == nil && way[0].spent, err
}

// WayTo counts the hops on the way to a device.
func WayTo(v *table.View, d *model.Device) (int, error) {
	way, err := wayTo(v, d, &model.Lease{})
	return len(way), err
}

// Fitting narrows the symbols of a new password.
var Fitting = fitting
