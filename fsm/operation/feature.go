// Package operation is the feature of operations: tasks on targets with their leases, attempts and outcomes. It is the
// lowest feature: others import it to schedule work.
//
// It guarantees that at most one slot holds an operation (Grant), that results apply once and only for the live lease
// (the fencing token is the log position of the grant), that the new secret is committed before the target is touched
// (Begin), that no transition deletes a secret version, and that an uncertain outcome is settled by login only.
package operation

import (
	"cmp"
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "operation", Commands: []command.Erased{
	Request, Preflight, Grant, Share, Begin, Keep, Renew, Finish, Expire, Cancel, Retry, RunNow, Defer, Undefer, Prune, Capture, ReadCapture, DropCaptures,
}}

var (
	run      = authz.Action{Module: model.ModulePAM, Write: true, Right: model.OperationRun}
	hear     = authz.Action{Module: model.ModulePAM, Right: model.SecretRead}
	bySystem = authz.Action{System: true}
)

// Spec is what a new operation is made from.
type Spec struct {
	Kind      model.OperationKind
	Trigger   string
	Requester model.AuthorizationID
	NotBefore model.Time
	Dedup     string // "": one open operation per credential, kind and current version
	Parent    model.OperationID
	Source    uint64 // child change: version number of the parent's secret
	Reconcile bool   // a change by the reconciliation account and template
	Occasion  *model.Occasion
}

// Create adds an operation on a credential, unless one with the same dedup key is open: then it gives that one, which begins at once
// if somebody wants it now. The n-th operation of a command derives its id from the command.
func Create(tx *table.Tx, m command.Meta, n int, c *model.Credential, s Spec) (*model.Operation, bool, error) {
	if s.Dedup == "" {
		s.Dedup = DedupKey(s.Kind, c)
		if s.Requester != "" && s.NotBefore > m.At {
			s.Dedup += "/later" // what is asked for at a later time stands for nothing that happens before
		}
	}
	if open, ok := state.Operations.First(tx, "dedup", s.Dedup); ok {
		if s.Requester != "" && s.NotBefore <= m.At && open.Holdable(true) {
			hurry(tx, m, open) // a trigger asked for it before, and it may be held back: now somebody wants it
		}
		return open, false, nil
	}
	d, ok := state.Devices.Get(tx, string(c.Device))
	if !ok {
		return nil, false, model.Errorf(model.Invalid, "the credential's device does not exist").WithCode(1011)
	}
	p := state.Tries(tx, c)
	o := &model.Operation{
		Target: model.TargetRef{Kind: model.TargetCredential, ID: string(c.ID)}, Device: d.ID, Site: d.Site,
		Executor: c.Execution.Executor, Template: c.Execution.ChangeTemplate, MaxAttempts: p.Attempts,
	}
	if s.Reconcile {
		if v := inherited(tx, c); v != nil { // what a child should have is its parent's password
			s.Kind, s.Source = model.ChildPasswordChange, v.N
		}
		r := &c.Execution.Reconcile
		o.Executor, o.Template, o.Reconcile = r.Executor, r.Template, true
	}
	add(tx, m, n, o, s)
	return o, true, nil
}

// inherited is the version of the parent's secret that a child should have; nil: it has no parent, or that has none.
func inherited(tx *table.Tx, c *model.Credential) *model.SecretVersion {
	parent, ok := state.Credentials.Look(tx, string(c.Parent))
	if !ok {
		return nil
	}
	return parent.ByRole(model.RoleCurrent)
}

// add numbers a new operation and stores it; unless it has an id, that is the n-th of the command.
func add(tx *table.Tx, m command.Meta, n int, o *model.Operation, s Spec) {
	if o.ID == "" {
		o.ID = model.OperationID(m.NewID(n))
	}
	o.Number, o.Kind, o.Occasion = state.Next(tx, "operation"), s.Kind, s.Occasion
	o.Trigger, o.Requester, o.DedupKey, o.Parent, o.Source = s.Trigger, s.Requester, s.Dedup, s.Parent, s.Source
	o.State, o.NotBefore, o.CreatedAt, o.Revision = model.OpReady, max(s.NotBefore, m.At), m.At, 1
	if s.Kind == model.Verify || s.Kind == model.Preflight || s.Kind == model.SearchOrphans {
		o.State = model.OpUncertain // a verify is nothing but settling; a dry run and a search change nothing either
	}
	o.History = []model.Transition{{At: m.At, To: o.State, Event: "created by " + s.Trigger}}
	state.Operations.Insert(tx, o)
	tx.Emit(audit.OperationCreated.With(told(tx, o)...))
}

// DedupKey is unique among open operations: a second leader, or a second trigger, cannot create twins.
func DedupKey(k model.OperationKind, c *model.Credential) string {
	if k == model.Verify {
		return "verify/" + string(c.ID)
	}
	var n uint64
	if v := c.ByRole(model.RoleCurrent); v != nil {
		n = v.N
	}
	return fmt.Sprintf("change/%s/%d", c.ID, n)
}

