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

// FinishArgs are what an attempt came to. A change reports Outcome and Class; a settling reports Proven (the version that
// logged in, 0 if none), Refused (those that the target refused) and whether all were tried.
type FinishArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Token     model.Pos         `cbor:"token"`
	Outcome   model.Outcome     `cbor:"outcome"`
	Class     string            `cbor:"class,omitempty"`
	Message   string            `cbor:"message,omitempty"` // redacted
	Proven    uint64            `cbor:"proven,omitempty"`
	Refused   []uint64          `cbor:"refused,omitempty"`
	Attempt   model.Attempt     `cbor:"attempt"`
}

// FinishResult tells whether the report was taken and what became of the operation.
type FinishResult struct {
	Fenced bool                 `cbor:"fenced,omitempty"`
	State  model.OperationState `cbor:"state,omitempty"`
}

const (
	settlePause  = 2 * time.Second
	afterFailure = 24 * time.Hour
	maxMessage   = 1024
	maxSteps     = 200
	classAuth    = "auth"
)

// Finish settles an attempt, once, for the live lease only.
var Finish = command.Define("operation.finish", 1, func(tx *table.Tx, m command.Meta, a FinishArgs) (FinishResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return FinishResult{}, err
	}
	o, ok := leased(tx, m, a.Operation, a.Token, "finish")
	if !ok {
		return FinishResult{Fenced: true}, nil
	}
	c, found := state.Credentials.Get(tx, o.Target.ID)
	if !found {
		return FinishResult{}, model.Errorf(model.Internal, "the operation's credential is gone")
	}
	if len(a.Message) > maxMessage || len(a.Attempt.Steps) > maxSteps || len(a.Refused) > model.MaxVersions {
		return FinishResult{}, model.Errorf(model.Invalid, "the report is too long")
	}
	settle := o.State == model.OpSettling
	p := state.PolicyOf(tx, c)
	var err error
	if settle {
		err = settled(m, o, c, &p, a)
	} else {
		err = changed(m, o, c, &p, a)
	}
	if err != nil {
		return FinishResult{}, err
	}
	o.Message = a.Message
	a.Attempt.Operation, a.Attempt.Token, a.Attempt.Node, a.Attempt.Settle = o.ID, a.Token, m.Node, settle
	a.Attempt.EndedAt, a.Attempt.Outcome, a.Attempt.Class, a.Attempt.Message = m.At, o.History[len(o.History)-1].Event, a.Class, a.Message
	state.Attempts.Put(tx, &a.Attempt)
	if o.State == model.OpReady && o.Attempt >= o.MaxAttempts {
		if err := move(o, exhausted, m.At, m.Node, ""); err != nil {
			return FinishResult{}, err
		}
	}
	if o.State.Final() {
		finish(tx, o, c)
	} else {
		settleOwner(tx, o, c)
		tx.Emit(audit.OperationRetried.With("operation", string(o.ID), "number", fmt.Sprint(o.Number), "outcome", a.Attempt.Outcome, "class", a.Class, "state", o.State.String()))
	}
	if o.State == model.OpSucceeded && o.Kind != model.Verify {
		if err := scheduleChildren(tx, m, o, c); err != nil {
			return FinishResult{}, err
		}
	}
	return FinishResult{State: o.State}, nil
})

// changed takes the outcome of a change. It never deletes a version: a late packet of a dead executor may still land.
func changed(m command.Meta, o *model.Operation, c *model.Credential, p *model.Policy, a FinishArgs) error {
	e := doubtful
	switch a.Outcome {
	case model.OutcomeApplied:
		e = applied
	case model.OutcomeRejected:
		e = rejected
	case model.OutcomeNotStarted:
		e = notStarted
		if o.State == model.OpRunning {
			if v := c.Version(o.Candidate); v != nil {
				v.Unsent = true
			}
			if a.Class == classAuth && c.Execution.Authentication == "" {
				e = disagreed // the target does not know the secret that we believe in: find out which one it knows
			}
		}
	}
	if o.State == model.OpLeased {
		if e != notStarted {
			return model.Errorf(model.Conflict, "the operation was not begun")
		}
		o.Attempt++ // an attempt that failed before its candidate counts too
	}
	if err := move(o, e, m.At, m.Node, a.Class); err != nil {
		return err
	}
	switch e {
	case applied:
		c.Adopt(o.Candidate, m.At)
		c.ChangedAt, c.Execution.Started, c.BadLogins = m.At, true, nil
		if a.Proven == o.Candidate {
			c.VerifiedAt = m.At
		}
	case rejected, notStarted:
		c.Abandon(m.At)
		if c.Sync == model.SyncChanging {
			c.Sync = restingSync(c)
		}
		o.NotBefore = m.At.Add(p.Backoff(max(1, o.Attempt)))
	case disagreed:
		c.Abandon(m.At)
		c.NoteBadLogins(1, m.At)
		if v := c.ByRole(model.RoleCurrent); v != nil {
			o.Refused = []uint64{v.N}
		}
		o.NotBefore = m.At
	default: // doubtful: give packets that are on their way time to land
		o.Refused = nil
		o.NotBefore = m.At.Add(settlePause)
	}
	return nil
}

