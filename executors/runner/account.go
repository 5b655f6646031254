package runner

import (
	"errors"
	"fmt"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// accessKinds are the operations that activate an account for a session, or inactivate it after the last one, with the kinds
// of their templates.
var accessKinds = map[model.OperationKind]model.TemplateKind{
	model.CredentialActivation: model.TemplateEnable, model.EphemeralCreate: model.TemplateCreate,
	model.CredentialInactivation: model.TemplateDisable, model.EphemeralRemove: model.TemplateDelete,
}

// access runs one of them and proves it by a login with the stored secret: accepted when the account is active, refused when
// it is not. Its templates succeed where there is nothing to do, so one of which it is not known what became runs again.
func (r *Runner) access(l *lease, o *model.Operation) operation.FinishArgs {
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
	if current == nil || o.Lease.Door == "" {
		return job.failed(model.OutcomeNotStarted, missing("the credential holds no secret, or nobody logs in for it"))
	}
	// What is created gets the stored secret: it is NEW_PASSWORD to the template.
	if job.candidate, err = job.decrypt(job.credential); err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	for _, n := range program.Masks() {
		v, err := job.resolve(n)
		if err != nil {
			return job.failed(model.OutcomeNotStarted, err)
		}
		if n != mask.NewPassword {
			v.Wipe()
		}
	}
	if o.State == model.OpSettling {
		if report, ok := r.enter(l, job); !ok {
			return report
		}
	} else {
		res, sent, err := r.begin(l, operation.BeginArgs{Operation: o.ID, Token: l.token, Reuse: current.N})
		switch {
		case err != nil:
			return job.failed(model.OutcomeNotStarted, err)
		case res.Fenced:
			return skipped
		}
		l.trust(sent)
	}
	outcome, err := program.Run(l.ctx, r.session(l, job))
	if err != nil {
		return job.ran(outcome, err)
	}
	return r.proveAccess(l, job, current.N)
}

// proveAccess logs in with the stored secret over a fresh connection. A target that refuses the login of an inactive account
// may do so in words of its own: an error of the class auth is a refusal.
func (r *Runner) proveAccess(l *lease, j *job, version uint64) operation.FinishArgs {
	verifier, ok := j.verifier()
	if !ok {
		return j.done(model.OutcomeApplied)
	}
	in, err := verifier.Verify(l.ctx, r.session(l, j), j.candidate)
	var f *executors.Failure
	if errors.As(err, &f) && f.Class == executors.ClassAuth {
		in, err = false, nil
	}
	activate := accessKinds[j.operation.Kind] == model.TemplateEnable || accessKinds[j.operation.Kind] == model.TemplateCreate
	switch {
	case err != nil:
		return j.unsure(model.OutcomeUncertain, fmt.Errorf("the template was run but could not be proven by a login: %w", err))
	case activate && !in:
		report := j.failed(model.OutcomeUncertain, &executors.Failure{Class: executors.ClassAuth, Msg: "the activation was reported done but the stored secret does not log in"})
		report.Logins.Own = 1
		return report
	case !activate && in:
		return j.failed(model.OutcomeUncertain, &executors.Failure{Class: executors.ClassProtocol, Msg: "the inactivation was reported done but the account still logs in"})
	}
	word := "refused, as it should be"
	report := j.done(model.OutcomeApplied)
	if activate {
		word, report.Proven = "accepted", version
	}
	j.trace.Step(model.Step{Text: "login with the stored secret: " + word})
	report.Attempt.Steps = j.trace.Steps()
	return report
}
