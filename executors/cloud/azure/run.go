package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/mask"
	"cofre/executors/script"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// The words of templates.
const (
	addPassword    = "add-password"
	removePassword = "remove-password"
)

// program is a compiled template that makes a client secret.
type program struct {
	executor Executor
	line     int
	source   string
	word     string
	object   []mask.Part // id of the application's object
	notices  []string
}

// removal is one that removes it, and can tell whether it is there.
type removal struct{ program }

// Masks lists the names in the template, and those that the login needs.
func (p *program) Masks() []mask.Name {
	return mask.Names(append([]mask.Part{{Hole: mask.AuthUser}, {Hole: mask.AuthPassword}, {Hole: "AUTH_DOMAIN"}, {Hole: mask.Username}}, p.object...))
}

// Notices lists remarks for the author.
func (p *program) Notices() []string { return p.notices }

// Explain tells what the template will do, in order.
func (p *program) Explain() []model.CompiledStep {
	does := map[string]string{addPassword: "makes a client secret, which is committed at once", removePassword: "removes the client secrets with the user's name"}
	return []model.CompiledStep{executors.ExplainStep(0, "gets a token as the client "+mask.AuthUser.String(), "", nil), executors.ExplainStep(p.line, does[p.word], p.source, p.object)}
}

func compile(e Executor, source string) (executors.Program, error) {
	sc, err := script.Parse(source)
	if err != nil {
		return nil, err
	}
	if len(sc.Commands) != 1 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected one line: add-password or remove-password, with the id of an application's object"}
	}
	cmd := sc.Commands[0]
	if cmd.Name != addPassword && cmd.Name != removePassword || len(cmd.Args) != 1 {
		return nil, &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: `expected add-password or remove-password with the id of an application's object, such as "[#ADD_INFO#]"`}
	}
	for _, n := range mask.Names(cmd.Args[0].Parts) {
		if n.Secret() {
			return nil, &mask.Error{Line: cmd.Line, Column: cmd.Args[0].Column, Msg: "expected no secret in an id"}
		}
	}
	p := program{e, cmd.Line, cmd.Source, cmd.Name, cmd.Args[0].Parts, sc.Notices}
	if cmd.Name == removePassword {
		return &removal{p}, nil
	}
	return &p, nil
}

// run is one attempt in progress.
type run struct {
	session executors.Session
	red     *executors.Redactor
	executors.Effect
	line         int
	object, user string
}

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	s, red := s.Guard()
	r := &run{session: s, red: red, line: p.line}
	err := r.run(ctx, p)
	if err == nil {
		return executors.Applied, nil
	}
	f := executors.FailureOf(red, r.line, err)
	s.Trace.Step(model.Step{Line: f.Line, Text: "stopped", Error: f.Msg})
	var no *refusal
	return r.Outcome(errors.As(err, &no)), f
}

func (r *run) run(ctx context.Context, p *program) error {
	c, err := r.door(p)
	if err != nil {
		return err
	}
	if r.session.Keep == nil && p.word == addPassword {
		return executors.Fail(executors.ClassTemplate, p.line, errors.New("the secret is made by Azure: the template is for dynamic users only"))
	}
	if err := r.permit("connect"); err != nil {
		return err
	}
	if err := c.logIn(ctx); err != nil {
		return err
	}
	r.session.Trace.Step(model.Step{Text: "logged in as " + mask.AuthUser.String()})
	if err := r.permit(p.source); err != nil {
		return err
	}
	if p.word == removePassword {
		r.Exposed = true
		if _, err := c.drop(ctx, r.object, r.user); err != nil {
			return err
		}
	} else if err := r.add(ctx, c); err != nil {
		return err
	}
	r.session.Trace.Step(model.Step{Line: p.line, Text: p.source})
	return nil
}

func (r *run) permit(step string) error {
	if err := r.session.Before(step); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, err)
	}
	return nil
}

// add makes the secret and commits it before anything else.
func (r *run) add(ctx context.Context, c *client) error {
	made, err := c.add(ctx, r.object, r.user, func() { r.Exposed = true })
	if err != nil {
		return err
	}
	r.Done = true
	r.red.Add(secret.New([]byte(made.Secret)))
	doc, err := json.Marshal(made) //nolint:gosec // it goes into the vault
	if err != nil {
		return err
	}
	v := secret.New(doc)
	defer v.Wipe()
	if err := r.session.Keep(ctx, v); err != nil {
		return executors.Fail(executors.ClassRefused, r.line, fmt.Errorf("commit the client secret: %w", err))
	}
	return nil
}

// door is the client of the account that does the work; everything that does not fit is found before anything is dialed.
func (r *run) door(p *program) (*client, error) {
	key, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	defer key.Wipe()
	as := pair{}
	_ = key.Reveal(func(b []byte) error { as.Secret = string(b); return nil }) // forms are strings
	if as.ID, err = cloud.Text(r.session, mask.AuthUser); err != nil {
		return nil, err
	}
	if as.Tenant, err = tenantOf(r.session); err != nil {
		return nil, err
	}
	if r.user, err = cloud.Text(r.session, mask.Username); err != nil {
		return nil, err
	}
	v, err := mask.Render(p.object, r.session.Resolve, mask.Raw)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, p.line, err)
	}
	_ = v.Reveal(func(b []byte) error { r.object = string(b); return nil })
	switch {
	case !guid.MatchString(as.ID) || as.Secret == "":
		return nil, executors.Fail(executors.ClassTemplate, 0, errors.New("the account's user name is a client id of Entra, and its secret the client's"))
	case !guid.MatchString(r.object):
		return nil, executors.Fail(executors.ClassTemplate, p.line, errors.New("expected the id of an application's object, which is not its client id"))
	}
	return &client{session: r.session, red: r.red, as: as}, nil
}

// Verify tells whether a secret with the user's name is there, or still works: what a removal proves. It waits for Entra to have forgotten it.
func (p *removal) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	r, there := &run{session: s, red: red}, false
	err := func() error {
		c, err := r.door(&p.program)
		if err == nil {
			err = c.logIn(ctx)
		}
		if err != nil {
			return err
		}
		err = p.executor.Patience.Until(ctx, func() error {
			if there, err = r.there(ctx, c, with); there && err == nil {
				err = cloud.ErrAgain
			}
			return err
		})
		if errors.Is(err, cloud.ErrAgain) {
			err = nil
		}
		return err
	}()
	if err != nil {
		return false, executors.FailureOf(red, 0, err)
	}
	return there, nil
}

func (r *run) there(ctx context.Context, c *client, with secret.Value) (bool, error) {
	if in, err := c.has(ctx, r.object, r.user); in || err != nil {
		return in, err
	}
	as, ok := pairOf(with)
	if !ok {
		return false, nil
	}
	r.red.Add(secret.New([]byte(as.Secret)))
	err := (&client{session: r.session, as: as}).logIn(ctx)
	if wrong(err) {
		return false, nil
	}
	return err == nil, err
}
