package operation

import (
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// credential is a credential whose password is changed or verified.
type credential struct {
	*model.Credential
	policy    model.Policy
	reconcile bool // by the reconciliation account
}

func (s *credential) object() *authz.Object      { return authz.ObjectOf(s.Credential) }
func (s *credential) busy() *model.OperationID   { return &s.Busy }
func (s *credential) account() *model.Credential { return s.Credential }
func (s *credential) store(tx *table.Tx)         { putCredential(tx, s.Credential) }

func (s *credential) impossible() error {
	if s.reconcile {
		return Reconcilable(s.Credential)
	}
	return Changeable(s.Credential)
}

// means: a run gives its members templates of their own, and what may have been sent is settled where it was sent.
func (s *credential) means(o *model.Operation) (model.ExecutorName, model.TemplateID) {
	by, with := s.Execution.Executor, s.Execution.ChangeTemplate
	if s.reconcile {
		by, with = s.Execution.Reconcile.Executor, s.Execution.Reconcile.Template
	}
	if o.Run != "" || by == "" || o.State == model.OpSettling && o.Kind != model.Verify {
		return o.Executor, o.Template
	}
	return by, with
}

// logins: a change proves the new secret by one login, which is not made if the first one was refused; settling may try
// every version. A reconciliation comes when logins have failed: it sets the secret anew and does not wait for their window.
func (s *credential) logins(o *model.Operation) int {
	switch {
	case o.State == model.OpSettling:
		return len(s.Versions) + 2 // a candidate is asked for up to three times
	case s.reconcile:
		return 0
	}
	return 1
}

func (s *credential) begin(m command.Meta, o *model.Operation, a BeginArgs) (uint64, error) {
	c := s.Credential
	var n uint64
	switch {
	case a.Reuse != 0 && c.Reoffer(a.Reuse, m.At):
		n = a.Reuse
	case a.Reuse == 0 && a.Row != "" && !a.Candidate.IsZero() && (c.Key != nil) == model.PublicKey(a.Public):
		n = c.AddVersion(a.Row, a.Candidate, model.RoleCandidate, o.ID, m.At)
		c.Version(n).Public, c.Version(n).Common = a.Public, o.Run != ""
	default:
		return 0, model.Errorf(model.Invalid, "begin without a usable candidate")
	}
	if c.Sync != model.SyncOutOfSync { // which it stays until something succeeds
		c.Sync = model.SyncChanging
	}
	return n, nil
}

func (s *credential) report(tx *table.Tx, m command.Meta, o *model.Operation, a FinishArgs, _ model.Time) error {
	if o.State == model.OpSettling {
		return s.settled(tx, m, o, a)
	}
	return s.changed(m, o, a, landed(tx, m))
}

func (s *credential) lost(command.Meta, *model.Operation) error { return nil }

func (s *credential) stopped(_ command.Meta, o *model.Operation) error {
	if o.State == model.OpUncertain && o.Kind != model.Verify {
		return model.Errorf(model.Conflict, "the change may have happened on the target: it is settled by login first and cannot be cancelled")
	}
	return nil
}

// ended plans the next change, raises the alarm, and schedules the children.
func (s *credential) ended(tx *table.Tx, m command.Meta, o *model.Operation) error {
	c := s.Credential
	if o.State == model.OpCancelled {
		return nil
	}
	if o.Occasion != nil {
		noteFailure(tx, m, o, model.TaskRenewal, o.Occasion.Secret)
	}
	switch {
	case o.Kind == model.Verify:
		c.TestedAt = o.FinishedAt
	case o.State == model.OpSucceeded:
		c.RestUntil = 0
	default: // a failed change is not tried again at once by its trigger (product.md 1.12)
		c.RestUntil = o.FinishedAt + model.Time(state.Automation(tx).Settings.ErrorInterval)
	}
	state.Plan(tx, c)
	hasten(tx, m, c)
	switch {
	case o.State == model.OpOutOfSync:
		tx.Emit(audit.CredentialAlarm.With("credential", string(c.ID), "number", fmt.Sprint(c.Number), "operation", string(o.ID), "identifier", c.Identifier))
	case o.State == model.OpDead && len(c.Versions) >= model.MaxVersions:
		tx.Emit(audit.CredentialFull.With("credential", string(c.ID), "number", fmt.Sprint(c.Number)))
	case o.State == model.OpSucceeded && o.Kind != model.Verify:
		return scheduleChildren(tx, m, o, c)
	}
	if o.Kind == model.Verify && o.State == model.OpDead {
		return nil // it could not be told, which is nothing to mend on the target
	}
	alone := o.Run == "" || o.State == model.OpOutOfSync // a run restores what it changed; what it did not change is left as it was
	if o.State != model.OpSucceeded && alone && !o.Reconcile && c.Execution.Reconcile.Autorun && Reconcilable(c) == nil {
		_, _, err := Create(tx, m, 0, c, Spec{Kind: model.PasswordChange, Trigger: "reconcile", Parent: o.ID, Reconcile: true})
		return err
	}
	return nil
}

// changed takes the outcome of a change. It never deletes a version: a late packet of a dead executor may still land.
func (s *credential) changed(m command.Meta, o *model.Operation, a FinishArgs, landed model.Time) error {
	c, p := s.Credential, &s.policy
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
			if a.Class == classAuth && c.Execution.Authentication == "" && !s.reconcile {
				e = disagreed // the target may not know the secret that we believe in: find out
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
		c.ChangedAt, c.Execution.Started = m.At, true
		if c.DriftedAt = 0; a.Proven == o.Candidate {
			c.VerifiedAt = m.At
		}
	case rejected, notStarted:
		c.Abandon(m.At)
		if c.Sync == model.SyncChanging {
			c.Sync = restingSync(c)
		}
		o.NotBefore = m.At.Add(p.Backoff(max(1, o.Attempt)))
	case disagreed:
		// An account that is locked, closed or expired refuses the right secret too: only a proof tells, and comes first.
		c.Abandon(m.At)
		o.Refused, o.NotBefore = nil, m.At
	default: // doubtful
		o.Refused = nil
		o.NotBefore = landed
	}
	return nil
}

// settled takes what logins found out.
func (s *credential) settled(tx *table.Tx, m command.Meta, o *model.Operation, a FinishArgs) error {
	c, p := s.Credential, &s.policy
	for _, n := range a.Refused {
		o.Refused = noteRefused(o.Refused, n)
	}
	none := nextLogin(c, o.Candidate, o.Refused) == 0
	e := undetermined
	switch v := c.Version(a.Proven); {
	case v != nil && o.Kind == model.Verify:
		e = verified
	case v != nil && v.Role == model.RoleCandidate && v.N == o.Candidate:
		e = foundNew
	case v != nil:
		e = foundOld
	case none:
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
		c.VerifiedAt, c.DriftedAt, o.Refused = m.At, 0, nil
		c.Execution.Started = c.Execution.Started || e == foundNew
		o.NotBefore = m.At.Add(p.Backoff(max(1, o.Attempt)))
	case foundNone:
		c.Abandon(m.At)
		c.Sync = model.SyncOutOfSync
		if c.DriftedAt == 0 {
			c.DriftedAt = m.At
		}
	case undetermined:
		s.drifts(tx, m, o)
		o.NotBefore = m.At.Add(p.Patience(max(1, o.Settles)))
		if left, at := c.LoginBudget(p.BadLogins, model.Span(p.BadLoginWindow), m.At); left <= 0 {
			o.NotBefore = max(o.NotBefore, at)
		}
	}
	return nil
}

// drifts notes that the target refused the secret that everybody is handed, with no change on its way that might explain it. Which older
// one is in force may take hours to find out, a few logins at a time; that this one is not is known now.
func (s *credential) drifts(tx *table.Tx, m command.Meta, o *model.Operation) {
	c := s.Credential
	v := c.ByRole(model.RoleCurrent)
	if v == nil || !slices.Contains(o.Refused, v.N) || c.ByRole(model.RoleCandidate) != nil {
		return
	}
	if c.Sync = model.SyncUnknown; c.DriftedAt == 0 {
		c.DriftedAt = m.At
		tx.Emit(audit.CredentialDrifted.With("credential", string(c.ID), "number", fmt.Sprint(c.Number), "operation", string(o.ID), "identifier", c.Identifier))
	}
}

func restingSync(c *model.Credential) model.SyncState {
	if c.DriftedAt == 0 && (c.ChangedAt != 0 || c.VerifiedAt != 0) {
		return model.SyncInSync
	}
	return model.SyncUnknown
}

// scheduleChildren gives each child credential the parent's new secret, as an operation of its own.
func scheduleChildren(tx *table.Tx, m command.Meta, o *model.Operation, c *model.Credential) error {
	v := c.ByRole(model.RoleCurrent)
	children := slices.Collect(state.Credentials.By(tx, "parent", string(c.ID)))
	run, inRun := state.ChainRuns.Get(tx, string(o.Run))
	for i, child := range children {
		if Changeable(child) != nil || inRun && run.Holds(child.ID) {
			continue
		}
		spec := Spec{Kind: model.ChildPasswordChange, Trigger: "parent", Parent: o.ID, Source: v.N, Dedup: fmt.Sprintf("child/%s/%s", child.ID, o.ID)}
		if _, _, err := Create(tx, m, i, child, spec); err != nil {
			return err
		}
	}
	return nil
}
