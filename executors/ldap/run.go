package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	directory "github.com/go-ldap/ldap/v3"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// run is one attempt in progress.
type run struct {
	session executors.Session
	red     *executors.Redactor
	conn    *client
	bound   bool
	dn      string // of the entry that was found
	executors.Effect
	line int // of the command at work
}

// refusal is the server's clear no: the change had no effect.
type refusal struct{ error }

// Unwrap gives the server's answer.
func (e *refusal) Unwrap() error { return e.error }

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &run{session: s, red: red}
	err := r.run(ctx, p)
	if err == nil {
		return executors.Applied, nil
	}
	f := *failure(red, err)
	f.Line = max(f.Line, r.line)
	if r.bound && f.Class == executors.ClassAuth {
		f.Class = executors.ClassPolicy
	}
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	var refused *refusal
	return r.Outcome(errors.As(err, &refused)), &f
}

func (r *run) run(ctx context.Context, p *program) (err error) {
	password, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	if password.Len() == 0 {
		return &executors.Failure{Class: executors.ClassTemplate, Msg: mask.AuthPassword.String() + " is empty, which would be an anonymous login"}
	}
	for _, st := range p.steps { // so that a value which does not fit is found before anything is dialed
		filled, err := r.fill(st)
		filled.wipe()
		if err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	in, err := r.logIn(ctx, p, password)
	if err != nil {
		return err
	}
	r.conn = in.Conn
	r.conn.tie(ctx, r.session)
	defer func() {
		r.conn.untie()
		in.Return(err)
	}()
	for _, st := range p.steps[1:] {
		r.line = st.line
		if err := r.step(st, password); err != nil {
			return err
		}
	}
	return nil
}

// logIn does the first step, which is always a bind, unless a session that did the same stayed. One in which somebody else is bound later
// stays for nobody.
func (r *run) logIn(ctx context.Context, p *program, password secret.Value) (in executors.Borrowed[*client], err error) {
	st := p.steps[0]
	name, err := r.text(st.name, escapeName)
	if err != nil {
		return in, executors.Fail(executors.ClassTemplate, st.line, err)
	}
	if slices.ContainsFunc(p.steps[1:], func(st step) bool { return st.verb == "bind" }) {
		r.session.Sessions = nil
	}
	note := model.Step{Line: st.line, Text: st.source}
	in, err = executors.LogIn(ctx, r.session, Name, secret.New([]byte(name)), password, strconv.FormatBool(p.startTLS), func() (*client, error) {
		c, err := dial(ctx, r.session, p.startTLS)
		if err != nil {
			return nil, err
		}
		r.line = st.line
		if err := c.bind(name, password); err != nil {
			c.hangUp()
			note.Error = failure(r.red, err).Msg
			r.session.Trace.Step(note)
			return nil, err
		}
		return c, nil
	})
	if err != nil {
		return in, err
	}
	if in.Reused {
		note.Text = in.Step().Text
	}
	r.bound = true
	r.session.Enter(note)
	return in, nil
}

func (r *run) permit(step string) error {
	if err := r.session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, err)
	}
	return nil
}

// filled is a step with its values.
type filled struct {
	name, filter string
	values       []secret.Value
	number       int64 // that bits are changed of
}

func (f filled) wipe() {
	for _, v := range f.values {
		v.Wipe()
	}
}

// fill renders a step.
func (r *run) fill(st step) (f filled, err error) {
	if f.name, err = r.text(st.name, escapeName); err != nil {
		return f, err
	}
	if f.filter, err = r.text(st.filter, escapeFilter); err != nil {
		return f, err
	}
	if st.verb == "bind" && f.name == "" {
		return f, errors.New("bind without a name would be an anonymous login")
	}
	for _, w := range st.values {
		v, err := mask.Render(w.parts, r.session.Resolve, plainValue)
		if err != nil {
			return f, err
		}
		if (w.password() || st.verb == "password-modify") && v.Reveal(hashLike) != nil {
			v.Wipe()
			return f, errors.New("a new password that begins with {...} would be taken for a hash")
		}
		if w.wide {
			plain := v
			_ = plain.Reveal(func(b []byte) error { v = secret.New(wide(b)); return nil })
			plain.Wipe()
		}
		f.values = append(f.values, v)
	}
	return f, nil
}

func (r *run) text(parts []mask.Part, escape mask.Escape) (out string, err error) {
	v, err := mask.Render(parts, r.session.Resolve, escape)
	if err == nil {
		err = v.Reveal(func(b []byte) error { out = string(b); return nil })
	}
	return out, err
}

// step does one command.
func (r *run) step(st step, password secret.Value) error {
	f, err := r.fill(st)
	defer f.wipe()
	if err != nil {
		return executors.Fail(executors.ClassTemplate, st.line, err)
	}
	if st.bits != 0 {
		if f.number, err = r.conn.number(r.dn, st.attr); err != nil {
			return err
		}
	}
	if st.writes() {
		if err := r.permit(st.source); err != nil {
			return err
		}
		r.Exposed = true
	}
	switch st.verb {
	case "bind":
		if err = r.conn.bind(f.name, password); err == nil {
			r.bound = true
		}
	case "find":
		r.dn, err = r.conn.find(f.name, f.filter)
	default:
		err = r.write(st, f)
	}
	note := model.Step{Line: st.line, Text: st.source}
	if err != nil {
		note.Error = failure(r.red, err).Msg
	}
	r.session.Trace.Step(note)
	if st.verb == "bind" && err == nil {
		r.session.Entered()
	}
	if st.writes() {
		if c := code(err); err != nil && c != success && c < clientSide && !unclear[c] {
			return &refusal{err}
		}
		r.Done = r.Done || err == nil
	}
	return err
}

func (r *run) write(st step, f filled) error {
	var texts []string // the library wants strings
	for _, v := range f.values {
		_ = v.Reveal(func(b []byte) error { texts = append(texts, string(b)); return nil })
	}
	change := func(kind uint, values []string) directory.Change {
		return directory.Change{Operation: kind, Modification: directory.PartialAttribute{Type: st.attr, Vals: values}}
	}
	switch st.verb {
	case "add":
		return r.conn.add(f.name, st.values, texts)
	case "delete":
		return r.conn.remove(f.name)
	case "password-modify":
		return r.conn.password(r.dn, texts[0])
	case "set-bits", "clear-bits":
		return r.flags(st, f.number)
	case "mod-add":
		return r.conn.modify(r.dn, change(directory.AddAttribute, texts))
	case "mod-replace":
		return r.conn.modify(r.dn, change(directory.ReplaceAttribute, texts))
	}
	if st.old > 0 {
		return r.conn.modify(r.dn, change(directory.DeleteAttribute, texts[:st.old]), change(directory.AddAttribute, texts[st.old:]))
	}
	return r.conn.modify(r.dn, change(directory.DeleteAttribute, texts))
}

// flags changes bits of a number. The old value goes with the request, so that what somebody else changed meanwhile is not undone;
// bits that are right already are no change.
func (r *run) flags(st step, old int64) error {
	now := old | st.bits
	if st.verb == "clear-bits" {
		now = old &^ st.bits
	}
	if now == old {
		return nil
	}
	return r.conn.modify(r.dn,
		directory.Change{Operation: directory.DeleteAttribute, Modification: directory.PartialAttribute{Type: st.attr, Vals: []string{strconv.FormatInt(old, 10)}}},
		directory.Change{Operation: directory.AddAttribute, Modification: directory.PartialAttribute{Type: st.attr, Vals: []string{strconv.FormatInt(now, 10)}}})
}
