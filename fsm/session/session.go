// Package session is the feature of sessions: the use of a credential by a person, through a proxy that says when it begins
// and ends. What a session does to the account is fsm/operation's.
package session

import (
	"fmt"
	"time"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "session", Commands: []command.Erased{Start, End, Close}}

var (
	use  = authz.Action{Module: model.ModulePAM, Right: model.SecretRead}
	see  = authz.Action{Module: model.ModulePAM}
	drop = authz.Action{Module: model.ModulePAM, Write: true, Right: model.OperationRun}
)

// ErrUnknown says that there is no such session.
var ErrUnknown = model.Errorf(model.Invalid, "Session not found").WithCode(1002)

// StartArgs ask for a session.
type StartArgs struct {
	Credential model.CredentialID `cbor:"credential"`
	Person     string             `cbor:"person"`
	Source     string             `cbor:"source,omitempty"`
	Protocol   string             `cbor:"protocol,omitempty"`
	Proxy      string             `cbor:"proxy,omitempty"`
	Reason     string             `cbor:"reason,omitempty"`
	Ticket     string             `cbor:"ticket,omitempty"`
	TTL        int64              `cbor:"ttl,omitempty"` // milliseconds until it is closed; 0: DefaultSession
}

// Start begins a session: it is for who may read the secret, because it is its use. An account that is opened for sessions
// is activated first.
var Start = command.Define("session.start", 1, func(tx *table.Tx, m command.Meta, a StartArgs) (model.Session, error) {
	c, ok := state.Credentials.Get(tx, string(a.Credential))
	if !ok {
		return model.Session{}, model.Errorf(model.Invalid, "Credential not found").WithCode(1007)
	}
	p, err := command.Authorize(tx, m.Actor, m.At, use, authz.ObjectOf(c))
	if err != nil {
		return model.Session{}, err
	}
	if err := check(&a); err != nil {
		return model.Session{}, err
	}
	if err := operation.Activatable(c); err != nil {
		return model.Session{}, err
	}
	if other, live := state.Sessions.First(tx, "live", string(c.ID)); live && state.PolicyOf(tx, c).OneSession {
		e := model.Errorf(model.Invalid, "No access to credential: session %d uses it", other.Number).WithCode(1009)
		e.RetryAfter = int64(max(0, other.Until.Sub(m.At))/time.Second) + 1
		return model.Session{}, e
	}
	s := &model.Session{ID: model.SessionID(m.NewID(0) + m.NewID(1)[:8]), Number: state.Next(tx, "session"), Credential: c.ID, Device: c.Device, Person: a.Person, Source: a.Source,
		Protocol: a.Protocol, Proxy: a.Proxy, Reason: a.Reason, Ticket: a.Ticket, By: p.Authorization.ID, StartedAt: m.At, Until: m.At.Add(model.Span(a.TTL))}
	if err := operation.OpenSession(tx, m, 2, c, s); err != nil {
		return model.Session{}, err
	}
	s, _ = state.Sessions.Get(tx, string(s.ID)) // its account may have been open already
	return *s, nil
}).AuditDenials()

func check(a *StartArgs) error {
	for _, f := range []struct {
		name, text string
		limit      int
	}{{"user", a.Person, model.MaxName}, {"source", a.Source, model.MaxName}, {"protocol", a.Protocol, model.MaxName}, {"proxy", a.Proxy, model.MaxName}, {"reason", a.Reason, model.MaxText}, {"ticket", a.Ticket, model.MaxName}} {
		if err := model.CheckText(f.name, f.text, f.limit); err != nil {
			return err
		}
	}
	if a.Person == "" {
		return model.Errorf(model.Invalid, "User not specified: a session is a person's").WithField("user")
	}
	if a.TTL == 0 {
		a.TTL = model.DefaultSession.Milliseconds()
	}
	if a.TTL < model.LeastSession.Milliseconds() || a.TTL > model.MostSession.Milliseconds() {
		return model.Errorf(model.Invalid, "a session lasts between %s and %s", model.LeastSession, model.MostSession).WithField("ttl")
	}
	return nil
}

// EndArgs name a session.
type EndArgs struct {
	ID model.SessionID `cbor:"id"`
}

// End ends a session: who began it, or who may run operations on the credential and drops it.
var End = command.Define("session.end", 1, func(tx *table.Tx, m command.Meta, a EndArgs) (model.Session, error) {
	s, ok := state.Sessions.Get(tx, string(a.ID))
	if !ok {
		return model.Session{}, ErrUnknown
	}
	c, ok := state.Credentials.Get(tx, string(s.Credential))
	if !ok {
		return model.Session{}, model.Errorf(model.Internal, "the session's credential is gone")
	}
	p, err := command.Authorize(tx, m.Actor, m.At, see, authz.ObjectOf(c))
	if err != nil {
		return model.Session{}, err
	}
	reason := "ended"
	if p.Authorization.ID != s.By {
		reason = "dropped"
		if _, err := command.Authorize(tx, m.Actor, m.At, drop, authz.ObjectOf(c)); err != nil {
			return model.Session{}, err
		}
	}
	if !s.Live() {
		return model.Session{}, model.Errorf(model.Conflict, "the session is over: it %s", map[bool]string{true: "failed", false: "ended"}[s.State == model.SessionFailed])
	}
	if err := operation.EndSession(tx, m, 0, s, reason); err != nil {
		return model.Session{}, err
	}
	return *s, nil
}).AuditDenials()

// Done is the result of verbs that have nothing to tell.
type Done struct{}

// Close ends a session whose time is over; the scheduler proposes it.
var Close = command.Define("session.close", 1, func(tx *table.Tx, m command.Meta, a EndArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return Done{}, err
	}
	s, ok := state.Sessions.Get(tx, string(a.ID))
	if !ok || !s.Live() || s.Until > m.At || state.SystemRow(tx).Frozen {
		return Done{}, nil
	}
	if err := operation.EndSession(tx, m, 0, s, "timeout"); err != nil {
		return Done{}, fmt.Errorf("close the session: %w", err)
	}
	return Done{}, nil
})
