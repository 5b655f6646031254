// Package policy is the feature of password policies: strength, expiry, custody and retry rules.
package policy

import (
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "policy", Commands: []command.Erased{Put}}

// PutArgs are a policy as it shall be. Revision 0 creates, otherwise it must be the current one.
type PutArgs struct {
	Policy model.Policy `cbor:"policy"`
}

// Put creates or changes a policy. The scheduler then plans every credential anew.
var Put = command.Define("policy.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (model.Policy, error) {
	c, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: model.ModulePAM, Write: true, Right: model.PolicyWrite}, nil)
	if err != nil {
		return model.Policy{}, err
	}
	p := a.Policy
	if err := check(&p); err != nil {
		return p, err
	}
	other, taken := state.Policies.First(tx, "name", p.Name)
	change := "created"
	if p.Revision == 0 {
		if taken {
			return p, model.Errorf(model.Conflict, "there is a policy %s already", p.Name).WithField("name")
		}
		p.ID, p.CreatedBy = model.PolicyID(m.NewID(0)), c.Authorization.ID
	} else {
		old, ok := state.Policies.Get(tx, string(p.ID))
		switch {
		case !ok:
			return p, model.Errorf(model.NotFound, "there is no such policy")
		case old.Revision != p.Revision:
			return p, model.Errorf(model.Conflict, "the policy changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
		case taken && other.ID != p.ID:
			return p, model.Errorf(model.Conflict, "there is a policy %s already", p.Name).WithField("name")
		}
		p.CreatedBy, change = old.CreatedBy, "changed"
	}
	p.Revision++
	state.Policies.Put(tx, &p)
	sys := state.SystemRow(tx)
	sys.Replan = 1 // in steps, by the scheduler: there may be many credentials
	state.System.Put(tx, &sys)
	tx.Emit(audit.PolicyPut.With("policy", string(p.ID), "name", p.Name, "change", change))
	return p, nil
}).AuditDenials()

const leastVerify = 15 * time.Minute

func check(p *model.Policy) error {
	if !model.ValidName(p.Name) {
		return model.Errorf(model.Invalid, "a policy's name has 1 to 63 letters, digits, '-', '_' or '.'").WithField("name")
	}
	year := 10 * 365 * 24 * time.Hour.Milliseconds()
	for _, f := range []struct {
		name     string
		v        int64
		min, max int64
	}{
		{"max_age", p.MaxAge, 0, year}, {"view_expiry", p.ViewExpiry, 0, year}, {"session_expiry", p.SessionExpiry, 0, year},
		{"custody_ttl", p.CustodyTTL, 1000, year}, {"retry_interval", p.RetryInterval, 0, model.Day},
		{"bad_login_window", p.BadLoginWindow, 1000, 24 * time.Hour.Milliseconds()},
		{"attempts", int64(p.Attempts), 0, model.MaxAttempts}, {"bad_logins", int64(p.BadLogins), 1, 16},
		{"strength.length", int64(p.Strength.Length), 8, 256}, {"priority", int64(p.Priority), 0, 255},
	} {
		if f.v < f.min || f.v > f.max {
			return model.Errorf(model.Invalid, "%s is %d, it must be between %d and %d", f.name, f.v, f.min, f.max).WithField(f.name)
		}
	}
	if p.RetryInterval != 0 && p.RetryInterval < 100 {
		return model.Errorf(model.Invalid, "retry_interval is 0, for that of the execution parameters, or at least 100 ms").WithField("retry_interval")
	}
	if p.VerifyEvery != 0 && (p.VerifyEvery < leastVerify.Milliseconds() || p.VerifyEvery > year) {
		return model.Errorf(model.Invalid, "verify_every is 0 or at least %s: each verification is a login on the target", leastVerify).WithField("verify_every")
	}
	if err := p.Criteria.Check(); err != nil {
		return err
	}
	if err := p.Window.Check(); err != nil {
		return err
	}
	s := p.Strength
	if s.Lower < 0 || s.Upper < 0 || s.Digits < 0 || s.Symbols < 0 || s.Lower+s.Upper+s.Digits+s.Symbols > s.Length {
		return model.Errorf(model.Invalid, "the classes of characters do not fit into the length").WithField("strength")
	}
	return model.CheckText("strength.set", s.Set, 64)
}
