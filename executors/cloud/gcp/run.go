package gcp

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
	createAccount = "create-service-account"
	deleteAccount = "delete-service-account"
)

var does = map[string]string{
	createAccount: "creates the service account, gives it its roles, and makes its key, which is committed at once",
	deleteAccount: "takes the roles away, and deletes the keys and the service account",
}

// program is a compiled template that makes a service account; the argument says what it gets.
type program struct {
	cloud.Line
	executor Executor
}

// removal is one that removes it, and can tell whether it is there.
type removal struct{ program }

// Masks lists the names in the template, and those that the login needs.
func (p *program) Masks() []mask.Name { return p.Line.Masks() }

func compile(e Executor, source string) (executors.Program, error) {
	l, err := cloud.CompileLine(source, does, `create-service-account or delete-service-account with what it gets, such as "[#ADD_INFO#]"`)
	switch {
	case err != nil:
		return nil, err
	case l.Word == deleteAccount:
		return &removal{program{l, e}}, nil
	}
	return &program{l, e}, nil
}

// run is one attempt in progress.
type run struct {
	*cloud.Run
	patience cloud.Patience
	source   string
	user     user
	gets     gets
}

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	account := s.Resolve
	return cloud.Attempt(s, func(r *cloud.Run) error {
		return (&run{Run: r, patience: p.executor.Patience, source: p.Source}).run(ctx, p, account)
	})
}

func (r *run) run(ctx context.Context, p *program, account mask.Resolver) error {
	r.Line = p.Number
	c, err := r.door(p, account)
	if err != nil {
		return err
	}
	if r.Session.Keep == nil && p.Word == createAccount {
		return executors.Fail(executors.ClassTemplate, p.Number, cloud.ErrDynamicOnly)
	}
	if err := r.Permit("connect"); err != nil {
		return err
	}
	if err := c.logIn(ctx); err != nil {
		return err
	}
	r.Session.Enter(model.Step{Text: "logged in as " + mask.AuthUser.String()})
	if p.Word == deleteAccount {
		err = r.remove(ctx, c)
	} else {
		err = r.create(ctx, c)
	}
	if err == nil {
		r.Session.Trace.Step(model.Step{Line: p.Number, Text: p.Source})
	}
	return err
}

func (r *run) permit() error { return r.Permit(r.source) }

// create makes the account, gives it its roles, and makes the key last, which it commits before anything else.
func (r *run) create(ctx context.Context, c *client) error {
	if err := r.permit(); err != nil {
		return err
	}
	r.Exposed = true
	if err := c.create(ctx, r.user); err != nil {
		return err
	}
	r.Done = true
	grants := r.gets.grants()
	for _, resource := range r.gets.resources() {
		if len(grants[resource]) == 0 {
			continue
		}
		edit := func(p *policy) bool { return p.grant(r.user.member(), grants[resource]) }
		if err := c.change(ctx, r.patience, resource, edit, r.permit); err != nil {
			return err
		}
		r.Session.Trace.Step(model.Step{Text: fmt.Sprintf("gave %d roles on %s", len(grants[resource]), resource)})
	}
	var made pair
	if err := r.patience.Until(ctx, func() (err error) {
		if err = r.permit(); err != nil {
			return err
		}
		if made, err = c.newKey(ctx, r.user); missing(err) { // Google does not know the new account everywhere yet
			return fmt.Errorf("%w: %w", cloud.ErrAgain, err)
		}
		return err
	}); err != nil {
		return err
	}
	if err := r.Keep(ctx, made); err != nil {
		return err
	}
	r.Session.Trace.Step(model.Step{Text: "key " + made.ID + " was committed"})
	return nil
}

// remove takes the roles away first: Google would keep them, under another name, when the account is gone.
func (r *run) remove(ctx context.Context, c *client) error {
	r.Exposed = true
	for _, resource := range r.gets.resources() {
		edit := func(p *policy) bool { return p.revoke(r.user.member()) }
		if err := c.change(ctx, r.patience, resource, edit, r.permit); err != nil {
			return err
		}
	}
	if err := r.permit(); err != nil {
		return err
	}
	return c.drop(ctx, r.user)
}

// door is the client of the account that does the work, for a user; everything that does not fit is found before anything is dialed.
func (r *run) door(p *program, account mask.Resolver) (*client, error) {
	c, err := clientOf(r.Run, account)
	if err != nil {
		return nil, err
	}
	if r.user.id, err = cloud.Text(r.Session, mask.Username); err != nil {
		return nil, err
	}
	text, err := r.Text(p.Arg)
	if err == nil {
		r.gets, err = readGets(text)
	}
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, p.Number, err)
	}
	r.user.project = r.gets.project
	if !accountID.MatchString(r.user.id) {
		return nil, executors.Fail(executors.ClassTemplate, 0, errors.New("the user name is none that Google takes for a service account"))
	}
	return c, nil
}

// clientOf is the client of the account that does the work. Its key is resolved unguarded, since most of its file is no secret: only the
// private key is kept out of what people read.
func clientOf(r *cloud.Run, account mask.Resolver) (*client, error) {
	file, err := account(mask.AuthPassword)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	defer file.Wipe()
	as, err := readKey(file)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, err)
	}
	r.Red.Add(secret.New([]byte(as.Private)))
	if id, err := cloud.Text(r.Session, mask.AuthUser); err != nil || id != as.Email {
		return nil, executors.Fail(executors.ClassTemplate, 0, errors.New("the account's user name is the client_email of its key"))
	}
	return &client{session: r.Session, red: r.Red, as: as}, nil
}

// Verify tells whether the service account is there, has a role, or its key still works: what a removal proves.
func (p *removal) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	account := s.Resolve
	return cloud.There(ctx, s, p.executor.Patience, func(base *cloud.Run) (func() (bool, error), error) {
		r := &run{Run: base}
		c, err := r.door(&p.program, account)
		if err == nil {
			err = c.logIn(ctx)
		}
		return func() (bool, error) { return r.there(ctx, c, with) }, err
	})
}

func (r *run) there(ctx context.Context, c *client, with secret.Value) (bool, error) {
	if in, err := c.exists(ctx, r.user); in || err != nil {
		return in, err
	}
	for _, resource := range r.gets.resources() {
		if p, err := c.read(ctx, resource); err != nil || p.holds(r.user.member()) {
			return err == nil, err
		}
	}
	as, ok := madeKey(with)
	if !ok {
		return false, nil
	}
	r.Red.Add(secret.New([]byte(as.Private)))
	err := (&client{session: r.Session, red: r.Red, as: as}).logIn(ctx)
	if wrong(err) {
		return false, nil
	}
	return err == nil, err
}
