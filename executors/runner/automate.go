package runner

import (
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// automate runs the template of an automation once, as the credential that it was given. What the template is handed is read
// after the begin was committed: that is the audit record, and what changes later is an occasion of its own.
func (r *Runner) automate(l *lease, o *model.Operation) operation.FinishArgs {
	job, err := r.load(o)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	defer job.wipe()
	program, err := job.compile(job.template)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	current := job.credential.ByRole(model.RoleCurrent)
	if current == nil {
		return job.failed(model.OutcomeNotStarted, missing("the credential holds no secret: nothing could log in"))
	}
	res, sent, err := r.begin(l, operation.BeginArgs{Operation: o.ID, Token: l.token, Reuse: current.N})
	switch {
	case err != nil:
		return job.failed(model.OutcomeNotStarted, err)
	case res.Fenced:
		return skipped
	}
	l.trust(sent)
	if job.held, err = r.recorded(l, o.ID); err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	for _, n := range program.Masks() {
		value, err := job.resolve(n)
		if err != nil {
			return job.failed(model.OutcomeNotStarted, err)
		}
		value.Wipe()
	}
	if outcome, err := program.Run(l.ctx, r.session(l, job)); err != nil {
		return job.ran(outcome, err)
	}
	return job.done(model.OutcomeApplied)
}

// recorded waits until this node's replica shows the begin, and reads what that recorded: nothing newer or older is handed over.
func (r *Runner) recorded(l *lease, id model.OperationID) (*held, error) {
	for {
		changed := r.Changed()
		v := r.View()
		o, ok := state.Operations.Get(v, string(id))
		if ok && o.State == model.OpRunning && o.Lease != nil && o.Lease.Token == l.token {
			h := r.handed(v, o.Occasion)
			v.Close()
			return h, nil
		}
		v.Close()
		select {
		case <-changed:
		case <-l.ctx.Done():
			return nil, l.ctx.Err()
		}
	}
}

// handed reads what the template of an automation is handed: the secret as it was recorded, with the accounts that it refers
// to, or the authorization with its keys. Passwords of accounts and keys are those of now: the target takes no older ones, and
// no record names them but by their owner.
func (r *Runner) handed(v table.Reader, on *model.Occasion) *held {
	var app model.ApplicationID
	if a, ok := state.Authorizations.Get(v, string(on.Authorization)); ok {
		app = a.Application
	}
	h := r.holding(v, app, on.Authorization, on.Secret)
	h.version, _ = state.DSMVersions.Get(v, state.DSMVersionKey(on.Secret, on.Version))
	if h.secret == nil {
		return h
	}
	then := *h.secret
	then.Name, then.Engine, then.ExpiresAt = on.Name, on.Engine, on.ExpiresAt
	h.secret = &then
	h.oauth1 = nil // who may read a secret may not therefore sign as its owner
	h.accounts = map[model.CredentialID]account{}
	if h.version == nil {
		return h
	}
	for _, id := range h.version.References() {
		if c, ok := state.Credentials.Get(v, string(id)); ok {
			d, _ := state.Devices.Get(v, string(c.Device))
			h.accounts[id] = account{c, d}
		}
	}
	return h
}
