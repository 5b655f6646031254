package runner

import (
	"fmt"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// remove removes a dynamic user and proves by a login that it is gone. Removing is idempotent: nobody else has the name,
// and a template that removes an absent user succeeds.
func (r *Runner) remove(l *lease, o *model.Operation) operation.FinishArgs {
	job, err := r.load(o)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	defer job.wipe()
	verifier, ok := job.verifier()
	if !ok {
		return job.failed(model.OutcomeNotStarted, missing("the executor cannot prove by a login that a user is gone"))
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
		if found, err = r.try(l, job, verifier, 1); err != nil {
			return job.failed(model.OutcomeUncertain, err)
		}
	}
	if err := r.erase(l, job, job.template); err != nil {
		report := job.ran(model.OutcomeNotStarted, err)
		report.Outcome, report.Found = model.OutcomeUncertain, found
		return report
	}
	in, err := r.try(l, job, verifier, 1)
	if err == nil && in {
		err = &executors.Failure{Class: executors.ClassProtocol, Msg: "the removal was " + model.ReportedDone + "the user still logs in"}
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

// erase runs a removal template once.
func (r *Runner) erase(l *lease, j *job, t model.TemplateVersion) error {
	program, err := j.compile(t)
	if err != nil {
		return err
	}
	if _, err := program.Run(l.ctx, r.session(l, j)); err != nil {
		return fmt.Errorf("remove the user: %w", err)
	}
	return nil
}
