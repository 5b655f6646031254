package winrm

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// run is one attempt in progress.
type run struct {
	session executors.Session
	red     *executors.Redactor
	plain   bool
	who     account
	conn    *client
	shell   string
	executors.Effect
	line int
}

// refusal is the target's clear no: nothing was done.
type refusal struct{ *executors.Failure }

// Unwrap gives the failure.
func (e *refusal) Unwrap() error { return e.Failure }

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &run{session: s, red: red, plain: p.plain}
	err := r.run(ctx, p)
	if err == nil {
		return executors.Applied, nil
	}
	f := *failure(red, err)
	f.Line = max(f.Line, r.line)
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	var no *refusal
	return r.Outcome(errors.As(err, &no)), &f
}

func (r *run) run(ctx context.Context, p *program) error {
	password, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	if r.who, err = login(r.session, mask.AuthUser, authDomain, password); err != nil {
		return err
	}
	for _, st := range p.steps { // so that a value which does not fit is found before anything is dialed
		f, err := r.fill(st)
		f.wipe()
		if err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	defer func() { r.hangUp() }()
	for _, st := range p.steps {
		r.line = st.line
		err := r.step(ctx, st)
		note := model.Step{Line: st.line, Text: st.source}
		if err != nil {
			note.Error = failure(r.red, err).Msg
		}
		r.session.Trace.Step(note)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) permit(step string) error {
	if err := r.session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, err)
	}
	return nil
}

// connect logs in and opens a shell.
func (r *run) connect(ctx context.Context) error {
	if err := r.permit("connect"); err != nil {
		return err
	}
	c, err := open(ctx, r.session, r.red, r.plain)
	if err != nil {
		return err
	}
	r.conn, r.shell = c, ""
	first, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	if err = c.login(first, r.who); err == nil {
		r.session.Enter(model.Step{Text: "logged in as " + mask.AuthUser.String()})
		r.shell, err = c.createShell(first)
	}
	if err != nil {
		c.hangUp()
	}
	return err
}

func (r *run) hangUp() {
	if r.shell != "" {
		r.conn.deleteShell(r.shell)
	}
	r.conn.hangUp()
}

// filled is a step with its values.
type filled struct {
	line  string // of a command
	input []byte // of a script: what the bootstrap reads
	fresh string // of a reload
}

func (f filled) wipe() { clear(f.input) }

// fill renders a step.
func (r *run) fill(st step) (f filled, err error) {
	switch st.verb {
	case sleep:
		return f, nil
	case reload:
		v, err := r.session.Resolve(mask.NewPassword)
		if err != nil {
			return f, fmt.Errorf("%s: %w", mask.NewPassword, err)
		}
		return f, v.Reveal(func(b []byte) error { f.fresh = string(b); return nil })
	case command:
		v, err := mask.Render(st.parts, r.session.Resolve, escape)
		if err != nil {
			return f, err
		}
		return f, v.Reveal(func(b []byte) error { f.line = string(b); return nil })
	}
	script := st.script
	if st.verb == change {
		if _, err := mask.Render([]mask.Part{{Hole: mask.Username}}, r.session.Resolve, fitName); err != nil {
			return f, err
		}
		switch own, err := r.session.Itself(); {
		case err != nil:
			return f, err
		case own:
			script = st.own
		}
	}
	f.input, err = r.input(script)
	return f, err
}

// input is a script with its values as the bootstrap reads them.
func (r *run) input(c code) ([]byte, error) {
	out := append([]byte(base64.StdEncoding.EncodeToString([]byte(c.text))), '\n')
	for _, h := range c.holes {
		v, err := mask.Render([]mask.Part{h}, r.session.Resolve, fitValue)
		if err != nil {
			return nil, err
		}
		_ = v.Reveal(func(b []byte) error {
			line := base64.StdEncoding.AppendEncode(nil, b)
			if h.Hole.Secret() {
				r.red.Add(secret.New(bytes.Clone(line))) // it is encoded a second time on its way
			}
			out = append(append(out, line...), '\n')
			return nil
		})
		v.Wipe()
	}
	return append(out, ".\n"...), nil
}

