// Package executortest is the conformance kit of executors: what every engine must keep, whatever its protocol.
//
// Exercise runs a template against a real target, or a double that speaks the real protocol, through connections that
// it cuts at every write, and asks the target itself afterwards which secret is in force. An outcome that claims more
// than is true fails the test. Only tests may import it.
package executortest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Account is a name with its password.
type Account struct{ Name, Password string }

// Kit is an executor together with a target to try it on.
type Kit struct {
	Executor executors.Executor
	Template string // changes the password of USERNAME to NEW_PASSWORD
	Target   model.Endpoint
	Account  func(t testing.TB) Account                // a fresh account on the target
	Manager  *Account                                  // who logs in to do the work; nil: the account itself
	Login    func(name, password string) (bool, error) // asks the target, without the executor
	Hostile  []string                                  // new passwords that must arrive unchanged
	Unfit    []string                                  // new passwords that must be refused before dialing
	Rejected string                                    // a new password that the target refuses; "": it takes all
	Values   map[mask.Name]string                      // of further tags
	Route    func(executors.Dialer) executors.Dialer   // the way to the target; nil: straight
	Connect  time.Duration                             // time-outs of the session; 0: 20 s, and the executor's
	Read     time.Duration
	Impostor *model.Endpoint // where the protocol proves no target: one that knows nobody, and lets everybody in
	Makes    bool            // the target makes an account that it does not know, which opens to nobody
	Lingers  bool            // the target takes a replaced password for a while
	Framed   bool            // a message is two writes, its length and itself: every second one is cut
	Speaks   bool            // the target says something that a person would read, in every attempt
	Stays    bool            // a session of Manager serves the next attempt too
	Opening  int             // writes of the protocol's handshake that another kit of the same client cuts, and this one does not
}

// Fresh makes a new password that every target takes.
func Fresh() string { return "Nn7-" + rand.Text()[:12] + "-q2" }

// attempt is one run with everything that came out of it.
type attempt struct {
	outcome executors.Outcome
	err     error
	steps   []model.Step
	entered bool   // AUTH_USER was said to be in
	said    string // what the target said, as a capture keeps it
	wire    *wire
	secrets []string
}

// change runs the template once.
func (k Kit) change(ctx context.Context, t testing.TB, a Account, fresh string, w *wire, before func(string) error) attempt {
	p, err := k.Executor.Compile(k.Template)
	if err != nil {
		t.Errorf("compile: %v", err)
		return attempt{wire: w, err: err}
	}
	rec := executors.NewRecorder()
	s := k.session(a, fresh, w)
	out := attempt{wire: w, secrets: []string{a.Password, fresh}}
	s.Trace, s.Capture, s.Before, s.Sessions = rec, &executors.Capture{}, before, w.sessions
	s.Entered = func() { out.entered = true }
	if k.Manager != nil {
		out.secrets = append(out.secrets, k.Manager.Password)
	}
	if out.outcome, out.err = p.Run(ctx, s); out.outcome == executors.Applied {
		Ran(k.Template)
	}
	out.steps = rec.Steps()
	said, _ := s.Capture.Output()
	_ = said.Reveal(func(b []byte) error { out.said = string(b); return nil })
	if k.Speaks && out.outcome == executors.Applied && out.said == "" {
		t.Error("what the target said was not captured")
	}
	k.check(t, out)
	return out
}

func (k Kit) session(a Account, fresh string, w *wire) executors.Session {
	auth := a
	if k.Manager != nil {
		auth = *k.Manager
	}
	tags := map[mask.Name]string{
		mask.Username: a.Name, mask.CurrentPassword: a.Password, mask.NewPassword: fresh,
		mask.AuthUser: auth.Name, mask.AuthPassword: auth.Password, "CONNECT_IP": k.Target.Address,
	}
	maps.Copy(tags, k.Values)
	dial := executors.Dialer(w.dial)
	if k.Route != nil {
		dial = k.Route(dial)
	}
	connect := k.Connect
	if connect == 0 {
		connect = 20 * time.Second
	}
	return executors.Session{Target: k.Target, Managed: k.Manager != nil, Dial: dial, ConnectTimeout: connect, ReadTimeout: k.Read, Resolve: values(tags)}
}

func values(m map[mask.Name]string) mask.Resolver {
	return func(n mask.Name) (secret.Value, error) {
		v, ok := m[n]
		if !ok {
			return secret.Value{}, mask.ErrNoValue
		}
		return secret.New([]byte(v)), nil
	}
}

// check holds for every attempt: error and outcome agree, the error is a Failure, and no secret shows anywhere.
func (k Kit) check(t testing.TB, a attempt) {
	t.Helper()
	var f *executors.Failure
	switch {
	case (a.err == nil) != (a.outcome == executors.Applied):
		t.Errorf("outcome %s with error %v", a.outcome, a.err)
	case a.outcome == executors.Applied && !a.entered:
		t.Errorf("applied, and nobody was told that AUTH_USER is in: Session.Enter")
	case a.outcome == executors.Applied && !slices.ContainsFunc(a.steps, func(s model.Step) bool { return s.Line > 0 }):
		t.Errorf("applied, and no step of the transcript names a line of the template")
	case a.err != nil && (!errors.As(a.err, &f) || f.Class == "" || f.Msg == ""):
		t.Errorf("the error is no complete Failure: %#v", a.err)
	}
	var shown strings.Builder
	fmt.Fprintf(&shown, "%v %+v %#v %s", a.err, a.err, f, a.said)
	for _, s := range a.steps {
		fmt.Fprintf(&shown, " %+v", s)
	}
	for _, s := range a.secrets {
		if form := Leak(shown.String(), s); form != "" {
			t.Errorf("a secret shows as %s in error, transcript or capture", form)
		}
	}
}

// inForce asks the target and compares with what the outcome claims.
func (k Kit) inForce(t testing.TB, name string, a attempt, acc Account, fresh string) (changed bool) {
	t.Helper()
	login := func(password string) bool {
		ok, err := k.Login(acc.Name, password)
		if err != nil {
			t.Errorf("%s: ask the target: %v", name, err)
		}
		return ok
	}
	switch a.outcome {
	case executors.Applied:
		if !login(fresh) {
			t.Errorf("%s: applied, but the new password does not log in", name)
		}
		return true
	case executors.NotStarted, executors.Rejected:
		if !login(acc.Password) {
			t.Errorf("%s: %s (%v), but the old password does not log in", name, a.outcome, a.err)
		}
		if k.Lingers && login(fresh) {
			t.Errorf("%s: %s (%v), but the new password logs in", name, a.outcome, a.err)
		}
		return false
	}
	if login(fresh) {
		return true
	}
	if !login(acc.Password) && !login(fresh) { // the change may land between the two questions
		t.Errorf("%s: neither password logs in", name)
	}
	return false
}

// Once runs the template a single time over a whole network, for tests of one executor's own cases.
func (k Kit) Once(t testing.TB, a Account, fresh string) (executors.Outcome, error) {
	t.Helper()
	out := k.change(context.Background(), t, a, fresh, &wire{}, nil)
	return out.outcome, out.err
}

// Session is what an executor gets to change an account's password, over a whole network.
func (k Kit) Session(a Account, fresh string) executors.Session { return k.session(a, fresh, &wire{}) }
