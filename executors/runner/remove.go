package runner

import (
	"fmt"
	"slices"
	"strings"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// remove removes a dynamic user and proves that it is gone: by a login that is refused, or, of an account that was found
// without an owner and whose secret nobody knows, by the target's own list. Removing is idempotent: nobody else has the name,
// and a template that removes an absent user succeeds.
func (r *Runner) remove(l *lease, o *model.Operation) operation.FinishArgs {
	job, err := r.load(o)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	defer job.wipe()
	there, err := r.presence(l, job)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	if o.State == model.OpSettling {
		if report, ok := r.enter(l, job); !ok {
			return report
		}
	} else {
		res, sent, err := r.begin(l, operation.BeginArgs{Operation: o.ID, Token: l.token, Reuse: 1})
		switch {
		case err != nil:
			return job.failed(model.OutcomeNotStarted, err)
		case res.Fenced:
			return skipped
		}
		l.trust(sent)
	}
	// The second proof is worth something only if the user was gone before this attempt.
	found := false
	if job.user.GoneAt != 0 {
		if found, err = there(); err != nil {
			return job.failed(model.OutcomeUncertain, err)
		}
	}
	if err := r.erase(l, job, job.template); err != nil {
		report := job.ran(model.OutcomeNotStarted, err)
		report.Outcome, report.Found = model.OutcomeUncertain, found
		return report
	}
	in, err := there()
	if err == nil && in {
		err = &executors.Failure{Class: executors.ClassProtocol, Msg: "the removal was " + model.ReportedDone + job.still()}
	}
	if err != nil {
		report := job.failed(model.OutcomeUncertain, err)
		report.Found = found
		return report
	}
	report := job.done(model.OutcomeApplied)
	report.Found = found
	return report
}

// presence makes the question whether the user is on its target.
func (r *Runner) presence(l *lease, j *job) (func() (bool, error), error) {
	if j.user.Row != "" {
		verifier, ok := j.verifier()
		if !ok {
			return nil, missing("the executor cannot prove by a login that a user is gone")
		}
		return func() (bool, error) { return r.try(l, j, verifier, 1) }, nil
	}
	lister, ok := j.lister()
	if !ok {
		return nil, missing("the executor cannot list the accounts of its targets")
	}
	return func() (bool, error) {
		if err := l.check(""); err != nil {
			return false, err
		}
		names, more, err := lister.Accounts(l.ctx, r.session(l, j), j.user.Username)
		if err == nil && more {
			err = &executors.Failure{Class: executors.ClassProtocol, Msg: "the target lists too many accounts"}
		}
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, j.user.Username) }), err
	}, nil
}

// still says how a user that should be gone was seen.
func (j *job) still() string {
	if j.user.Row != "" {
		return "the user still logs in"
	}
	return "the target still lists the account"
}

// erase runs a removal template once.
func (r *Runner) erase(l *lease, j *job, t chosen) error {
	program, err := j.compile(t)
	if err != nil {
		return err
	}
	if _, err := program.Run(l.ctx, r.session(l, j)); err != nil {
		return fmt.Errorf("remove the user: %w", err)
	}
	return nil
}