func (r *run) step(ctx context.Context, st step) error {
	f, err := r.fill(st)
	defer f.wipe()
	if err != nil {
		return executors.Fail(executors.ClassTemplate, st.line, err)
	}
	switch st.verb {
	case sleep:
		select {
		case <-time.After(st.pause):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	case reload:
		r.hangUp()
		r.shell = ""
		r.who.password = f.fresh
		return r.connect(ctx)
	}
	in, cancel := context.WithTimeout(ctx, r.conn.limit)
	defer cancel()
	res, err := r.execute(in, st, f, maxOutput)
	if err != nil {
		return err
	}
	if res.exit == 0 {
		r.Done = true
		return nil
	}
	return r.judge(st, res)
}

// execute runs a script or a command line to its end, and keeps so many bytes of what it writes.
func (r *run) execute(ctx context.Context, st step, f filled, most int) (result, error) {
	line := launch
	if st.verb == command {
		line = f.line
	}
	if err := r.permit(st.source); err != nil {
		return result{}, err
	}
	r.Exposed = r.Exposed || st.verb == command
	id, err := r.conn.start(ctx, r.shell, line)
	if err != nil {
		return result{}, err
	}
	if st.verb != command {
		r.Exposed = true // up to here the bootstrap waits for a script
	}
	err = r.conn.send(ctx, r.shell, id, f.input)
	if no := (*refused)(nil); st.verb == command && errors.As(err, &no) {
		err = nil // it had ended before it was told that there is no input
	}
	if err != nil {
		return result{}, err
	}
	res, err := r.conn.wait(ctx, r.shell, id, most)
	if len(res.out) > 0 {
		r.session.Capture.Hear(append(res.out, '\n'))
	}
	return res, err
}

// refusing are answers by which Windows says that it did not do what was asked: types of exceptions, and codes of COM and of Win32.
var refusing = map[string]string{
	"Microsoft.PowerShell.Commands.InvalidPasswordException": "", "Microsoft.PowerShell.Commands.UserExistsException": "", "Microsoft.PowerShell.Commands.UserNotFoundException": "",
	"Microsoft.PowerShell.Commands.AccessDeniedException": "", "Microsoft.PowerShell.Commands.InvalidNameException": "", "Microsoft.PowerShell.Commands.NameInUseException": "",
	"80070005": "access denied", "80070056": "the old password is wrong", "800708AD": "there is no such account", "800708B0": "there is an account with this name already",
	"800708C5": "the password policy refuses the new password",
	"2221":     "there is no such account", "2224": "there is an account with this name already", "2245": "the password policy refuses the new password",
}

var (
	thrown = regexp.MustCompile(`(?m)^(\S+) ([0-9A-F]{8}) ((?s:.*))$`)
	help   = regexp.MustCompile(`NET HELPMSG (\d{4})`)
)

// judge reads how a script or a command failed.
func (r *run) judge(st step, res result) error {
	f := &executors.Failure{Class: executors.ClassProtocol, Line: st.line, Msg: fmt.Sprintf("exit code %d: %s", res.exit, r.red.Text(string(res.out[:min(len(res.out), 2000)])))}
	var words []string
	if m := thrown.FindStringSubmatch(string(res.out)); m != nil && st.verb != command {
		f.Msg = r.red.Text(m[3])
		words = m[1:3]
	} else if m := help.FindStringSubmatch(string(res.out)); m != nil && st.verb == command {
		words = m[1:2]
	}
	for _, w := range words {
		meaning, known := refusing[w]
		if !known {
			continue
		}
		f.Class = executors.ClassPolicy
		if meaning != "" {
			f.Msg = meaning
		}
		if st.single {
			return &refusal{f}
		}
	}
	return f
}
