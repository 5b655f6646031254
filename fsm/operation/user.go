package operation

import (
	"cmp"
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// user is a dynamic user that is created or removed. What may have been sent to a target is removed, whatever happens: a
// removal has no last attempt and cannot be cancelled.
type user struct {
	*model.DynamicUser
	profile *model.DynamicProfile
	policy  model.Policy
	n       int // which operation of its command a removal is
}

// Provision orders the creation of a new user. The n-th operation of a command derives its id from the command.
func Provision(tx *table.Tx, m command.Meta, n int, u *model.DynamicUser, p *model.DynamicProfile, trigger string) (*model.Operation, error) {
	s := &user{DynamicUser: u, profile: p, policy: state.Tries(tx, u.Account(p))}
	o, err := s.order(tx, m, n, Spec{Kind: model.Provision, Trigger: trigger, Requester: u.Owner})
	if err != nil {
		return nil, err
	}
	o.MaxAttempts = s.policy.Attempts
	state.Operations.Put(tx, o)
	return o, nil
}

// Remove orders the removal of a user, for a reason; of one that is being created when nobody works on that any more. The
// n-th operation of a command derives its id from the command.
func Remove(tx *table.Tx, m command.Meta, n int, u *model.DynamicUser, p *model.DynamicProfile, reason string) error {
	s := &user{DynamicUser: u, profile: p, policy: state.Tries(tx, u.Account(p)), n: n}
	u.Unwanted = cmp.Or(u.Unwanted, reason)
	switch u.State {
	case model.DynamicActive:
		if err := s.removal(tx, m); err != nil {
			return err
		}
	case model.DynamicRequested:
		o, ok := state.Operations.First(tx, "open", string(u.ID))
		if !ok || o.State.Live() {
			break // its report, or the end of its lease, begins the removal
		}
		if err := move(o, cancelled, m.At, "", reason); err != nil {
			return err
		}
		return end(tx, m, o, s)
	}
	s.store(tx)
	return nil
}

func (s *user) order(tx *table.Tx, m command.Meta, n int, spec Spec) (*model.Operation, error) {
	d, ok := state.Devices.Get(tx, string(s.Device))
	if !ok {
		return nil, model.Errorf(model.Invalid, "the profile's device does not exist").WithCode(1011)
	}
	spec.Dedup = string(spec.Kind) + "/" + string(s.ID)
	o := &model.Operation{Target: model.TargetRef{Kind: model.TargetDynamicUser, ID: string(s.ID)}, Device: d.ID, Site: d.Site, Kind: spec.Kind}
	o.Executor, o.Template = s.means(o)
	add(tx, m, n, o, spec)
	return o, nil
}

func (s *user) means(o *model.Operation) (model.ExecutorName, model.TemplateID) {
	if o.Kind == model.Deprovision {
		return s.profile.Executor, s.profile.Remove
	}
	return s.profile.Executor, s.profile.Create
}

// removal begins it, not before everything that may still create the user has had its time.
func (s *user) removal(tx *table.Tx, m command.Meta) error {
	s.State = model.DynamicRemoving
	_, err := s.order(tx, m, s.n, Spec{Kind: model.Deprovision, Trigger: s.Unwanted, Requester: s.Owner, NotBefore: s.ClearAt})
	return err
}

func (s *user) object() *authz.Object {
	return &authz.Object{Credential: model.CredentialID(s.ID), CreatedBy: s.Owner}
}
func (s *user) busy() *model.OperationID    { return &s.Busy }
func (s *user) account() *model.Credential  { return nil } // nobody minds its being locked
func (s *user) impossible() error           { return nil }
func (s *user) logins(*model.Operation) int { return 0 }

func (s *user) begin(_ command.Meta, o *model.Operation, a BeginArgs) (uint64, error) {
	switch {
	case o.Kind == model.Deprovision:
		return 1, nil
	case s.Row != "" && a.Reuse == 1:
		return 1, nil
	case s.Row == "" && a.Reuse == 0 && a.Row != "" && !a.Candidate.IsZero():
		s.Row, s.Secret = a.Row, a.Candidate
		return 1, nil
	}
	return 0, model.Errorf(model.Invalid, "begin without the secret that all attempts share")
}

func (s *user) report(tx *table.Tx, m command.Meta, o *model.Operation, a FinishArgs, clear model.Time) error {
	if o.Kind == model.Deprovision {
		return s.removed(tx, m, o, a)
	}
	if err := s.created(m, o, a); err != nil {
		return err
	}
	if o.State != model.OpSucceeded {
		s.ClearAt = clear
	}
	return s.drop(m, o)
}

// created moves a creation. Only a login makes it a success.
func (s *user) created(m command.Meta, o *model.Operation, a FinishArgs) error {
	var e event
	switch settle := o.State == model.OpSettling; {
	case settle && a.Proven == 1:
		e = foundNew
	case settle && slices.Contains(a.Refused, 1):
		e = foundOld
	case settle:
		e = undetermined
	case a.Outcome == model.OutcomeApplied && a.Proven == 1:
		e = applied
	case a.Outcome == model.OutcomeRejected:
		e = rejected
	case a.Outcome == model.OutcomeNotStarted:
		e = notStarted
	default:
		e = doubtful
	}
	if o.State == model.OpLeased {
		if e != notStarted {
			return model.Errorf(model.Conflict, "the operation was not begun")
		}
		o.Attempt++
	}
	if err := move(o, e, m.At, m.Node, a.Class); err != nil {
		return err
	}
	o.NotBefore = m.At.Add(s.policy.Patience(max(1, o.Attempt, o.Settles)))
	if e == doubtful {
		o.NotBefore = m.At.Add(settlePause)
	}
	return nil
}

// removed moves a removal: an attempt proves that the user is gone, twice, ten minutes apart.
func (s *user) removed(tx *table.Tx, m command.Meta, o *model.Operation, a FinishArgs) error {
	settle, e := o.State == model.OpSettling, undetermined
	if a.Outcome == model.OutcomeApplied && o.State != model.OpLeased {
		proven, next := s.Gone(a.Found, m.At)
		switch e = goneOnce; {
		case proven && settle:
			e = verified
		case proven:
			e = applied
		}
		o.NotBefore = next
		relieve(tx, m, s.Device)
		return move(o, e, m.At, m.Node, a.Class)
	}
	if !settle {
		e = map[model.Outcome]event{model.OutcomeNotStarted: notStarted, model.OutcomeRejected: rejected}[a.Outcome]
		if e = cmp.Or(e, doubtful); o.State == model.OpLeased {
			e = notStarted
		}
	}
	if a.Found {
		s.GoneAt = 0
	}
	s.Failures++
	o.NotBefore = m.At.Add(s.policy.Patience(s.Failures))
	if s.Failures == model.DebtAfter {
		tx.Emit(audit.DynamicDebt.With("user", string(s.ID), "number", fmt.Sprint(s.Number), "username", s.Username, "operation", string(o.ID)))
		if s.Held != "" {
			state.NoteDSMError(tx, model.DSMError{Secret: s.Held, At: m.At, Task: model.TaskDeprovision, Operation: o.Number, Message: cmp.Or(a.Message, "the removal failed")})
		}
	}
	return move(o, e, m.At, m.Node, a.Class)
}

func (s *user) lost(m command.Meta, o *model.Operation) error {
	if o.Kind == model.Deprovision {
		return nil
	}
	s.ClearAt = m.At // the lease and its grace are over
	return s.drop(m, o)
}

// drop ends a creation that nobody wants any more.
func (s *user) drop(m command.Meta, o *model.Operation) error {
	if s.Unwanted == "" || o.State.Final() {
		return nil
	}
	return move(o, cancelled, m.At, "", s.Unwanted)
}

func (s *user) stopped(_ command.Meta, o *model.Operation) error {
	if o.Kind == model.Deprovision {
		return model.Errorf(model.Conflict, "a removal is never cancelled: the user may exist on its target")
	}
	return nil
}

func (s *user) ended(tx *table.Tx, m command.Meta, o *model.Operation) error {
	fields := []string{"user", string(s.ID), "number", fmt.Sprint(s.Number), "username", s.Username}
	if o.Kind == model.Provision {
		noteFailure(tx, m, o, model.TaskProvision, s.Held)
	}
	switch {
	case o.Kind == model.Provision && o.State == model.OpSucceeded && s.Unwanted == "":
		s.State, s.ActiveAt, s.ExpiresAt = model.DynamicActive, m.At, m.At.Add(model.Span(s.TTL))
		tx.Emit(audit.DynamicActive.With(append(fields, "until", s.ExpiresAt.String())...))
		return nil
	case o.Kind == model.Provision && s.Row != "":
		s.Unwanted = cmp.Or(s.Unwanted, "failed")
		return s.removal(tx, m)
	}
	s.Unwanted = cmp.Or(s.Unwanted, "failed")
	s.State, s.RemovedAt, s.Row, s.Secret = model.DynamicRemoved, m.At, "", model.Sealed{}
	if found, ok := state.Orphans.First(tx, "name", state.OrphanKey(s.Device, s.Username)); ok && found.User == s.ID {
		state.Orphans.Delete(tx, table.NumberKey(found.Number))
	}
	tx.Emit(audit.DynamicRemoved.With(append(fields, "reason", s.Unwanted)...))
	return nil
}

func (s *user) store(tx *table.Tx) {
	s.Revision++
	state.PutDynamicUser(tx, s.DynamicUser)
}
