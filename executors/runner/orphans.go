package runner

import (
	"slices"

	"cofre/executors"
	"cofre/fsm/command"
	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// searchOrphans lists the accounts of a target and reports those that only a profile of ours can have made and that nobody
// owns. It changes nothing on the target.
func (r *Runner) searchOrphans(l *lease, o *model.Operation) operation.FinishArgs {
	job, err := r.load(o)
	if err != nil {
		return job.failed(model.OutcomeNotStarted, err)
	}
	defer job.wipe()
	lister, ok := job.lister()
	if !ok {
		return job.failed(model.OutcomeNotStarted, missing("the executor cannot list the accounts of its targets"))
	}
	if report, ok := r.enter(l, job); !ok {
		return report
	}
	names, more, err := lister.Accounts(l.ctx, r.session(l, job), model.DynamicPrefix(job.profile.Executor, job.profile.Identifier))
	if err != nil {
		return job.ran(model.OutcomeNotStarted, err)
	}
	orphans := r.unowned(o, job, names)
	if len(orphans) > model.MaxOrphans {
		orphans, more = orphans[:model.MaxOrphans], true
	}
	res, err := command.Propose(l.ctx, r.Proposer, dynamic.ReportOrphans, actor, dynamic.ReportArgs{Operation: o.ID, Token: l.token, Names: orphans, Partial: more})
	switch {
	case err != nil:
		return job.failed(model.OutcomeNotStarted, err)
	case res.Fenced:
		return skipped
	}
	return job.done(model.OutcomeApplied)
}

// unowned are the names that look like the profile's and that this replica knows no owner of; the reducer decides again.
func (r *Runner) unowned(o *model.Operation, j *job, names []string) []string {
	v := r.View()
	defer v.Close()
	var out []string
	for _, n := range names {
		if _, ok := model.DynamicNamed(j.profile.Executor, j.profile.Identifier, n); ok && !state.Owned(v, j.profile, n, o.CreatedAt) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lister lists the accounts of this job's target.
func (j *job) lister() (executors.Lister, bool) {
	program, err := j.compile(j.template)
	if err != nil {
		program = nil
	}
	return executors.ListerOf(j.executor, program)
}
