package runner

import (
	"fmt"
	"slices"

	"cofre/executors"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// settle finds out by login which version is in force: candidate, current, then the newest abandoned and retired, within
// the budget of failing logins. It changes nothing on the target.
func (r *Runner) settle(l *lease, o *model.Operation) operation.FinishArgs {
	job, err := r.load(o)
	if err != nil {
		return job.failed(model.OutcomeUncertain, err)
	}
	defer job.wipe()
	verifier, ok := job.executor.(executors.Verifier)
	if !ok {
		return job.failed(model.OutcomeUncertain, &executors.Failure{Class: executors.ClassTemplate, Msg: "the executor cannot prove a secret by a login"})
	}
	sent := bootClock()
	res, err := command.Propose(l.ctx, r.Proposer, operation.Renew, actor, operation.RenewArgs{Tokens: []model.Pos{l.token}})
	if err != nil {
		return job.failed(model.OutcomeUncertain, err)
	}
	if len(res.Lost) > 0 {
		return skipped
	}
	l.trust(sent)
	left, _ := job.credential.LoginBudget(job.policy.BadLogins, model.Span(job.policy.BadLoginWindow), job.now)
	report := operation.FinishArgs{}
	for _, n := range job.credential.SettleOrder() {
		if slices.Contains(o.Refused, n) {
			continue
		}
		if left == 0 {
			report = job.failed(model.OutcomeUncertain, fmt.Errorf("the budget of failing logins is used up: the target might lock the account"))
			report.Refused = nil
			break
		}
		in, err := r.try(l, job, verifier, n)
		if err != nil {
			return withRefused(job.failed(model.OutcomeUncertain, err), job.refused)
		}
		if in {
			report = job.done(model.OutcomeApplied)
			report.Proven = n
			return withRefused(report, job.refused)
		}
		job.refused = append(job.refused, n)
		left--
	}
	if report.Message == "" {
		report = job.done(model.OutcomeUncertain)
		report.Class, report.Message = string(executors.ClassAuth), "no known secret logs in"
	}
	return withRefused(report, job.refused)
}

func withRefused(a operation.FinishArgs, refused []uint64) operation.FinishArgs {
	a.Refused = refused
	return a
}

func (r *Runner) try(l *lease, j *job, verifier executors.Verifier, n uint64) (bool, error) {
	if err := l.check(""); err != nil {
		return false, err
	}
	v := j.credential.Version(n)
	value, err := r.Keys.Decrypt(r.Place(v.Row), v.Secret)
	if err != nil {
		return false, err
	}
	defer value.Wipe()
	in, err := verifier.Verify(l.ctx, r.session(l, j), value)
	if err == nil {
		word := "refused"
		if in {
			word = "accepted"
		}
		j.trace.Step(model.Step{Text: fmt.Sprintf("login with version %d (%s): %s", n, v.Role, word)})
	}
	return in, err
}
