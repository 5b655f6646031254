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

// changeFirst is how long an account stays open after its last session for the change that follows it: the proof of a
// change is a login.
const changeFirst = 2 * time.Minute

// EndSession ends a session, for a reason. With the last one of a credential its secret is changed if the policy says so,
// and its account is inactivated. n is which operation of the command the first one is; it uses two.
func EndSession(tx *table.Tx, m command.Meta, n int, s *model.Session, reason string) error {
	c, ok := state.Credentials.Get(tx, string(s.Credential))
	if !ok {
		return model.Errorf(model.Internal, "the session's credential is gone")
	}
	used := s.State == model.SessionActive
	closeSession(tx, m, s, model.SessionEnded, reason)
	if used {
		c.UsedAt = m.At
		state.Plan(tx, c)
		putCredential(tx, c)
	}
	if _, live := state.Sessions.First(tx, "live", string(c.ID)); live {
		return nil
	}
	wait := model.Time(0)
	pol := state.PolicyOf(tx, c)
	if used && pol.Enabled && pol.ChangeOnSession && c.Execution.Automatic && c.Execution.Started && Changeable(c) == nil {
		// It was asked for by who used it: no freeze holds it back.
		if _, _, err := Create(tx, m, n, c, Spec{Kind: model.PasswordChange, Trigger: "session", Requester: s.By}); err != nil {
			return err
		}
		wait = m.At.Add(changeFirst)
	}
	return settleAccess(tx, m, n+1, c, wait)
}

// EndSessions ends every session of a credential, for a reason. n is which operation of the command the first one is; it gives that
// of the next.
func EndSessions(tx *table.Tx, m command.Meta, n int, c *model.Credential, reason string) (int, error) {
	for _, s := range slices.Collect(state.Sessions.By(tx, "live", string(c.ID))) {
		if err := EndSession(tx, m, n, s, reason); err != nil {
			return n, err
		}
		n += 2
	}
	return n, nil
}

func closeSession(tx *table.Tx, m command.Meta, s *model.Session, to model.SessionState, reason string) {
	s.State, s.EndedAt, s.Ended = to, m.At, reason
	putSession(tx, s)
	if to == model.SessionFailed {
		reason = "activation" // what a target says is no field of an event
	}
	tx.Emit(audit.SessionEnded.With("session", string(s.ID), "number", fmt.Sprint(s.Number), "credential", string(s.Credential), "person", s.Person, "state", to.String(), "reason", reason))
}

// OpenSession begins a session of a credential: at once, or when its account is activated.
func OpenSession(tx *table.Tx, m command.Meta, n int, c *model.Credential, s *model.Session) error {
	s.State = model.SessionActive
	if c.JIT != nil {
		s.State = model.SessionOpening
	} else {
		s.ActiveAt = m.At
	}
	putSession(tx, s)
	tx.Emit(audit.SessionStarted.With("session", string(s.ID), "number", fmt.Sprint(s.Number), "credential", string(c.ID), "device", string(s.Device), "person", s.Person,
		"source", s.Source, "proxy", s.Proxy, "until", s.Until.String()))
	return settleAccess(tx, m, n, c, 0)
}

// settleAccess orders what is to be done so that an account is open exactly while it has sessions. An operation at work is
// waited for: its end comes here again. An inactivation does not begin before wait.
func settleAccess(tx *table.Tx, m command.Meta, n int, c *model.Credential, wait model.Time) error {
	if c.JIT == nil {
		return nil
	}
	live := slices.Collect(state.Sessions.By(tx, "live", string(c.ID)))
	if o := openAccess(tx, c); o != nil {
		untouched := o.State == model.OpReady && o.Attempt == 0
		if !untouched || opens(o.Kind) == (len(live) > 0) {
			return nil
		}
		if err := move(o, cancelled, m.At, "", "the sessions changed before it began"); err != nil {
			return err
		}
		putOperation(tx, o)
	}
	switch {
	case len(live) > 0 && c.JIT.State == model.AccountOpen:
		admit(tx, m, live)
		return nil
	case len(live) > 0:
		return orderAccess(tx, m, n, c, true, live[0].By, 0)
	case c.JIT.State == model.AccountOpen:
		return orderAccess(tx, m, n, c, false, "", wait)
	}
	return nil
}

// admit lets the sessions that wait for their account begin.
func admit(tx *table.Tx, m command.Meta, live []*model.Session) {
	for _, s := range live {
		if s.State == model.SessionOpening {
			s.State, s.ActiveAt = model.SessionActive, m.At
			putSession(tx, s)
			tx.Emit(audit.SessionActive.With("session", string(s.ID), "number", fmt.Sprint(s.Number), "credential", string(s.Credential)))
		}
	}
}

// openAccess finds the operation that activates or inactivates an account and is not over.
func openAccess(tx *table.Tx, c *model.Credential) *model.Operation {
	for o := range state.Operations.By(tx, "open", string(c.ID)) {
		if isAccess(o.Kind) {
			return o
		}
	}
	return nil
}

// InAccess tells whether an operation that activates an account, or inactivates it, is not over.
func InAccess(tx *table.Tx, c *model.Credential) bool { return openAccess(tx, c) != nil }

// HasOpen tells whether a session has an account open, and nothing is on its way that would close it.
func HasOpen(tx *table.Tx, c *model.Credential) bool {
	if c.JIT.State != model.AccountOpen || InAccess(tx, c) {
		return false
	}
	_, live := state.Sessions.First(tx, "live", string(c.ID))
	return live
}

// hasten lets an inactivation that waits for a change begin, because the change is over.
func hasten(tx *table.Tx, m command.Meta, c *model.Credential) {
	if c.JIT == nil {
		return
	}
	if o := openAccess(tx, c); o != nil && !opens(o.Kind) && o.State == model.OpReady && o.Attempt == 0 && o.NotBefore > m.At {
		o.NotBefore, o.Held = m.At, 0
		putOperation(tx, o)
	}
}

func putSession(tx *table.Tx, s *model.Session) {
	s.Revision++
	state.Sessions.Put(tx, s)
}
