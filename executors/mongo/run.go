package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// run is one attempt in progress.
type run struct {
	session executors.Session
	executors.Effect
	line int
}

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &run{session: s}
	err := r.run(ctx, p, red)
	if err == nil {
		return executors.Applied, nil
	}
	f := executors.FailureOf(red, r.line, err)
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	var no *refusal
	return r.Outcome(errors.As(err, &no) && refusing[no.code]), f
}

func (r *run) run(ctx context.Context, p *program, red *executors.Redactor) (err error) {
	password, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	who, err := user(r.session, mask.AuthUser, password)
	if err != nil {
		return err
	}
	for _, st := range p.steps { // so that a value which does not fit is found before anything is dialed
		if _, _, err := r.fill(st); err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
	}
	home, err := r.home(p)
	if err != nil {
		return err
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	in, err := executors.LogIn(ctx, r.session, Name, secret.New([]byte(who.name)), password, home, func() (*client, error) {
		c, err := dial(ctx, r.session)
		if err != nil {
			return nil, err
		}
		if err := c.login(ctx, who, home); err != nil {
			c.HangUp()
			return nil, err
		}
		return c, nil
	})
	if err != nil {
		return err
	}
	defer func() { in.Return(err) }()
	r.session.Enter(in.Step())
	for _, st := range p.steps {
		r.line = st.line
		database, doc, err := r.fill(st)
		if err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
		if err := r.permit(st.source); err != nil {
			return err
		}
		r.Exposed = true
		err = in.Conn.do(ctx, database, doc, nil)
		var no *refusal
		if doc[0].Key == "dropUser" && errors.As(err, &no) && no.code == userNotFound {
			err = nil // one that is not there counts as removed
		}
		note := model.Step{Line: st.line, Text: st.source}
		if err != nil {
			note.Error = executors.FailureOf(red, st.line, err).Msg
		}
		r.session.Trace.Step(note)
		if err != nil {
			return err
		}
		r.Done = true
	}
	return nil
}

// home is the database that knows who logs in: a user that changes itself is of the template's, a manager of admin. Their names say
// nothing: each database has its own users.
func (r *run) home(p *program) (string, error) {
	if r.session.Managed {
		return "admin", nil
	}
	home, err := p.last.name(r.session.Resolve)
	if err != nil {
		return "", executors.Fail(executors.ClassTemplate, 0, err)
	}
	return home, nil
}

func (r *run) permit(step string) error {
	if err := r.session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, err)
	}
	return nil
}

// fill renders a command.
func (r *run) fill(st step) (database string, doc bson.D, err error) {
	if database, err = st.in.name(r.session.Resolve); err != nil {
		return "", nil, err
	}
	values := make([]string, len(st.holes)) // the library wants strings
	for i, h := range st.holes {
		v, err := mask.Render([]mask.Part{h}, r.session.Resolve, asText)
		if err != nil {
			return "", nil, err
		}
		_ = v.Reveal(func(b []byte) error { values[i] = string(b); return nil })
		v.Wipe()
	}
	doc, _ = filled(st.doc, values).(bson.D)
	return database, doc, nil
}