// Changeable tells why a credential cannot be changed on its target; nil if it can.
func Changeable(c *model.Credential) error {
	switch {
	case !c.Enabled:
		return model.Errorf(model.Invalid, "Credential inactive").WithCode(1008)
	case c.Execution.Executor == "" || c.Execution.ChangeTemplate == "":
		return model.Errorf(model.Invalid, "the credential has no executor and change template: set execution_settings.change_plugin and change_template").WithField("execution_settings")
	case c.Shut():
		return errShut
	case len(c.Versions) >= model.MaxVersions:
		return model.Errorf(model.Conflict, "the credential holds %d secret versions that cannot be removed yet: verify it first", len(c.Versions))
	}
	return nil
}

var errShut = model.Errorf(model.Conflict, "the account is closed on its target: it is changed and verified while a session has it open")

// Reconcilable tells why the secret cannot be set anew by the reconciliation account; nil if it can.
func Reconcilable(c *model.Credential) error {
	switch {
	case !c.Enabled:
		return model.Errorf(model.Invalid, "Credential inactive").WithCode(1008)
	case !c.Execution.Reconcile.Possible():
		return model.Errorf(model.Invalid, "the credential has no reconciliation: set its template and the credential that logs in for it").WithField("reconcile")
	case len(c.Versions) >= model.MaxVersions:
		return model.Errorf(model.Conflict, "the credential holds %d secret versions that cannot be removed yet: verify it first", len(c.Versions))
	}
	return nil
}

// RequestArgs ask for an operation on a credential.
type RequestArgs struct {
	Credential model.CredentialID  `cbor:"credential"`
	Kind       model.OperationKind `cbor:"kind"`
	Trigger    string              `cbor:"trigger"`
	NotBefore  model.Time          `cbor:"not_before,omitempty"`
	Reconcile  bool                `cbor:"reconcile,omitempty"` // a change by the reconciliation account
	Capture    bool                `cbor:"capture,omitempty"`   // what the target says is kept, of an operation that was open already too
}

// RequestResult is the operation: a new one, or the one that was open already.
type RequestResult struct {
	Operation model.OperationID `cbor:"operation"`
	Number    uint64            `cbor:"number"`
	Created   bool              `cbor:"created"`
}

// Request creates a change or a verify; clients need the right to run operations, triggers speak for the system.
var Request = command.Define("operation.request", 1, func(tx *table.Tx, m command.Meta, a RequestArgs) (RequestResult, error) {
	c, ok := state.Credentials.Get(tx, string(a.Credential))
	if !ok {
		return RequestResult{}, model.Errorf(model.Invalid, "Credential not found").WithCode(1007)
	}
	act := run
	act.System = true
	p, err := command.Authorize(tx, m.Actor, m.At, act, authz.ObjectOf(c))
	if err != nil {
		return RequestResult{}, err
	}
	if a.Kind != model.PasswordChange && a.Kind != model.Verify {
		return RequestResult{}, model.Errorf(model.Invalid, "unknown kind of operation %q: password_change or verify", a.Kind).WithField("kind")
	}
	if p == nil && state.SystemRow(tx).Frozen { // the trigger looked just before state time jumped
		return RequestResult{}, model.Errorf(model.Conflict, "nothing falls due: "+model.Unconfirmed)
	}
	// A trigger is not told no, because it would ask again at once: Grant ends the operation with a reason and an alarm,
	// and the trigger rests for a day.
	possible := c.Enabled && c.Execution.Executor != "" && !c.Shut()
	if a.Reconcile {
		if err := Reconcilable(c); err != nil || a.Kind != model.PasswordChange || p == nil {
			return RequestResult{}, cmp.Or(err, error(model.Errorf(model.Invalid, "a reconciliation is a change that somebody asks for").WithField("kind")))
		}
	} else if err := Changeable(c); err != nil && (!possible || a.Kind == model.PasswordChange && p != nil) {
		return RequestResult{}, err
	}
	if len(a.Trigger) > 32 {
		return RequestResult{}, model.Errorf(model.Invalid, "trigger is too long").WithField("trigger")
	}
	s := Spec{Kind: a.Kind, Trigger: a.Trigger, NotBefore: a.NotBefore, Reconcile: a.Reconcile}
	if p != nil {
		s.Requester = p.Authorization.ID
		if s.NotBefore > m.At.Add(maxDelay) {
			return RequestResult{}, model.Errorf(model.Invalid, "an operation is scheduled at most a year ahead").WithField("not_before")
		}
	}
	o, created, err := Create(tx, m, 0, c, s)
	if p == nil && c.PutOff(a.Kind, m.At, m.At.Add(model.Recheck)) {
		putCredential(tx, c)
	}
	if err == nil && created && o.Automatic() {
		err = StartAutomatic(tx, m, 1)
	}
	if err == nil && a.Capture && p != nil {
		if err = mayHear(tx, m, o); err == nil {
			capture(tx, o, true)
			putOperation(tx, o)
		}
	}
	if err != nil {
		return RequestResult{}, err
	}
	return RequestResult{o.ID, o.Number, created}, nil
}).AuditDenials()
