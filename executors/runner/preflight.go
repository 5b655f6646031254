package runner

import (
	"context"
	"errors"
	"fmt"
	"net"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/vault/secret"
)

// errDry stops a program before it connects.
var errDry = errors.New("a dry run does not connect here")

// preflight makes a dry run on the real target: every tag is filled and must fit its place, the device is reached by its route, and
// the credential that would do the work logs in. Where the target can say so, it is asked whether it would allow the change. Nothing
// of the template is sent.
func (r *Runner) preflight(l *lease, o *model.Operation) operation.FinishArgs {
	job, err := r.load(o)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	defer job.wipe()
	if report, ok := r.enter(l, job); !ok {
		return report
	}
	program, err := job.compile(job.template)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	if job.candidate, err = r.candidate(l, job, program, &operation.BeginArgs{}); err != nil { // drawn like a real one, and forgotten
		return job.failed(model.OutcomeNotStarted, err)
	}
	if err := r.fits(l, job, program); err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	job.trace.Step(model.Step{Text: "every tag has a value that fits its place"})
	verifier, ok := executors.VerifierOf(job.executor, program)
	if !ok {
		return job.failed(model.OutcomeNotStarted, missing("the executor cannot prove a login"))
	}
	if m, ok := program.(executors.ManagerVerifier); ok && job.managed() {
		verifier = m.ManagerVerifier()
	}
	with, err := job.decrypt(job.auth)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	defer with.Wipe()
	in, err := verifier.Verify(l.ctx, asDoor(r.session(l, job)), with)
	switch {
	case err != nil:
		return job.ran(model.OutcomeNotStarted, fmt.Errorf("log in as the credential that would do the work: %w", err))
	case !in:
		report := job.failed(model.OutcomeNotStarted, &executors.Failure{Class: executors.ClassAuth, Msg: "the target refuses the login of the credential that would do the work"})
		report.Logins.Door = 1
		return report
	}
	job.trace.Step(model.Step{Text: "the target was reached, and let " + mask.AuthUser.String() + " in"})
	if err := r.judged(l, job, program); err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	return job.done(model.OutcomeApplied)
}

// judged asks the target whether the credential that would do the work may do it. Only a clear no is an error.
func (r *Runner) judged(l *lease, j *job, program executors.Program) error {
	judge, ok := program.(executors.Judge)
	if !ok {
		j.trace.Step(model.Step{Text: "whether it may make the change is not asked on this kind of target"})
		return nil
	}
	allowed, why, err := judge.May(l.ctx, r.session(l, j))
	switch {
	case err != nil:
		j.trace.Step(model.Step{Text: "whether it may make the change cannot be told", Error: err.Error()})
		return nil
	case !allowed:
		return &executors.Failure{Class: executors.ClassPolicy, Msg: mask.AuthUser.String() + " logs in, but may not make the change: " + why}
	}
	j.trace.Step(model.Step{Text: mask.AuthUser.String() + " may make the change: " + why})
	return nil
}

// fits lets the program prepare everything, and stops it before it connects: executors fill every tag before that.
func (r *Runner) fits(l *lease, j *job, program executors.Program) error {
	s := r.session(l, j)
	s.Trace = nil
	s.Before = func(string) error { return errDry }
	s.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errDry }
	_, err := program.Run(l.ctx, s)
	var f *executors.Failure
	if errors.As(err, &f) && f.Class == executors.ClassRefused {
		return nil
	}
	if err == nil {
		err = missing("the executor did not ask before it connected")
	}
	return err
}

// asDoor is the session of a login as the credential that does the work.
func asDoor(s executors.Session) executors.Session {
	resolve := s.Resolve
	s.Resolve = func(n mask.Name) (secret.Value, error) {
		switch n {
		case mask.Username:
			n = mask.AuthUser
		case "DOMAIN":
			n = "AUTH_DOMAIN"
		}
		return resolve(n)
	}
	return s
}
