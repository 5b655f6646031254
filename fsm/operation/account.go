package operation

import (
	"cmp"
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// account is a credential whose account is activated for a session, or inactivated after the last one. What may have been
// activated counts as open from the moment when the activation began, and is inactivated whatever happens: that has no last
// attempt and cannot be cancelled. Templates are run again when it is not known what became of them, so they succeed where
// there is nothing to do.
type account struct{ credential }

var (
	opening = []model.OperationKind{model.CredentialActivation, model.EphemeralCreate}
	closing = []model.OperationKind{model.CredentialInactivation, model.EphemeralRemove}
)

func opens(k model.OperationKind) bool    { return slices.Contains(opening, k) }
func isAccess(k model.OperationKind) bool { return opens(k) || slices.Contains(closing, k) }

// orderAccess orders an activation, or an inactivation that does not begin before wait.
func orderAccess(tx *table.Tx, m command.Meta, n int, c *model.Credential, activate bool, by model.AuthorizationID, wait model.Time) error {
	d, ok := state.Devices.Get(tx, string(c.Device))
	if !ok {
		return model.Errorf(model.Invalid, "the credential's device does not exist").WithCode(1011)
	}
	kind := c.JIT.AccessKind(activate)
	o := &model.Operation{Target: model.TargetRef{Kind: model.TargetCredential, ID: string(c.ID)}, Device: d.ID, Site: d.Site, Kind: kind}
	if activate {
		o.MaxAttempts = state.Tries(tx, c).Attempts
	}
	o.Executor, o.Template = (&account{credential{Credential: c}}).means(o)
	add(tx, m, n, o, Spec{Kind: kind, Trigger: "session", Requester: by, NotBefore: wait, Dedup: string(kind) + "/" + string(c.ID)})
	return nil
}

// Activatable tells why an account cannot be activated; nil if it can.
func Activatable(c *model.Credential) error {
	switch {
	case !c.Enabled:
		return model.Errorf(model.Invalid, "Credential inactive").WithCode(1008)
	case c.ByRole(model.RoleCurrent) == nil:
		return model.Errorf(model.Invalid, "the credential holds no secret yet: nothing could log in").WithCode(1007)
	}
	return nil
}

func (s *account) impossible() error { return nil } // see begin: the end of a session waits for nobody

func (s *account) means(o *model.Operation) (model.ExecutorName, model.TemplateID) {
	switch {
	case s.JIT == nil:
		return o.Executor, o.Template
	case opens(o.Kind):
		return s.JIT.Executor, s.JIT.Activate
	}
	return s.JIT.Executor, s.JIT.Deactivate
}

// logins: an activation is proven by a login. That an inactivation is proven by one which the target refuses must not keep
// it from being done.
func (s *account) logins(o *model.Operation) int {
	if opens(o.Kind) {
		return 1
	}
	return 0
}

func (s *account) begin(_ command.Meta, o *model.Operation, a BeginArgs) (uint64, error) {
	if s.Version(a.Reuse) == nil || s.JIT == nil {
		return 0, model.Errorf(model.Invalid, "begin without the secret that proves it")
	}
	if opens(o.Kind) {
		s.JIT = s.jit(model.AccountOpen, 0)
	}
	return a.Reuse, nil
}

// jit copies the row's part before it is written: rows in views are shared.
func (s *account) jit(to model.AccountState, failures int) *model.JIT {
	j := *s.JIT
	j.State, j.Failures = to, failures
	return &j
}

func (s *account) report(tx *table.Tx, m command.Meta, o *model.Operation, a FinishArgs, _ model.Time) error {
	settle, activate := o.State == model.OpSettling, opens(o.Kind)
	var e event
	switch {
	case a.Outcome == model.OutcomeApplied && o.State != model.OpLeased:
		e = applied
		if settle {
			e = verified
		}
		if !activate {
			s.JIT = s.jit(model.AccountClosed, 0)
		} else if a.Proven != 0 {
			s.VerifiedAt = m.At
		}
		return move(o, e, m.At, m.Node, a.Class)
	case settle && activate && o.Settles >= max(1, o.MaxAttempts):
		e = exhausted
	case settle:
		e = onceMore
	default:
		e = map[model.Outcome]event{model.OutcomeNotStarted: notStarted, model.OutcomeRejected: rejected}[a.Outcome]
		if e = cmp.Or(e, doubtful); o.State == model.OpLeased {
			e = notStarted
			o.Attempt++
		}
	}
	tries := max(1, o.Attempt, o.Settles)
	if !activate {
		s.JIT = s.jit(s.JIT.State, s.JIT.Failures+1)
		if tries = s.JIT.Failures; tries == model.DebtAfter {
			tx.Emit(audit.SessionDebt.With("credential", string(s.ID), "number", fmt.Sprint(s.Number), "operation", string(o.ID)))
		}
	}
	o.NotBefore = m.At.Add(s.policy.Patience(tries))
	return move(o, e, m.At, m.Node, a.Class)
}

func (s *account) stopped(_ command.Meta, o *model.Operation) error {
	if opens(o.Kind) {
		return model.Errorf(model.Conflict, "an activation is not cancelled: end its session")
	}
	return model.Errorf(model.Conflict, "an inactivation is never cancelled: the account may be open on its target")
}

// ended lets the sessions that wait begin, or fail, and orders what is to be done next.
func (s *account) ended(tx *table.Tx, m command.Meta, o *model.Operation) error {
	if o.State == model.OpDead {
		for _, live := range slices.Collect(state.Sessions.By(tx, "live", string(s.ID))) {
			if live.State == model.SessionOpening {
				closeSession(tx, m, live, model.SessionFailed, cmp.Or(o.Message, "the account could not be activated"))
			}
		}
	}
	state.Plan(tx, s.Credential)
	return settleAccess(tx, m, 0, s.Credential, 0)
}
