package sim

import (
	"fmt"
	"slices"

	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Planted wraps the verbs of operations so that they make a mistake; the product's code knows nothing of it.
func Planted(p Plant, features []command.Feature) []command.Feature {
	out := make([]command.Feature, len(features))
	for i, f := range features {
		out[i] = f
		if p == Nothing || f.Name != operation.Feature.Name {
			continue
		}
		out[i].Commands = nil
		for _, c := range f.Commands {
			out[i].Commands = append(out[i].Commands, wrong{c, p})
		}
	}
	return out
}

type wrong struct {
	command.Erased
	plant Plant
}

func (x wrong) Apply(tx *table.Tx, m command.Meta, payload codec.Raw) (codec.Raw, error) {
	finish, expire := x.Kind() == operation.Finish.Kind(), x.Kind() == operation.Expire.Kind()
	if finish && x.plant == IgnoreFence {
		payload, m.Node = anybody(tx, payload, m.Node)
	}
	body, err := x.Erased.Apply(tx, m, payload)
	if err != nil || (!finish && !expire) {
		return body, err
	}
	var a operation.ExpireArgs
	if finish {
		var f operation.FinishArgs
		if err := codec.Decode(payload, &f); err != nil {
			return nil, fmt.Errorf("planted: %w", err)
		}
		a.Operation = f.Operation
	} else if err := codec.Decode(payload, &a); err != nil {
		return nil, fmt.Errorf("planted: %w", err)
	}
	if o, ok := state.Operations.Get(tx, string(a.Operation)); ok {
		if c, ok := state.Credentials.Get(tx, o.Target.ID); ok {
			x.spoil(tx, m, o, c)
		}
		if u, ok := state.DynamicUsers.Get(tx, o.Target.ID); ok && x.plant == LateCreate && o.Kind == model.Deprovision && u.GoneAt != 0 {
			o.State, u.State = model.OpSucceeded, model.DynamicRemoved
			state.Operations.Put(tx, o)
			state.DynamicUsers.Put(tx, u)
		}
		if x.plant == ForgetJumps {
			x.forget(tx, m, state.WayLogins(tx, o.Device, nil)...)
		}
		if x.plant == ForgetLogins && o.History[len(o.History)-1].From != model.OpSettling {
			x.forget(tx, m, model.CredentialID(o.Target.ID), state.DoorOf(tx, o))
		}
	}
	return body, nil
}

// forget takes back what the report, or the end of the lease, counted on some accounts.
func (x wrong) forget(tx *table.Tx, m command.Meta, of ...model.CredentialID) {
	for _, id := range of {
		if c, ok := state.Credentials.Get(tx, string(id)); ok {
			c.BadLogins = slices.DeleteFunc(slices.Clone(c.BadLogins), func(t model.Time) bool { return t == m.At })
			state.Credentials.Put(tx, c)
		}
	}
}

func (x wrong) spoil(tx *table.Tx, m command.Meta, o *model.Operation, c *model.Credential) {
	switch x.plant {
	case DropCandidate: // whatever did not succeed is forgotten
		c.Versions = only(c.Versions, model.RoleCurrent, model.RoleRetired)
		state.Credentials.Put(tx, c)
	case NoQuarantine: // once one is proven, the others are
		if c.Sync == model.SyncInSync && c.VerifiedAt == m.At {
			c.Versions = only(c.Versions, model.RoleCurrent, model.RoleCandidate)
			state.Credentials.Put(tx, c)
		}
	case RetryBlindly: // as if nothing had happened on the target
		if o.State == model.OpUncertain && o.Kind != model.Verify {
			o.State, o.NotBefore, c.Busy = model.OpReady, m.At, ""
			c.Abandon(m.At)
			c.Sync = model.SyncInSync
			state.Credentials.Put(tx, c)
			state.Operations.Put(tx, o)
		}
	}
}

// anybody makes a report look as if the present holder of the lease had sent it.
func anybody(tx *table.Tx, payload codec.Raw, from model.NodeID) (codec.Raw, model.NodeID) {
	var f operation.FinishArgs
	if codec.Decode(payload, &f) != nil {
		return payload, from
	}
	o, ok := state.Operations.Get(tx, string(f.Operation))
	if !ok || o.Lease == nil {
		return payload, from
	}
	f.Token = o.Lease.Token
	return codec.MustEncode(f), o.Lease.Node
}

func only(all []model.SecretVersion, keep ...model.VersionRole) (kept []model.SecretVersion) {
	for _, v := range all {
		for _, r := range keep {
			if v.Role == r {
				kept = append(kept, v)
			}
		}
	}
	return kept
}
