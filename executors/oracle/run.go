package oracle

import (
	"context"
	"fmt"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// run is one attempt in progress.
type run struct {
	session executors.Session
	red     *executors.Redactor
	executors.Effect
	refused bool // the last statement was refused as a whole
	line    int
}

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &run{session: s, red: red}
	err := r.run(ctx, p)
	if err == nil {
		return executors.Applied, nil
	}
	f := failure(red, r.line, err)
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	return r.Outcome(r.refused), f
}

func (r *run) run(ctx context.Context, p *program) error {
	password, err := r.session.Resolve(p.login.password)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", p.login.password, err))
	}
	if _, err := p.login.config(r.session, password); err != nil {
		return err
	}
	for i := range p.statements { // so that a value which does not fit is found before anything is dialed
		text, err := mask.Render(p.statements[i].parts, r.session.Resolve, escape)
		if text.Wipe(); err != nil {
			return executors.Fail(executors.ClassTemplate, p.statements[i].line, err)
		}
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	c, err := p.login.open(ctx, r.session, password)
	if err != nil {
		return err
	}
	defer c.hangUp()
	r.session.Enter(model.Step{Text: "logged in as " + p.login.who.String()})
	for i := range p.statements {
		if err := r.statement(ctx, c, &p.statements[i]); err != nil {
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

// statement sends one statement.
func (r *run) statement(ctx context.Context, c *client, st *statement) error {
	r.line = st.line
	source := strings.Join(strings.Fields(mask.Source(st.parts)), " ")
	if err := r.permit(source); err != nil {
		return err
	}
	text, err := mask.Render(st.parts, r.session.Resolve, escape)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, st.line, err)
	}
	defer text.Wipe()
	limit := r.session.ReadTimeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r.Exposed = true
	err = text.Reveal(func(sql []byte) error { return c.exec(ctx, string(sql)) })
	note := model.Step{Line: st.line, Text: source, Sent: text.Len()}
	if code(err) == noSuchUser && st.is("DROP", "USER") {
		note.Matched, err = "there is no such user", nil
	}
	if err != nil {
		note.Error = failure(r.red, st.line, err).Msg
	}
	r.session.Trace.Step(note)
	r.refused = !st.block && refused(code(err))
	return err
}
