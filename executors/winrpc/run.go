package winrpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oiweiwei/go-msrpc/msrpc/samr/samr/v1"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// run is one attempt in progress.
type run struct {
	session executors.Session
	red     *executors.Redactor
	who     account
	itself  bool // who logs in is who is changed
	conn    *client
	domain  *samr.Handle
	executors.Effect
	line int
}

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
	if r.conn != nil && f.Class == executors.ClassAuth {
		f.Class = executors.ClassPolicy // the login had passed
	}
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	var no *answer
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
	if r.itself, err = r.session.Itself(); err != nil {
		return err
	}
	for _, st := range p.steps { // so that a value which does not fit is found before anything is dialed
		if _, err := r.fill(st); err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	defer func() { r.conn.hangUp() }()
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

func (r *run) connect(ctx context.Context) error {
	if err := r.permit("connect"); err != nil {
		return err
	}
	c, err := dial(ctx, r.session, r.who)
	if err != nil {
		return err
	}
	r.conn, r.domain = c, nil
	r.session.Enter(model.Step{Text: "logged in as " + mask.AuthUser.String()})
	return nil
}

// filled is a step with its values.
type filled struct {
	name     string
	plain    string
	password []byte // as Windows keeps it
}

// fill renders a step.
func (r *run) fill(st step) (f filled, err error) {
	name, err := mask.Render(st.name, r.session.Resolve, fitName)
	if err != nil {
		return f, err
	}
	_ = name.Reveal(func(b []byte) error { f.name = string(b); return nil })
	if st.verb == create {
		if err := fitNew(f.name); err != nil {
			return f, err
		}
	}
	if len(st.password) == 0 {
		return f, nil
	}
	var v secret.Value
	if v, err = mask.Render(st.password, r.session.Resolve, asIs); err != nil {
		return f, err
	}
	defer v.Wipe()
	err = v.Reveal(func(b []byte) (err error) {
		f.plain = string(b)
		f.password, err = wide(b)
		return err
	})
	return f, err
}

func (r *run) step(ctx context.Context, st step) error {
	f, err := r.fill(st)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, st.line, err)
	}
	defer clear(f.password)
	switch st.verb {
	case sleep:
		select {
		case <-time.After(st.pause):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	case reload:
		r.who.password = f.plain
		r.conn.hangUp()
		return r.connect(ctx)
	case change:
		if r.itself {
			old, err := wide([]byte(r.who.password))
			if err != nil {
				return executors.Fail(executors.ClassTemplate, st.line, err)
			}
			defer clear(old)
			return r.write(st, func() error { return r.conn.change(ctx, f.name, old, f.password) })
		}
	}
	if r.domain == nil {
		if r.domain, err = r.conn.accounts(ctx); err != nil {
			return err
		}
	}
	if st.verb == create {
		return r.create(ctx, st, f)
	}
	user, err := r.conn.user(ctx, r.domain, f.name, map[verb]uint32{change: forcePassword, reset: forcePassword, remove: deleteAccess, enable: readAccount | writeAccount, disable: readAccount | writeAccount}[st.verb])
	if err != nil {
		if st.verb == remove && status(err) == statusNoneMapped {
			return nil
		}
		return err
	}
	return r.write(st, func() error {
		switch st.verb {
		case remove:
			return r.conn.remove(ctx, user)
		case enable, disable:
			return r.conn.active(ctx, user, st.verb == enable)
		}
		return r.conn.reset(ctx, user, f.password)
	})
}

// create makes an account in three calls; it opens to nobody before the last.
func (r *run) create(ctx context.Context, st step, f filled) error {
	var user *samr.Handle
	err := r.write(st, func() (err error) { user, err = r.conn.create(ctx, r.domain, f.name); return err })
	if err == nil {
		err = r.write(st, func() error { return r.conn.reset(ctx, user, f.password) })
	}
	if err == nil {
		err = r.write(st, func() error { return r.conn.active(ctx, user, true) })
	}
	return err
}

// write makes a call that changes something.
func (r *run) write(st step, do func() error) error {
	if err := r.permit(st.source); err != nil {
		return err
	}
	r.Exposed = true
	err := do()
	r.Done = r.Done || err == nil
	return err
}
