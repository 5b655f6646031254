package azure

import (
	"context"
	"errors"
	"fmt"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// The words of templates.
const (
	addPassword    = "add-password"
	removePassword = "remove-password"
)

var does = map[string]string{addPassword: "makes a client secret, which is committed at once", removePassword: "removes the client secrets with the user's name"}

// program is a compiled template that makes a client secret, of the application whose object's id is the argument.
type program struct {
	cloud.Line
	executor Executor
}

// removal is one that removes it, and can tell whether it is there.
type removal struct{ program }

// Masks lists the names in the template, and those that the login needs.
func (p *program) Masks() []mask.Name { return p.Line.Masks("AUTH_DOMAIN") }

func compile(e Executor, source string) (executors.Program, error) {
	l, err := cloud.CompileLine(source, does, `add-password or remove-password with the id of an application's object, such as "[#ADD_INFO#]"`)
	switch {
	case err != nil:
		return nil, err
	case l.Word == removePassword:
		return &removal{program{l, e}}, nil
	}
	return &program{l, e}, nil
}

// run is one attempt in progress.
type run struct {
	*cloud.Run
	object, user string
}

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	return cloud.Attempt(s, func(r *cloud.Run) error { return (&run{Run: r}).run(ctx, p) })
}

func (r *run) run(ctx context.Context, p *program) error {
	r.Line = p.Number
	c, err := r.door(p)
	if err != nil {
		return err
	}
	if r.Session.Keep == nil && p.Word == addPassword {
		return executors.Fail(executors.ClassTemplate, p.Number, cloud.ErrDynamicOnly)
	}
	if err := r.Permit("connect"); err != nil {
		return err
	}
	if err := c.logIn(ctx); err != nil {
		return err
	}
	r.Session.Enter(model.Step{Text: "logged in as " + mask.AuthUser.String()})
	if err := r.Permit(p.Source); err != nil {
		return err
	}
	if p.Word == removePassword {
		r.Exposed = true
		if _, err := c.drop(ctx, r.object, r.user); err != nil {
			return err
		}
	} else if err := r.add(ctx, c); err != nil {
		return err
	}
	r.Session.Trace.Step(model.Step{Line: p.Number, Text: p.Source})
	return nil
}

// add makes the secret and commits it before anything else.
func (r *run) add(ctx context.Context, c *client) error {
	made, err := c.add(ctx, r.object, r.user, func() { r.Exposed = true })
	if err != nil {
		return err
	}
	r.Done = true
	r.Red.Add(secret.New([]byte(made.Secret)))
	return r.Keep(ctx, made)
}

// door is the client of the account that does the work; everything that does not fit is found before anything is dialed.
func (r *run) door(p *program) (*client, error) {
	key, err := r.Session.Resolve(mask.AuthPassword)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	defer key.Wipe()
	as := pair{}
	_ = key.Reveal(func(b []byte) error { as.Secret = string(b); return nil }) // forms are strings
	if as.ID, err = cloud.Text(r.Session, mask.AuthUser); err != nil {
		return nil, err
	}
	if as.Tenant, err = tenantOf(r.Session); err != nil {
		return nil, err
	}
	if r.user, err = cloud.Text(r.Session, mask.Username); err != nil {
		return nil, err
	}
	if r.object, err = r.Text(p.Arg); err != nil {
		return nil, err
	}
	switch {
	case !guid.MatchString(as.ID) || as.Secret == "":
		return nil, executors.Fail(executors.ClassTemplate, 0, errors.New("the account's user name is a client id of Entra, and its secret the client's"))
	case !guid.MatchString(r.object):
		return nil, executors.Fail(executors.ClassTemplate, p.Number, errors.New("expected the id of an application's object, which is not its client id"))
	}
	return &client{session: r.Session, red: r.Red, as: as}, nil
}

// Verify tells whether a secret with the user's name is there, or still works: what a removal proves.
func (p *removal) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return cloud.There(ctx, s, p.executor.Patience, func(base *cloud.Run) (func() (bool, error), error) {
		base.Red.Add(with)
		r := &run{Run: base}
		c, err := r.door(&p.program)
		if err == nil {
			err = c.logIn(ctx)
		}
		return func() (bool, error) { return r.there(ctx, c, with) }, err
	})
}

func (r *run) there(ctx context.Context, c *client, with secret.Value) (bool, error) {
	if in, err := c.has(ctx, r.object, r.user); in || err != nil {
		return in, err
	}
	as, ok := pairOf(with)
	if !ok {
		return false, nil
	}
	r.Red.Add(secret.New([]byte(as.Secret)))
	err := (&client{session: r.Session, as: as}).logIn(ctx)
	if wrong(err) {
		return false, nil
	}
	return err == nil, err
}
