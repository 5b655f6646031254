package telnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"time"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// The questions of a login and the prompt after it, at the end of what the target said. A password question must stand alone
// on its line: "Current password:" after a login is no repeated question.
var (
	usernamePrompt = regexp.MustCompile(`(?i)(login|user ?name|user)[ \t]*:\s*\z`)
	passwordPrompt = regexp.MustCompile(`(?im)^[ \t]*password[ \t]*:\s*\z`)
	passcodePrompt = regexp.MustCompile(`(?im)^[ \t]*passcode[ \t]*:\s*\z`)
	shellPrompt    = regexp.MustCompile(`(?m)^[^\r\n]*\S?[$#>%][ \t]?\z`)
)

// prompts are the questions of one program: for the user name, and for the secret in one way or another.
type prompts struct {
	username  *regexp.Regexp
	passwords []*regexp.Regexp
}

var usual = prompts{usernamePrompt, []*regexp.Regexp{passwordPrompt, passcodePrompt}}

// literal is a prompt that a template names.
func literal(text string) *regexp.Regexp {
	return regexp.MustCompile(regexp.QuoteMeta(text) + `\s*\z`)
}

// wrongSecret says that the target asked for the login again instead of letting us in.
type wrongSecret struct{ *executors.Failure }

// Unwrap gives the failure.
func (e *wrongSecret) Unwrap() error { return e.Failure }

// connect opens a connection. The protocol hides nothing, so the device must say that this is meant.
func connect(ctx context.Context, s executors.Session, limit time.Duration) (net.Conn, error) {
	if !s.Target.InsecureTLS {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: "Telnet sends every password in clear text, which the device does not allow: cofre device update HOST --insecure-tls lets it, and is audited"}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := s.Dial(ctx, "tcp", s.Address(DefaultPort))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.Address(DefaultPort), err)
	}
	return conn, nil
}

// logIn answers the questions of a login, each once. It tells whether a prompt of a shell stands there afterwards.
func (t *terminal) logIn(ctx context.Context, p prompts, user string, with secret.Value, limit time.Duration, out *dialogue.Stream) (in bool, err error) {
	until := time.Now().Add(limit)
	ask := func(endings ...*regexp.Regexp) (dialogue.Ending, error) {
		e, err := out.Settled(ctx, time.Until(until), endings...)
		if err == nil && e.Ended {
			err = &executors.Failure{Class: executors.ClassNetwork, Msg: "the target closed the connection during login"}
		}
		return e, err
	}
	questions := append([]*regexp.Regexp{p.username}, p.passwords...)
	e, err := ask(questions...)
	if err == nil && e.Which == 0 {
		out.Skip()
		if err = t.say([]byte(user)); err == nil {
			e, err = ask(p.passwords...)
		}
	} else {
		e.Which-- // a target that asks for a password only
	}
	switch { // nobody has shown a password yet
	case err != nil:
		return false, executors.Spare(err)
	case e.Which < 0:
		return false, &executors.Failure{Class: executors.ClassTimeout, Spared: true, Msg: fmt.Sprintf("the target did not ask for user name and password within %s", limit)}
	}
	out.Skip()
	answered := 1 + e.Which
	if err := with.Reveal(t.say); err != nil {
		return false, err
	}
	e, err = ask(append(questions, shellPrompt)...)
	switch {
	case err != nil:
		return false, err
	case e.Which > 0 && e.Which < len(questions) && e.Which != answered:
		// Telnet does not tell whether the password was taken, so this may have been a failing login.
		return false, &executors.Failure{Class: executors.ClassProtocol, Msg: "after the password of " + user + " the target asks for another secret, which Cofre does not have: let this account log in by its password alone"}
	case e.Which == 0 || e.Which == answered:
		return false, &wrongSecret{&executors.Failure{Class: executors.ClassAuth, Msg: "the target refused the login of " + user + " and asks again"}}
	case !e.Shown:
		return false, &executors.Failure{Class: executors.ClassTimeout, Msg: fmt.Sprintf("the target said nothing to the password within %s", limit)}
	}
	return e.Which == len(questions), nil
}

func (t *terminal) say(text []byte) error {
	line := append(append(make([]byte, 0, len(text)+2), text...), '\r', '\n')
	defer clear(line)
	if _, err := t.Write(line); err != nil {
		return &executors.Failure{Class: executors.ClassNetwork, Msg: "the connection was lost during login"}
	}
	return nil
}

// loginName resolves a user name that a login line can carry.
func loginName(s executors.Session, n mask.Name) (string, error) {
	v, err := s.Resolve(n)
	if err != nil {
		return "", executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
	}
	if err := loginSecret(string(n), v); err != nil {
		return "", err
	}
	return dialogue.Text(s.Resolve, n)
}

// loginSecret refuses what a login line cannot carry.
func loginSecret(what string, v secret.Value) error {
	err := v.Reveal(func(b []byte) error {
		if len(b) == 0 {
			return errors.New("the value is empty")
		}
		_, err := carry(mask.Part{}, b)
		return err
	})
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", what, err))
	}
	return nil
}

func limitOr(d time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return dialogue.DefaultTimeout
}

// open is the Open of a program.
func (p *program) open(ctx context.Context, s executors.Session, limit time.Duration, out *dialogue.Stream) (dialogue.Line, error) {
	var user string
	var password secret.Value
	var err error
	if !p.anonymous {
		if user, err = loginName(s, mask.AuthUser); err != nil {
			return nil, err
		}
		if password, err = s.Resolve(mask.AuthPassword); err != nil {
			return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
		}
		if err := loginSecret(string(mask.AuthPassword), password); err != nil {
			return nil, err
		}
	}
	limit = limitOr(limit)
	conn, err := connect(ctx, s, limit)
	if err != nil {
		return nil, err
	}
	t := newTerminal(ctx, conn, out)
	if p.anonymous {
		return t, nil
	}
	in, err := t.logIn(ctx, p.prompts, user, password, 3*limit, out)
	if err != nil {
		t.Close(err)
		return nil, err
	}
	how := model.Step{Text: "logged in as " + mask.AuthUser.String()}
	if in {
		s.Enter(how)
	} else { // a menu, or one more question: it may yet be a refusal
		s.Trace.Step(how)
	}
	return t, nil
}
