package runner

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/vault/policy"
	"cofre/vault/secret"
	"cofre/vault/sshkey"
)

// change makes one attempt: candidate first, then the target, then the proof.
func (r *Runner) change(l *lease, o *model.Operation) operation.FinishArgs {
	job, err := r.load(o)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	defer job.wipe()
	program, err := job.compile(job.template)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	begin := operation.BeginArgs{Operation: o.ID, Token: l.token}
	if job.candidate, err = r.candidate(l, job, program, &begin); err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	for _, n := range program.Masks() {
		if v, err := job.resolve(n); err != nil {
			return job.failed(model.OutcomeNotStarted, err)
		} else if n != mask.NewPassword {
			v.Wipe()
		}
	}
	res, sent, err := r.begin(l, begin)
	switch {
	case err != nil:
		return job.failed(model.OutcomeNotStarted, err) // begun or not: nothing was sent
	case res.Fenced:
		return skipped
	}
	l.trust(sent)
	if o.Kind == model.Provision && o.Attempt > 0 {
		// An earlier attempt may have created it: that one goes first.
		if err := r.erase(l, job, job.removal); err != nil {
			return job.ran(model.OutcomeNotStarted, err)
		}
	}
	if job.credential.Key != nil {
		return r.rotate(l, job, program, res.Version)
	}
	session := r.session(l, job)
	if job.user != nil {
		session.Keep = r.keeper(l, job)
	}
	outcome, err := program.Run(l.ctx, session)
	if err != nil {
		return job.ran(outcome, err)
	}
	return r.prove(l, job, res.Version)
}

// skipped marks a report that is not to be sent, because the lease is somebody else's.
var skipped = operation.FinishArgs{Class: "fenced"}

// begin commits the candidate. It repeats itself while the answer is unknown: the replica tells whether it was begun, by
// this attempt, or by an earlier life of this node with another candidate, which must not be taken for ours.
func (r *Runner) begin(l *lease, a operation.BeginArgs) (operation.LeaseResult, time.Duration, error) {
	first := bootClock()
	for n := 1; ; n++ {
		sent := bootClock()
		res, err := command.Propose(l.ctx, r.Proposer, operation.Begin, actor, a)
		if err == nil && !res.Fenced {
			return res, sent, nil
		}
		if err != nil && (l.ctx.Err() != nil || !operation.AskAgain(err)) {
			if !r.held(l) { // the replica told it before the answer could
				return operation.LeaseResult{Fenced: true}, sent, nil
			}
			return res, sent, err
		}
		if res, known := r.begun(a); known {
			return res, first, nil // if it was committed, then by a try that was sent at the earliest then
		}
		select {
		case <-time.After(operation.AskPause(n)):
		case <-l.ctx.Done():
		}
	}
}

func (r *Runner) begun(a operation.BeginArgs) (operation.LeaseResult, bool) {
	v := r.View()
	defer v.Close()
	o, ok := state.Operations.Get(v, string(a.Operation))
	if !ok {
		return operation.LeaseResult{Fenced: true}, true
	}
	c, ok := r.account(v, &job{operation: o})
	if !ok {
		return operation.LeaseResult{Fenced: true}, true
	}
	return operation.Begun(o, c, a)
}

// candidate makes the new secret, or offers one again that provably was never sent.
func (r *Runner) candidate(l *lease, j *job, program executors.Program, a *operation.BeginArgs) (secret.Value, error) {
	if j.operation.Run != "" && j.operation.Kind == model.PasswordChange {
		return r.member(l, j, program, a)
	}
	if j.operation.Kind == model.ChildPasswordChange {
		src := j.parent.Version(j.operation.Source)
		if src == nil {
			return secret.Value{}, &executors.Failure{Class: executors.ClassTemplate, Msg: "the parent's secret version is gone"}
		}
		v, err := r.Keys.Decrypt(r.Place(src.Row), src.Secret)
		if err != nil {
			return secret.Value{}, err
		}
		return v, r.seal(a, v)
	}
	if j.user != nil && j.user.Row != "" { // the same for all attempts
		a.Reuse = 1
		return r.Keys.Decrypt(r.Place(j.user.Row), j.user.Secret)
	}
	strength, err := fitting(j.policy.Strength, r.places(j, program))
	if err != nil && j.credential.Key == nil {
		return secret.Value{}, err
	}
	for _, n := range operation.Reusable(j.credential) {
		v := j.credential.Version(n)
		value, err := r.Keys.Decrypt(r.Place(v.Row), v.Secret)
		if err != nil {
			return secret.Value{}, err
		}
		if j.credential.Key != nil || policy.Check(strength, value) == nil {
			a.Reuse = n
			return value, nil
		}
		value.Wipe()
	}
	if k := j.credential.Key; k != nil {
		v, public, err := sshkey.Generate(k.Algorithm)
		if err != nil {
			return secret.Value{}, err
		}
		a.Public = public
		return v, r.seal(a, v)
	}
	v, err := policy.Generate(strength)
	if err != nil {
		return secret.Value{}, err
	}
	return v, r.seal(a, v)
}

func (r *Runner) seal(a *operation.BeginArgs, v secret.Value) error {
	var row [16]byte
	_, _ = rand.Read(row[:])
	a.Row = hex.EncodeToString(row[:])
	sealed, err := r.Keys.Encrypt(r.Place(a.Row), v)
	a.Candidate = sealed
	return err
}

// prove logs in with the new secret over a fresh connection; only that makes it a success.
func (r *Runner) prove(l *lease, j *job, version uint64) operation.FinishArgs {
	report := j.done(model.OutcomeApplied)
	verifier, ok := j.verifier()
	switch {
	case !ok && j.user != nil:
		return j.failed(model.OutcomeUncertain, missing("the executor cannot prove a new user by a login"))
	case !ok:
		return report
	}
	in, err := verifier.Verify(l.ctx, r.session(l, j), j.candidate)
	outcome := operation.Proof(in, err)
	switch {
	case err != nil:
		return j.unsure(outcome, fmt.Errorf("the change was "+model.ReportedDone+"could not be proven by a login: %w", err))
	case !in:
		report = j.failed(outcome, &executors.Failure{Class: executors.ClassAuth, Msg: "the change was " + model.ReportedDone + "the new secret does not log in"})
		report.Logins.Own = 1
		return report
	}
	j.trace.Step(model.Step{Text: "login with the new secret succeeded"})
	report = j.done(outcome)
	report.Proven = version
	return report
}

// failureOf finds class and text of an attempt's error.
func failureOf(err error) (class, msg string) {
	var f *executors.Failure
	var m *model.Error
	switch {
	case errors.As(err, &f):
		return string(f.Class), err.Error()
	case errors.As(err, &m):
		return m.Kind.String(), m.Msg
	case errors.Is(err, mask.ErrNoValue):
		return string(executors.ClassTemplate), err.Error()
	}
	return "internal", err.Error()
}
