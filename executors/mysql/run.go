package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// run is one attempt in progress.
type run struct {
	session executors.Session
	red     *executors.Redactor
	conn    session
	open    bool // logged in
	hashed  bool // the server takes hashes
	executors.Effect
	line int // of the statement at work
}

// refusal is the server's clear no: the statement had no effect.
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
	f := r.failure(err)
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	var refused *refusal
	return r.Outcome(errors.As(err, &refused)), f
}

func (r *run) failure(err error) *executors.Failure {
	f := *failure(r.red, err)
	f.Line = max(f.Line, r.line)
	n := number(err)
	switch {
	case n == 0:
	case r.open && f.Class == executors.ClassAuth:
		f.Class = executors.ClassPolicy
	case !r.open && f.Class == executors.ClassPolicy:
		f.Class = executors.ClassProtocol
	}
	return &f
}

func (r *run) run(ctx context.Context, p *program) (err error) {
	user, err := r.session.Resolve(mask.AuthUser)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthUser, err))
	}
	password, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	hashes, err := r.rehearse(p)
	if err != nil {
		return err
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	if !p.traceless() {
		r.session.Sessions = nil
	}
	in, err := executors.LogIn(ctx, r.session, Name, user, password, "", func() (session, error) { return connect(ctx, r.session, user, password) })
	if err != nil {
		return err
	}
	r.conn, r.open = in.Conn, true
	defer func() { in.Return(err) }()
	r.session.Enter(in.Step())
	if hashes {
		if err := r.askHashes(ctx); err != nil {
			return err
		}
	}
	for i := range p.statements {
		if err := r.statement(ctx, &p.statements[i]); err != nil {
			return err
		}
		r.Done = true
	}
	return nil
}

// rehearse fills all holes once, so that a value which does not fit is found before anything is dialed. It tells
// whether a new password could leave as a hash.
func (r *run) rehearse(p *program) (hashes bool, err error) {
	for i := range p.statements {
		st := &p.statements[i]
		text, err := mask.Render(st.parts, r.session.Resolve, escape)
		text.Wipe()
		if err != nil {
			return false, executors.Fail(executors.ClassTemplate, st.line, err)
		}
		for _, part := range st.parts {
			hashes = hashes || part.Context == inPassword
		}
	}
	return hashes, nil
}

// askHashes finds out whether the server stores what we would send. One that checks new passwords must see them.
func (r *run) askHashes(ctx context.Context) error {
	ctx, cancel := r.limit(ctx)
	defer cancel()
	version, err := r.conn.ask(ctx, "SELECT VERSION()")
	if err != nil {
		return err
	}
	why := "the server is not MariaDB"
	if strings.Contains(version, "MariaDB") {
		why = "the server checks the quality of new passwords"
		checks, err := r.conn.ask(ctx, "SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_TYPE = 'PASSWORD VALIDATION' AND PLUGIN_STATUS = 'ACTIVE'")
		if err != nil {
			return err
		}
		r.hashed = checks == "0"
	}
	if !r.hashed {
		r.session.Trace.Step(model.Step{Text: why + ": the new password leaves as clear text"})
	}
	return nil
}

func (r *run) permit(step string) error {
	if err := r.session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, err)
	}
	return nil
}

func (r *run) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := DefaultReadTimeout
	if r.session.ReadTimeout > 0 {
		limit = r.session.ReadTimeout
	}
	return context.WithTimeout(ctx, limit)
}

// statement sends one statement.
func (r *run) statement(ctx context.Context, st *statement) error {
	r.line = st.line
	source := strings.Join(strings.Fields(mask.Source(st.parts)), " ")
	if err := r.permit(source); err != nil {
		return err
	}
	text, err := r.render(st)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, st.line, err)
	}
	defer text.Wipe()
	ctx, cancel := r.limit(ctx)
	defer cancel()
	r.Exposed = true
	err = r.conn.explained(ctx, text.Reveal(func(sql []byte) error { return r.conn.exec(ctx, sql) }))
	note := model.Step{Line: st.line, Text: source, Sent: text.Len()}
	if err != nil {
		note.Error = r.failure(err).Msg
	}
	r.session.Trace.Step(note)
	// Of a list the server may have changed one account and refused the next, with one error for all.
	if n := number(err); n != 0 && !unclear[n] && !st.list {
		return &refusal{err}
	}
	return err
}

func (r *run) render(st *statement) (secret.Value, error) {
	if !r.hashed {
		return mask.Render(st.parts, r.session.Resolve, escape)
	}
	return mask.Render(hashed(st.parts), r.session.Resolve, func(p mask.Part, value []byte) ([]byte, error) {
		if p.Context != inPassword {
			return escape(p, value)
		}
		h := hash(value)
		r.red.Add(secret.New(append([]byte(nil), h...)))
		return h, nil
	})
}
