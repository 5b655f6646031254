package runner

import (
	"fmt"

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
	verifier, ok := job.verifier()
	if !ok {
		return job.failed(model.OutcomeUncertain, &executors.Failure{Class: executors.ClassTemplate, Msg: "the executor cannot prove a secret by a login"})
	}
	if report, ok := r.enter(l, job); !ok {
		return report
	}
	walk := operation.NewSettling(o, job.credential)
	for n, more := walk.Next(); more; n, more = walk.Next() {
		in, err := r.try(l, job, verifier, n)
		if err != nil {
			return walk.Found(job.unsure(model.OutcomeUncertain, err))
		}
		walk.Note(in)
	}
	if walk.Spent() {
		return walk.Found(job.failed(model.OutcomeUncertain, refused(spentBudget+": is the account locked there, or was its secret changed by hand?")))
	}
	report := walk.Found(job.done(model.OutcomeApplied))
	if report.Proven == 0 {
		report.Class, report.Message = string(executors.ClassAuth), "no known secret logs in: was it changed on the target? Set it there to the stored one, or let a reconciliation set a new one (cofre operation request CREDENTIAL --reconcile); cofre operation retry looks again"
	}
	return report
}

// enter begins a settling, once per lease: an earlier life of this node may have begun it already, and used its logins.
func (r *Runner) enter(l *lease, j *job) (report operation.FinishArgs, ok bool) {
	sent := bootClock()
	res, err := command.Propose(l.ctx, r.Proposer, operation.Begin, actor, operation.BeginArgs{Operation: l.operation, Token: l.token})
	switch {
	case err != nil:
		return j.failed(model.OutcomeUncertain, err), false
	case res.Fenced && r.held(l):
		return operation.Unheard(), false
	case res.Fenced:
		return skipped, false
	}
	l.trust(sent)
	return report, true
}

// spentBudget says why nobody logs in any more. It is no defect: the next logins come with the next window.
const spentBudget = "the budget of failing logins is used up: one more might lock the account on the target"

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
	in, err := r.proof(l, j, verifier, value)
	if err == nil {
		word := "refused"
		if in {
			word = "accepted"
		}
		j.trace.Step(model.Step{Text: fmt.Sprintf("login with version %d (%s): %s", n, v.Role, word)})
	}
	return in, err
}
