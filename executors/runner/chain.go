package runner

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"cofre/executors"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/vault/policy"
	"cofre/vault/secret"
)

// member is the new secret of a credential in a run of a chain: the common password, or the one that it had before.
func (r *Runner) member(l *lease, j *job, program executors.Program, a *operation.BeginArgs) (secret.Value, error) {
	o, c := j.operation, j.credential
	n := operation.Again(o, c)
	if n != 0 {
		a.Reuse = n
	} else if n = o.Source; n == 0 {
		v, err := r.common(l, j, program)
		if err != nil {
			return v, err
		}
		return v, r.seal(a, v)
	}
	version := c.Version(n)
	if version == nil {
		return secret.Value{}, missing("the earlier password is gone")
	}
	v, err := r.Keys.Decrypt(r.Place(version.Row), version.Secret)
	if err != nil || a.Reuse != 0 {
		return v, err
	}
	return v, r.seal(a, v)
}

// common is the password of a run: the one that is committed, which is this slot's own if no other was faster.
func (r *Runner) common(l *lease, j *job, program executors.Program) (secret.Value, error) {
	run, strength := r.run(j.operation.Run)
	args := operation.ShareArgs{Operation: j.operation.ID, Token: l.token}
	res := operation.ShareResult{}
	if run != nil {
		res.Row, res.Secret = run.Row, run.Secret
	}
	if res.Row == "" {
		strength, err := fitting(strength, r.places(j, program))
		if err != nil {
			return secret.Value{}, err
		}
		v, err := policy.Generate(strength)
		if err != nil {
			return v, err
		}
		defer v.Wipe()
		var row [16]byte
		_, _ = rand.Read(row[:])
		args.Row = hex.EncodeToString(row[:])
		if args.Secret, err = r.Keys.Encrypt(r.Place(args.Row), v); err != nil {
			return secret.Value{}, err
		}
		if res, err = r.share(l, args); err != nil {
			return secret.Value{}, err
		}
	}
	return r.Keys.Decrypt(r.Place(res.Row), res.Secret)
}

// share repeats itself while the answer is unknown: the first offer that is committed holds, for all.
func (r *Runner) share(l *lease, a operation.ShareArgs) (operation.ShareResult, error) {
	for n := 1; ; n++ {
		res, err := command.Propose(l.ctx, r.Proposer, operation.Share, actor, a)
		if err == nil && res.Fenced {
			err = model.Errorf(model.Fenced, "the lease is somebody else's")
		}
		if err == nil || l.ctx.Err() != nil || !operation.AskAgain(err) {
			return res, err
		}
		select {
		case <-time.After(operation.AskPause(n)):
		case <-l.ctx.Done():
		}
	}
}

// run reads a run and the strength of its password.
func (r *Runner) run(id model.ChainRunID) (*model.ChainRun, model.Strength) {
	v := r.View()
	defer v.Close()
	run, ok := state.ChainRuns.Get(v, string(id))
	if !ok {
		return nil, model.DefaultPolicy().Strength
	}
	return run, state.PolicyOf(v, &model.Credential{Policy: run.Policy}).Strength
}
