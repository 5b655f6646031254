package operation

import (
	"cmp"
	"fmt"
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// automated is a credential that logs in to run the template of an automation. What became of a run is proven by nothing
// but its end: one whose end was not seen begins again, with all that is asked before a run.
type automated struct {
	credential
	tx *table.Tx // of the command
	on model.Occasion
}

var errNoAutomation = model.Errorf(model.Conflict, "the automation is gone or disabled")

// automation finds the automation while it may run.
func (s *automated) automation() (*model.DSMAutomation, error) {
	if a, ok := state.DSMAutomations.Get(s.tx, string(s.on.Automation)); ok && a.Enabled {
		return a, nil
	}
	return nil, errNoAutomation
}

func (s *automated) impossible() error {
	if _, err := s.automation(); err != nil {
		return err
	}
	d, ok := state.Devices.Get(s.tx, string(s.Device))
	switch {
	case !ok || !d.Enabled:
		return model.Errorf(model.Invalid, "Device not found").WithCode(1011)
	case s.Shut():
		return errShut
	}
	return Activatable(s.Credential)
}

// means stays as it was: a run reads what its requester may, so it works by the template that this one saved.
func (s *automated) means(o *model.Operation) (model.ExecutorName, model.TemplateID) {
	return o.Executor, o.Template
}

func (s *automated) logins(*model.Operation) int { return 1 }

// begin decides everything again, and lets what happens from now on be an occasion of its own.
func (s *automated) begin(m command.Meta, o *model.Operation, a BeginArgs) (uint64, error) {
	automation, err := s.automation()
	if err != nil {
		return 0, err
	}
	if v := s.ByRole(model.RoleCurrent); v == nil || v.N != a.Reuse {
		return 0, model.Errorf(model.Conflict, "begin without the secret that logs in")
	}
	if err := cmp.Or(mayHand(s.tx, m.At, automation, &s.on), mayRun(s.tx, m.At, automation, s.Credential)); err != nil {
		return 0, err
	}
	on := s.on
	if secret, ok := state.DSMSecrets.Get(s.tx, string(on.Secret)); ok {
		on.Version, on.Name, on.Engine, on.ExpiresAt = secret.Version, secret.Name, secret.Engine, secret.ExpiresAt
	}
	o.Occasion = &on
	o.DedupKey = fmt.Sprintf("automation/%s/%d", o.ID, o.Lease.Token)
	return a.Reuse, nil
}

func (s *automated) report(_ *table.Tx, m command.Meta, o *model.Operation, a FinishArgs, _ model.Time) error {
	e, ok := map[model.Outcome]event{model.OutcomeApplied: applied, model.OutcomeRejected: rejected, model.OutcomeNotStarted: notStarted}[a.Outcome]
	if !ok {
		e = anew
	}
	if o.State == model.OpLeased {
		if e != notStarted {
			return model.Errorf(model.Conflict, "the operation was not begun")
		}
		o.Attempt++ // an attempt that failed before it began counts too
	}
	o.NotBefore = m.At.Add(s.policy.Backoff(max(1, o.Attempt)))
	return move(o, e, m.At, m.Node, a.Class)
}

func (s *automated) lost(m command.Meta, o *model.Operation) error {
	if o.State == model.OpUncertain {
		if err := move(o, anew, m.At, "", ""); err != nil {
			return err
		}
	}
	if o.Attempt < o.MaxAttempts {
		return nil
	}
	return move(o, exhausted, m.At, "", "")
}

func (s *automated) stopped(command.Meta, *model.Operation) error { return nil }

func (s *automated) ended(tx *table.Tx, m command.Meta, o *model.Operation) error {
	state.Plan(tx, s.Credential)
	noteFailure(tx, m, o, model.TaskAutomation, s.on.Secret)
	return nil
}

// noteFailure keeps that an operation for a secret failed.
func noteFailure(tx *table.Tx, m command.Meta, o *model.Operation, task string, s model.DSMSecretID) {
	if o.State != model.OpDead && o.State != model.OpOutOfSync || s == "" {
		return
	}
	state.NoteDSMError(tx, model.DSMError{Secret: s, At: m.At, Task: task, Operation: o.Number, Message: cmp.Or(o.Message, "the operation ended "+o.State.String())})
}

// tellHanded records, before it happens, what the template of an automation is handed.
func tellHanded(tx *table.Tx, o *model.Operation) {
	a, ok := state.DSMAutomations.Get(tx, string(o.Occasion.Automation))
	if !ok {
		return // begin has found it
	}
	fields := []string{"automation", string(a.ID), "number", fmt.Sprint(a.Number), "operation", string(o.ID), "event", string(o.Occasion.Event), "authorization", string(o.Occasion.Authorization)}
	if s, ok := state.DSMSecrets.Get(tx, string(o.Occasion.Secret)); ok {
		var accounts []string
		if v, ok := state.DSMVersions.Get(tx, state.DSMVersionKey(s.ID, s.Version)); ok {
			for _, id := range v.References() {
				if c, ok := state.Credentials.Get(tx, string(id)); ok {
					accounts = append(accounts, fmt.Sprint(c.Number))
				}
			}
		}
		fields = append(fields, "secret", string(s.ID), "version", fmt.Sprint(s.Version), "credentials", strings.Join(accounts, " "))
	}
	tx.Emit(audit.DSMAutomationHanded.With(fields...))
}
