package redis

import (
	"context"
	"errors"
	"fmt"

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
	s.Trace.Step(model.Step{Line: r.line, Text: "stopped", Error: f.Msg})
	var no answerError
	return r.Outcome(errors.As(err, &no)), f
}

func (r *run) run(ctx context.Context, p *program, red *executors.Redactor) (err error) {
	password, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	user, err := r.session.Resolve(mask.AuthUser)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthUser, err))
	}
	for i := range p.commands { // so that a value which does not fit is found before anything is dialed
		args, err := r.fill(&p.commands[i])
		for j, a := range args {
			if secretive(p.commands[i].args[j]) {
				red.Add(a) // a hash is as good as what it is of
			}
			a.Wipe()
		}
		if err != nil {
			return executors.Fail(executors.ClassTemplate, p.commands[i].line, err)
		}
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	in, err := executors.LogIn(ctx, r.session, Name, user, password, fmt.Sprint(p.plain), func() (*client, error) {
		return logIn(ctx, r.session, p.plain, mask.AuthUser, password)
	})
	if err != nil {
		return err
	}
	defer func() { in.Return(err) }()
	r.session.Enter(in.Step())
	for i := range p.commands {
		st := &p.commands[i]
		r.line = st.line
		if err := r.permit(st.source); err != nil {
			return err
		}
		args, err := r.fill(st)
		if err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
		r.Exposed = true
		err = in.Conn.do(ctx, args)
		for _, a := range args {
			a.Wipe()
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

func (r *run) permit(step string) error {
	if err := r.session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, err)
	}
	return nil
}

// fill renders the arguments of a command.
func (r *run) fill(c *command) ([]secret.Value, error) {
	var out []secret.Value
	for _, parts := range c.args {
		v, err := mask.Render(parts, r.session.Resolve, escape)
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

func secretive(parts []mask.Part) bool {
	for _, n := range mask.Names(parts) {
		if n.Secret() {
			return true
		}
	}
	return false
}
