package dynamic

import (
	"slices"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// RequestArgs ask for a user of a profile on a device; without one, on the only device that the profile works on. TTL, in
// milliseconds, may shorten the profile's.
type RequestArgs struct {
	Profile model.ProfileID `cbor:"profile"`
	Device  model.DeviceID  `cbor:"device,omitempty"`
	TTL     int64           `cbor:"ttl,omitempty"`
}

// RequestResult is the user, which does not exist on its target yet, and the operation that creates it.
type RequestResult struct {
	User      model.DynamicUserID `cbor:"user"`
	Number    uint64              `cbor:"number"`
	Username  string              `cbor:"username"`
	Operation model.OperationID   `cbor:"operation"`
}

// Request makes the row of a user with its name, and the operation that creates it. The profile's holders may, applications
// with a pair of device and profile, and who may read the credential that works for it: a reference is a read (RULES 8).
var Request = command.Define("dynamic.request", 1, func(tx *table.Tx, m command.Meta, a RequestArgs) (RequestResult, error) {
	by, err := command.Authorize(tx, m.Actor, m.At, use, nil)
	if err != nil {
		return RequestResult{}, err
	}
	p, ok := state.Profiles.Get(tx, string(a.Profile))
	if !ok {
		return RequestResult{}, model.Errorf(model.Invalid, "there is no such profile, or it is disabled").WithField("profile")
	}
	if a.Device == "" {
		if a.Device, ok = only(tx, p); !ok {
			return RequestResult{}, model.Errorf(model.Invalid, "the profile works on several devices: say which").WithField("device")
		}
	}
	if err := mayRequest(tx, m, by, p, a.Device); err != nil {
		return RequestResult{}, err
	}
	u, o, err := operation.Issue(tx, m, 0, 0, operation.IssueSpec{Profile: p.ID, Device: a.Device, Owner: by.Authorization, TTL: a.TTL, Trigger: "request"})
	if err != nil {
		return RequestResult{}, err
	}
	return RequestResult{u.ID, u.Number, u.Username, o.ID}, nil
}).AuditDenials()

// only finds the device of a profile that works on one.
func only(tx *table.Tx, p *model.DynamicProfile) (model.DeviceID, bool) {
	switch {
	case len(p.Devices) == 1:
		return p.Devices[0], true
	case len(p.Devices) == 0 && p.AuthUser == "":
		c, ok := state.Credentials.Get(tx, string(p.Authentication))
		return c.Device, ok
	}
	return "", false
}

func mayRequest(tx *table.Tx, m command.Meta, by *command.Principal, p *model.DynamicProfile, d model.DeviceID) error {
	pairs := state.ProvisioningOf(tx, by.Application.ID).Pairs
	if slices.Contains(p.Holders, by.Authorization.ID) || slices.Contains(pairs, model.ProvisioningPair{Device: d, Profile: p.ID}) {
		return nil
	}
	c, ok := state.ProfileDoor(tx, p, d)
	if !ok {
		return model.Errorf(model.Denied, "No access to the profile").WithCode(1009).WithField("profile")
	}
	_, err := command.MayReference(tx, m.Actor, m.At, c.ID, "profile")
	return err
}
