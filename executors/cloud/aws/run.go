package aws

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// run is one attempt in progress.
type run struct {
	*cloud.Run
	user string
}

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	return cloud.Attempt(s, func(r *cloud.Run) error { return (&run{Run: r}).run(ctx, p) })
}

func (r *run) run(ctx context.Context, p *program) error {
	c, err := r.door()
	if err != nil {
		return err
	}
	args := make([]string, len(p.steps))
	for i, st := range p.steps { // so that a value which does not fit is found before anything is dialed
		if args[i], err = r.fill(st); err != nil {
			return executors.Fail(executors.ClassTemplate, st.line, err)
		}
	}
	r.Line = 0
	if r.Session.Keep == nil && p.steps[0].word == createUser {
		return executors.Fail(executors.ClassTemplate, 1, cloud.ErrDynamicOnly)
	}
	if err := r.Permit("connect"); err != nil {
		return err
	}
	for i, st := range p.steps {
		r.Line = st.line
		if err := r.do(ctx, c, p, st, args[i]); err != nil {
			r.Session.Trace.Step(model.Step{Line: st.line, Text: st.source, Error: executors.FailureOf(r.Red, st.line, err).Msg})
			return err
		}
		r.Session.Trace.Step(model.Step{Line: st.line, Text: st.source})
	}
	return nil
}

// door is the client of the account that does the work, for a user.
func (r *run) door() (*client, error) {
	c, err := r.account()
	if err != nil {
		return nil, err
	}
	if r.user, err = cloud.Text(r.Session, mask.Username); err == nil && !name.MatchString(r.user) {
		err = executors.Fail(executors.ClassTemplate, 0, errors.New("the user name is none that IAM takes"))
	}
	return c, err
}

// account is the client of the account that does the work.
func (r *run) account() (*client, error) {
	id, err := cloud.Text(r.Session, mask.AuthUser)
	if err != nil {
		return nil, err
	}
	key, err := r.Session.Resolve(mask.AuthPassword)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	defer key.Wipe()
	as := pair{ID: id}
	_ = key.Reveal(func(b []byte) error { as.Secret = string(b); return nil }) // the signer wants a string
	if !keyID.MatchString(id) || as.Secret == "" {
		return nil, executors.Fail(executors.ClassTemplate, 0, errors.New("the account's user name is the id of an access key of AWS, and its secret that of the key"))
	}
	return connect(r.Session, as)
}

// fill renders the argument of a step.
func (r *run) fill(st step) (string, error) {
	r.Line = st.line
	out, err := r.Text(st.arg)
	if err == nil && st.word == attachPolicies {
		_, err = policies(out)
	}
	return out, err
}

func (r *run) do(ctx context.Context, c *client, p *program, st step, arg string) error {
	if st.word != deleteUser {
		if err := r.Permit(st.source); err != nil {
			return err
		}
	}
	r.Exposed = true
	switch st.word {
	case createUser:
		params := url.Values{"UserName": {r.user}}
		if arg == "" {
			arg = Path
		}
		params.Set("Path", arg)
		if err := c.call(ctx, iam, "CreateUser", params, nil); err != nil {
			r.Exposed = !executors.IsSpared(err) // nobody was there
			return err
		}
	case attachPolicies:
		list, err := policies(arg)
		if err != nil {
			return err
		}
		for _, policy := range list {
			if err := r.soon(ctx, p, st, func() error {
				return c.call(ctx, iam, "AttachUserPolicy", url.Values{"UserName": {r.user}, "PolicyArn": {policy}}, nil)
			}); err != nil {
				return err
			}
		}
	case createKey:
		return r.key(ctx, c, p, st)
	case deleteUser:
		return c.removeAll(ctx, p.executor.Patience, r.user, r.Permit)
	}
	r.Done = true
	return nil
}

// soon repeats a step at which IAM does not know the new user yet.
func (r *run) soon(ctx context.Context, p *program, st step, do func() error) error {
	return p.executor.Patience.Until(ctx, func() error {
		if err := r.Permit(st.source); err != nil {
			return err
		}
		err := do()
		if unknown(err) {
			return fmt.Errorf("%w: %w", cloud.ErrAgain, err)
		}
		return err
	})
}

// key makes the access key and commits it before anything else.
func (r *run) key(ctx context.Context, c *client, p *program, st step) error {
	var made pair
	if err := r.soon(ctx, p, st, func() (err error) {
		made, err = c.newKey(ctx, r.user)
		return err
	}); err != nil {
		return err
	}
	r.Red.Add(secret.New([]byte(made.Secret)))
	if err := r.Keep(ctx, made); err != nil {
		return err
	}
	r.Session.Trace.Step(model.Step{Line: st.line, Text: "access key " + made.ID + " was committed"})
	return nil
}

// Verify tells whether the user is there, or its key still works: what a removal proves.
func (p *removal) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	if name, err := cloud.Text(s, mask.Username); err == nil && keyID.MatchString(name) { // an account, not a user of ours
		return p.executor.Verify(ctx, s, with)
	}
	return cloud.There(ctx, s, p.executor.Patience, func(base *cloud.Run) (func() (bool, error), error) {
		base.Red.Add(with)
		r := &run{Run: base}
		c, err := r.door()
		return func() (bool, error) { return r.there(ctx, c, with) }, err
	})
}

func (r *run) there(ctx context.Context, c *client, with secret.Value) (bool, error) {
	if in, err := c.exists(ctx, r.user); in || err != nil {
		return in, err
	}
	as, ok := pairOf(with)
	if !ok {
		return false, nil
	}
	r.Red.Add(secret.New([]byte(as.Secret)))
	own := *c
	own.as = as
	_, err := own.whoami(ctx)
	if is(err, invalidKey) {
		return false, nil
	}
	return err == nil, err
}
