package sim

import (
	"cofre/fsm/chain"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// joint is the chain of the world: it gives some of the accounts one password.
type joint struct {
	id   model.ChainID
	over map[model.ChainRunID]bool // runs that were looked at
}

// script asks for what chance says.
func (w *world) script() string {
	s := "change cred manager\nchange cred managed linked\nlinked_tpl change\n"
	if w.chance(500) {
		s += "change cred child\n"
	}
	if w.chance(300) {
		s += "check_conn\n"
	}
	if w.chance(700) {
		s += "rollback\n"
	}
	return s
}

// demand begins a run.
func (j *joint) demand(n *node) { ask(n, chain.Run, chain.RunArgs{Chain: j.id}) }

// member makes the candidate of a credential in a run, as executors/runner does.
func (a *attempt) member(c *model.Credential, args operation.BeginArgs) {
	offer := func(secret model.Sealed) {
		a.secret = string(secret.Box)
		if args.Reuse == 0 {
			args.Row, args.Candidate = a.n.w.id().String(), secret
		}
		a.commit(args, a.n.boot(), 1)
	}
	n := operation.Again(a.op, c)
	if args.Reuse = n; n == 0 {
		n = a.op.Source
	}
	if v := c.Version(n); v != nil {
		offer(v.Secret)
		return
	}
	a.share(operation.ShareArgs{Operation: a.op.ID, Token: a.token, Row: a.n.w.id().String(), Secret: model.Sealed{Term: 1, Box: []byte(a.n.w.newPassword())}}, 1, offer)
}

// share repeats the offer of a common password while its answer is unknown.
func (a *attempt) share(args operation.ShareArgs, try int, then func(model.Sealed)) {
	propose(a.n, operation.Share, slot, args, limit, 0, func(r operation.ShareResult, err error) {
		switch {
		case err == nil && r.Fenced:
			a.end()
		case err == nil:
			then(r.Secret)
		case operation.AskAgain(err) && operation.Held(a.n.operation(a.op.ID), a.token):
			a.n.after(operation.AskPause(try), func() { a.share(args, try+1, then) })
		default:
			a.report(failed(model.OutcomeNotStarted, "share"))
		}
	})
}

// inspect looks at the runs that are over: after a success all members got the same password, and after a rollback each has
// the one that it had before.
func (j *joint) inspect(w *world) {
	v := w.machine.View()
	defer v.Close()
	for r := range state.ChainRuns.All(v, "") {
		if !r.State.Final() || j.over[r.ID] {
			continue
		}
		j.over[r.ID] = true
		w.count("runs " + string(r.State))
		w.count("runs by " + r.Trigger)
		if !r.Secret.IsZero() {
			w.fail("run %d is over and keeps its password", r.Number)
		}
		common := ""
		for _, m := range r.Members {
			c, _ := state.Credentials.Get(v, string(m.Credential))
			given := func(id model.OperationID) string {
				o, _ := state.Operations.Get(v, string(id))
				if o == nil || c.Version(o.Candidate) == nil {
					return ""
				}
				return string(c.Version(o.Candidate).Secret.Box)
			}
			switch got := given(m.Change); {
			case r.State == model.ChainSucceeded && (got == "" || common != "" && got != common):
				w.fail("run %d succeeded, but its members did not get the same password", r.Number)
			case r.State == model.ChainSucceeded:
				common = got
			case r.State == model.ChainRolledBack && m.Result == model.MemberRestored && given(m.Restore) != string(c.Version(m.Before).Secret.Box):
				w.fail("run %d was rolled back, but a member did not get its earlier password", r.Number)
			}
		}
	}
}

// rest tells whether no run is at work.
func (j *joint) rest(w *world) {
	v := w.machine.View()
	defer v.Close()
	for r := range state.ChainRuns.All(v, "") {
		if !r.State.Final() {
			w.fail("run %d is %s, though no operation is open", r.Number, r.State)
		}
	}
}
