package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// run is one attempt in progress.
type run struct {
	session executors.Session
	red     *executors.Redactor
	conn    *session
	scram   bool // the server stores SCRAM verifiers
	exposed bool // a statement that takes effect by itself may have left
	line    int  // of the statement at work
}

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
	switch {
	case errors.As(err, &refused):
		return executors.Rejected, f
	case !r.exposed:
		return executors.NotStarted, f
	}
	return executors.Uncertain, f
}

// refusal is the server's clear no: the statement had no effect.
type refusal struct{ error }

// Unwrap gives the server's answer.
func (e *refusal) Unwrap() error { return e.error }

// maxHint is how long a hint may be that is shown.
const maxHint = 200

func (r *run) failure(err error) *executors.Failure {
	f := *failure(r.red, err)
	f.Line = max(f.Line, r.line)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return &f
	}
	said := fmt.Sprintf("%s: %s (SQLSTATE %s)", pg.Severity, pg.Message, pg.Code)
	// DETAIL shows values of rows. A hint that quotes nothing is a fixed text.
	if pg.Hint != "" && len(pg.Hint) <= maxHint && !strings.ContainsAny(pg.Hint, `'"«`) {
		said += "; hint: " + pg.Hint
	}
	f.Msg = r.red.Text(said)
	switch {
	case r.conn != nil && f.Class == executors.ClassAuth:
		f.Class = executors.ClassPolicy
	case unlisted(err), strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "57"):
		f.Class = executors.ClassNetwork
	case r.conn == nil && f.Class != executors.ClassAuth:
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
	hashed, err := r.rehearse(p)
	if err != nil {
		return err
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	database, err := databaseOf(r.session)
	if err != nil {
		return err
	}
	in, err := executors.LogIn(ctx, r.session, Name, user, password, database, func() (*session, error) { return connect(ctx, r.session, user, password) })
	if err != nil {
		return err
	}
	r.conn = in.Conn
	defer func() { in.Return(err) }()
	r.session.Enter(in.Step())
	if hashed {
		if err := r.askEncryption(ctx); err != nil {
			return err
		}
	}
	if len(p.statements) == 1 {
		return r.statement(ctx, &p.statements[0], true)
	}
	if _, err := r.exec(ctx, []byte("BEGIN")); err != nil {
		return err
	}
	for i := range p.statements {
		if err := r.statement(ctx, &p.statements[i], false); err != nil {
			return err
		}
	}
	return r.commit(ctx)
}

// rehearse fills all holes once, so that a value which does not fit is found before anything is dialed. It tells
// whether a new password will leave as a verifier.
func (r *run) rehearse(p *program) (hashed bool, err error) {
	for i := range p.statements {
		st := &p.statements[i]
		text, err := mask.Render(st.parts, r.session.Resolve, escape)
		text.Wipe()
		if err == nil && st.verifier >= 0 {
			hashed = true
			var v secret.Value
			if v, err = r.session.Resolve(st.parts[st.verifier].Hole); err == nil {
				err = v.Reveal(unambiguous)
			}
		}
		if err != nil {
			return false, executors.Fail(executors.ClassTemplate, st.line, err)
		}
	}
	return hashed, nil
}

// askEncryption finds out whether the server stores what we would send.
func (r *run) askEncryption(ctx context.Context) error {
	results, err := r.exec(ctx, []byte("SHOW password_encryption"))
	if err != nil {
		return err
	}
	r.scram = len(results) == 1 && len(results[0].Rows) == 1 && string(results[0].Rows[0][0]) == "scram-sha-256"
	if !r.scram {
		r.session.Trace.Step(model.Step{Text: "the server does not store SCRAM verifiers: the new password leaves as clear text"})
	}
	return nil
}

func (r *run) permit(step string) error {
	if err := r.session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, err)
	}
	return nil
}

// statement sends one statement; final says that it takes effect when the server has run it.
func (r *run) statement(ctx context.Context, st *statement, final bool) error {
	r.line = st.line
	source := strings.Join(strings.Fields(mask.Source(st.parts)), " ")
	if err := r.permit(source); err != nil {
		return err
	}
	text, err := mask.Render(st.parts, r.session.Resolve, func(p mask.Part, value []byte) ([]byte, error) {
		if !r.scram || st.verifier < 0 || p != st.parts[st.verifier] {
			return escape(p, value)
		}
		v, err := verifier(value)
		if err == nil {
			r.red.Add(secret.New(append([]byte(nil), v...)))
		}
		return v, err
	})
	if err != nil {
		return executors.Fail(executors.ClassTemplate, st.line, err)
	}
	defer text.Wipe()
	note := model.Step{Line: st.line, Text: source, Sent: text.Len()}
	err = text.Reveal(func(sql []byte) error {
		r.exposed = r.exposed || final
		results, err := r.exec(ctx, sql)
		for _, res := range results {
			note.Matched = res.CommandTag.String()
		}
		return err
	})
	if err != nil {
		note.Error = r.failure(err).Msg
	}
	r.session.Trace.Step(note)
	return r.judge(err)
}

// commit ends the transaction; until it is sent, losing the connection undoes everything.
func (r *run) commit(ctx context.Context) error {
	if err := r.permit("COMMIT"); err != nil {
		return err
	}
	r.exposed = true
	results, err := r.exec(ctx, []byte("COMMIT"))
	if err == nil && len(results) == 1 && results[0].CommandTag.String() != "COMMIT" {
		err = &refusal{&executors.Failure{Class: executors.ClassPolicy, Msg: "the server rolled the transaction back"}}
	}
	r.session.Trace.Step(model.Step{Text: "COMMIT"})
	return r.judge(err)
}

// judge tells a clear no from a lost answer.
func (r *run) judge(err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg):
		// A session that the server ends, and an answer that it calls unknown, say nothing about the statement.
		if pg.Severity == "ERROR" && pg.Code != "40003" && !strings.HasPrefix(pg.Code, "08") {
			return &refusal{err}
		}
	}
	// The driver's SafeToRetry is not asked: it says yes to statements that the server has run (seen in the tests).
	return err
}

// exec runs one statement by the simple protocol, within the time limit.
func (r *run) exec(ctx context.Context, sql []byte) ([]*pgconn.Result, error) {
	limit := r.session.ReadTimeout
	if limit <= 0 {
		limit = DefaultReadTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	results, err := r.conn.Exec(ctx, string(sql)).ReadAll()
	if err != nil && ctx.Err() != nil && sqlState(err) == "" {
		err = executors.Late(ctx, "wait for the server", limit)
	}
	return results, err
}
