package dynamic

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// RemoveArgs name a user and why it goes: "ttl" from the scheduler, anything short from people.
type RemoveArgs struct {
	User   model.DynamicUserID `cbor:"user"`
	Reason string              `cbor:"reason"`
}

// Remove begins the removal: of the scheduler when the user's time is over or it was revoked with others, of its owner and
// of those who manage its profile at any time. It is idempotent.
var Remove = command.Define("dynamic.remove", 1, func(tx *table.Tx, m command.Meta, a RemoveArgs) (UserResult, error) {
	u, p, err := find(tx, a.User)
	if err != nil {
		return UserResult{}, err
	}
	act := use
	act.System = true
	by, err := command.Authorize(tx, m.Actor, m.At, act, nil)
	switch {
	case err != nil:
		return UserResult{}, err
	case by != nil && !mayEnd(tx, m, by, u, p):
		return UserResult{}, errForeign
	case by == nil && state.Revoked(tx, u) == "" && (u.State != model.DynamicActive || m.At < u.ExpiresAt || state.SystemRow(tx).Frozen):
		return UserResult{}, model.Errorf(model.Conflict, "the time of the dynamic user is not over")
	case a.Reason == "" || len(a.Reason) > 32:
		return UserResult{}, model.Errorf(model.Invalid, "a reason has 1 to 32 bytes").WithField("reason")
	}
	if u.Unwanted == "" && u.State != model.DynamicRemoved {
		tx.Emit(audit.DynamicUnwanted.With("user", string(u.ID), "number", fmt.Sprint(u.Number), "reason", a.Reason))
		if err := operation.Remove(tx, m, 0, u, p, a.Reason); err != nil {
			return UserResult{}, err
		}
	}
	return bare(u), nil
}).AuditDenials()

// mayEnd tells whether the caller may end a user: its own, or as one who may configure and reaches the credential that logs
// in for it.
func mayEnd(tx *table.Tx, m command.Meta, by *command.Principal, u *model.DynamicUser, p *model.DynamicProfile) bool {
	return by.Authorization.ID == u.Owner || manages(tx, m, by, u, p)
}

func manages(r table.Reader, m command.Meta, by *command.Principal, u *model.DynamicUser, p *model.DynamicProfile) bool {
	var o *authz.Object
	if p != nil {
		if c, ok := state.ProfileDoor(r, p, u.Device); ok {
			o = authz.ObjectOf(c)
		}
	}
	if o == nil {
		o = &authz.Object{}
	}
	return authz.Decide(by.Application, by.Authorization, configure, o, m.Actor.Origin(), m.At) == nil
}

// RenewArgs ask for a longer life. TTL, in milliseconds, counts from now; 0 is that of the request.
type RenewArgs struct {
	User model.DynamicUserID `cbor:"user"`
	TTL  int64               `cbor:"ttl,omitempty"`
}

// Renew makes the life of an active user longer, within what its profile allows. It never makes it shorter.
var Renew = command.Define("dynamic.renew", 1, func(tx *table.Tx, m command.Meta, a RenewArgs) (UserResult, error) {
	u, _, err := find(tx, a.User)
	if err != nil {
		return UserResult{}, err
	}
	by, err := command.Authorize(tx, m.Actor, m.At, use, nil)
	if a.TTL == 0 {
		a.TTL = u.TTL
	}
	switch {
	case err != nil:
		return UserResult{}, err
	case by.Authorization.ID != u.Owner:
		return UserResult{}, errForeign
	case u.State != model.DynamicActive:
		return UserResult{}, model.Errorf(model.Conflict, "the dynamic user is %s", u.State)
	case m.At >= u.ExpiresAt:
		return UserResult{}, model.Errorf(model.Conflict, "the time of the dynamic user is over: ask for another one")
	case a.TTL < operation.LeastTTL(tx).Milliseconds() || a.TTL > u.Life:
		return UserResult{}, model.Errorf(model.Invalid, "a user of this profile is renewed for %s to %s", operation.LeastTTL(tx), model.Span(u.Life)).WithField("ttl")
	}
	if err := ending(tx, u); err != nil {
		return UserResult{}, err
	}
	last := u.ActiveAt.Add(model.Span(u.Life))
	if until := min(m.At.Add(model.Span(a.TTL)), last); until > u.ExpiresAt {
		u.ExpiresAt = until
		u.Revision++
		state.PutDynamicUser(tx, u)
		tx.Emit(audit.DynamicRenewed.With("user", string(u.ID), "number", fmt.Sprint(u.Number), "until", until.String()))
	} else if u.ExpiresAt >= last {
		return UserResult{}, model.Errorf(model.Conflict, "the dynamic user lives as long as its profile allows: ask for another one")
	}
	return bare(u), nil
}).AuditDenials()

// bare is a user without its secret.
func bare(u *model.DynamicUser) UserResult {
	r := UserResult{*u}
	r.User.Secret = model.Sealed{}
	return r
}