// settled takes what logins found out.
func settled(m command.Meta, o *model.Operation, c *model.Credential, p *model.Policy, a FinishArgs) error {
	c.NoteBadLogins(len(a.Refused), m.At)
	for _, n := range a.Refused {
		if !slices.Contains(o.Refused, n) {
			o.Refused = append(o.Refused, n)
		}
	}
	e := undetermined
	switch v := c.Version(a.Proven); {
	case v != nil && o.Kind == model.Verify:
		e = verified
	case v != nil && v.Role == model.RoleCandidate && v.N == o.Candidate:
		e = foundNew
	case v != nil:
		e = foundOld
	case allRefused(c, o.Refused):
		e = foundNone
	}
	if err := move(o, e, m.At, m.Node, ""); err != nil {
		return err
	}
	switch e {
	case foundNew, foundOld, verified:
		if c.Version(a.Proven).Role != model.RoleCurrent && e != verified {
			c.ChangedAt = m.At
		}
		c.Adopt(a.Proven, m.At)
		c.Abandon(m.At)
		c.VerifiedAt, c.BadLogins, o.Refused = m.At, nil, nil
		c.Execution.Started = c.Execution.Started || e == foundNew
		o.NotBefore = m.At.Add(p.Backoff(max(1, o.Attempt)))
	case foundNone:
		c.Abandon(m.At)
		c.Sync = model.SyncOutOfSync
	case undetermined:
		o.NotBefore = m.At.Add(p.Backoff(max(1, o.Settles)))
		if left, at := c.LoginBudget(p.BadLogins, model.Span(p.BadLoginWindow), m.At); left <= 0 {
			o.NotBefore = max(o.NotBefore, at)
		}
	}
	return nil
}

func allRefused(c *model.Credential, refused []uint64) bool {
	for _, n := range c.SettleOrder() {
		if !slices.Contains(refused, n) {
			return false
		}
	}
	return true
}

func restingSync(c *model.Credential) model.SyncState {
	if c.ChangedAt != 0 || c.VerifiedAt != 0 {
		return model.SyncInSync
	}
	return model.SyncUnknown
}

// settleOwner keeps the credential bound to an operation that is uncertain or at work, and free otherwise.
func settleOwner(tx *table.Tx, o *model.Operation, c *model.Credential) {
	if o.State == model.OpReady && c.Busy == o.ID {
		c.Busy = ""
	}
	putOperation(tx, o)
	putCredential(tx, c)
}

// finish frees the credential, plans its next change, and tells the trail.
func finish(tx *table.Tx, o *model.Operation, c *model.Credential) {
	if c.Busy == o.ID {
		c.Busy = ""
	}
	p := state.PolicyOf(tx, c)
	c.RotateAt = p.NextRotation(c)
	if o.State != model.OpSucceeded && c.RotateAt != 0 {
		// A failed change is not tried again at once by its trigger (product.md 1.12): a day later.
		c.RotateAt = max(c.RotateAt, o.FinishedAt.Add(afterFailure))
	}
	putOperation(tx, o)
	putCredential(tx, c)
	tx.Emit(audit.OperationFinished.With("operation", string(o.ID), "number", fmt.Sprint(o.Number), "state", o.State.String(),
		"kind", string(o.Kind), "target", o.Target.ID, "attempts", fmt.Sprint(o.Attempt)))
	if o.State == model.OpOutOfSync {
		tx.Emit(audit.CredentialAlarm.With("credential", string(c.ID), "number", fmt.Sprint(c.Number), "operation", string(o.ID), "identifier", c.Identifier))
	}
}

// scheduleChildren gives each child credential the parent's new secret, as an operation of its own.
func scheduleChildren(tx *table.Tx, m command.Meta, o *model.Operation, c *model.Credential) error {
	v := c.ByRole(model.RoleCurrent)
	children := slices.Collect(state.Credentials.By(tx, "parent", string(c.ID)))
	for i, child := range children {
		if Changeable(child) != nil {
			continue
		}
		spec := Spec{Kind: model.ChildPasswordChange, Trigger: "parent", Parent: o.ID, Source: v.N, Dedup: fmt.Sprintf("child/%s/%s", child.ID, o.ID)}
		if _, _, err := Create(tx, m, i, child, spec); err != nil {
			return err
		}
	}
	return nil
}
