package dynamic

import (
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// RequestArgs ask for a user of a profile. TTL, in milliseconds, may shorten the profile's.
type RequestArgs struct {
	Profile model.ProfileID `cbor:"profile"`
	TTL     int64           `cbor:"ttl,omitempty"`
}

// RequestResult is the user, which does not exist on its target yet, and the operation that creates it.
type RequestResult struct {
	User      model.DynamicUserID `cbor:"user"`
	Number    uint64              `cbor:"number"`
	Username  string              `cbor:"username"`
	Operation model.OperationID   `cbor:"operation"`
}

// Request makes the row of a user with its name, and the operation that creates it. The profile's holders may, and who may
// read the credential that works for it: a reference is a read (RULES 8).
var Request = command.Define("dynamic.request", 1, func(tx *table.Tx, m command.Meta, a RequestArgs) (RequestResult, error) {
	by, err := command.Authorize(tx, m.Actor, m.At, use, nil)
	if err != nil {
		return RequestResult{}, err
	}
	p, ok := state.Profiles.Get(tx, string(a.Profile))
	if !ok || !p.Enabled {
		return RequestResult{}, model.Errorf(model.Invalid, "there is no such profile, or it is disabled").WithField("profile")
	}
	if !slices.Contains(p.Holders, by.Authorization.ID) {
		if _, err := command.MayReference(tx, m.Actor, m.At, p.Authentication, "profile"); err != nil {
			return RequestResult{}, err
		}
	}
	switch {
	case a.TTL == 0:
		a.TTL = p.TTL
	case a.TTL < minTTL.Milliseconds() || a.TTL > p.TTL:
		return RequestResult{}, model.Errorf(model.Invalid, "a user of this profile lives between %s and %s", minTTL, model.Span(p.TTL)).WithField("ttl")
	}
	if p.Quota > 0 {
		n := 0
		for range state.DynamicUsers.By(tx, "owner", string(by.Authorization.ID)) {
			if n++; n >= p.Quota {
				return RequestResult{}, model.Errorf(model.Limited, "the authorization holds %d dynamic users, its quota: remove one first", n)
			}
		}
	}
	id := model.DynamicUserID(m.NewID(1))
	u := &model.DynamicUser{
		ID: id, Number: state.Next(tx, "dynamic_user"), Profile: p.ID, Device: p.Device, Username: model.DynamicName(p.Identifier, m.At, id),
		Owner: by.Authorization.ID, State: model.DynamicRequested, TTL: a.TTL, CreatedAt: m.At, Revision: 1,
	}
	state.DynamicUsers.Put(tx, u)
	tx.Emit(audit.DynamicRequested.With("user", string(u.ID), "number", fmt.Sprint(u.Number), "profile", string(p.ID), "username", u.Username, "ttl", model.Span(u.TTL).String()))
	o, err := operation.Provision(tx, m, 0, u, p, "request")
	if err != nil {
		return RequestResult{}, err
	}
	return RequestResult{u.ID, u.Number, u.Username, o.ID}, nil
}).AuditDenials()
