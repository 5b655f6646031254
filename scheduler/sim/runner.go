package sim

import (
	"time"

	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// attempt is one slot at work on one lease: the states of executors/runner, spelled as continuations.
type attempt struct {
	n      *node
	life   int
	token  model.Pos
	op     *model.Operation
	acct   *account
	trust  operation.Trust
	begun  bool // from here on a fault meets an operation at work
	done   bool
	secret string // the candidate
	number uint64 // its version
}

var slot = model.Actor{Kind: model.ActorSystem, Name: "runner"}

// watch starts an attempt for each new lease and cuts those whose lease is gone.
func (n *node) watch() {
	held := map[model.Pos]bool{}
	for o := range state.Operations.By(n.view, "lease", string(n.id)) {
		token := o.Lease.Token
		held[token] = true
		if _, known := n.active[token]; !known {
			a := &attempt{n: n, life: n.life, token: token, op: o, acct: n.w.account(o.Target.ID), trust: operation.NewTrust(n.w.timing)}
			n.active[token] = a
			n.after(time.Millisecond, a.begin)
		}
	}
	for _, token := range sorted(n.active) {
		if a := n.active[token]; !held[token] {
			a.trust.Lose()
			if a.done {
				delete(n.active, token)
			}
		}
	}
}

// renew keeps the leases of running attempts: one command for all of them.
func (n *node) renew() {
	n.after(n.w.span(n.w.timing.Renew), n.renew)
	var tokens []model.Pos
	for _, t := range sorted(n.active) {
		if !n.active[t].done {
			tokens = append(tokens, t)
		}
	}
	if len(tokens) == 0 {
		return
	}
	sent := n.boot()
	propose(n, operation.Renew, slot, operation.RenewArgs{Tokens: tokens}, n.w.span(n.w.timing.Renew), 0, func(r operation.RenewResult, err error) {
		if err != nil {
			return // the trust ends by itself
		}
		for _, t := range r.Lost {
			if a := n.active[t]; a != nil {
				a.trust.Lose()
			}
			tokens = without(tokens, t)
		}
		for _, t := range tokens {
			if a := n.active[t]; a != nil {
				a.trust.Extend(sent)
			}
		}
	})
}

// trusted is the attempt's context: it ends with the trust, once there was any.
func (a *attempt) trusted() bool { return a.trust.Holds(a.n.boot()) }

func (a *attempt) begin() {
	switch a.op.State {
	case model.OpRunning:
		a.n.w.count("restarted while running")
		a.report(operation.FinishArgs{Outcome: model.OutcomeUncertain, Class: "restart"})
	case model.OpSettling:
		a.settle()
	default:
		a.change()
	}
}

func failed(o model.Outcome, class string) operation.FinishArgs {
	return operation.FinishArgs{Outcome: o, Class: class, Message: class}
}

// change: the candidate first, then the target, then the proof.
func (a *attempt) change() {
	c := a.n.credential(a.op.Target.ID)
	args := operation.BeginArgs{Operation: a.op.ID, Token: a.token}
	if reusable := operation.Reusable(c); a.op.Kind == model.ChildPasswordChange {
		p := a.n.credential(string(c.Parent))
		src := p.Version(a.op.Source)
		if src == nil {
			a.report(failed(model.OutcomeNotStarted, "template"))
			return
		}
		a.secret = string(src.Secret.Box)
		args.Row, args.Candidate = a.n.w.id().String(), src.Secret
	} else if len(reusable) > 0 {
		a.n.w.count("unsent candidate offered again")
		a.secret, args.Reuse = string(c.Version(reusable[0]).Secret.Box), reusable[0]
	} else {
		a.secret = a.n.w.newPassword()
		args.Row, args.Candidate = a.n.w.id().String(), model.Sealed{Term: 1, Box: []byte(a.secret)}
	}
	a.commit(args, a.n.boot(), 1)
}

// commit repeats begin while the answer is unknown.
func (a *attempt) commit(args operation.BeginArgs, first time.Duration, try int) {
	sent := a.n.boot()
	propose(a.n, operation.Begin, slot, args, limit, 0, func(r operation.LeaseResult, err error) {
		if err == nil && !r.Fenced {
			a.run(r.Version, sent)
			return
		}
		if err != nil && !operation.AskAgain(err) {
			a.report(failed(model.OutcomeNotStarted, model.KindOf(err).String()))
			return
		}
		switch r, known := a.known(args); {
		case known && r.Fenced:
			a.end() // the lease is somebody else's: nothing is to be reported
		case known:
			a.n.w.count("begin found committed")
			a.run(r.Version, first)
		default:
			a.n.after(operation.AskPause(try), func() { a.commit(args, first, try+1) })
		}
	})
}

func (a *attempt) known(args operation.BeginArgs) (operation.LeaseResult, bool) {
	o := a.n.operation(args.Operation)
	return operation.Begun(o, a.n.credential(o.Target.ID), args)
}

// run connects, logs in where the credential authenticates itself, writes, and proves.
func (a *attempt) run(number uint64, sent time.Duration) {
	a.trust.Extend(sent)
	a.begun, a.number = true, number
	a.n.w.strike(a, "after begin")
	a.n.after(a.n.w.between(5*time.Millisecond, 300*time.Millisecond), func() {
		auth := a.n.credential(a.op.Target.ID)
		if id := auth.Execution.Authentication; id != "" {
			auth = a.n.credential(string(id))
		}
		door := a.n.w.account(string(auth.ID))
		if !a.trusted() {
			a.report(failed(model.OutcomeNotStarted, "refused"))
			return
		}
		in, reached := door.login(string(auth.ByRole(model.RoleCurrent).Secret.Box))
		switch {
		case !reached || a.acct.down:
			a.report(failed(model.OutcomeNotStarted, "network"))
		case !in:
			a.report(failed(model.OutcomeNotStarted, "auth"))
		default:
			a.n.after(a.n.w.between(0, 2*time.Second), a.write)
		}
	})
}

// write checks the lease and sends; a machine may stand still between the two, and nothing can be done about that.
func (a *attempt) write() {
	if !a.trusted() {
		a.report(failed(model.OutcomeNotStarted, "refused"))
		return
	}
	if !a.n.w.calm && a.n.w.chance(4) {
		a.n.w.fault("stall between check and write", true)
		a.n.w.stall(a.n, a.n.w.between(time.Second, 3*time.Minute))
	}
	a.n.after(0, func() {
		a.n.w.leases.writes(a.n.w, a)
		answered := false
		a.acct.change(a, func(yes bool) {
			if answered {
				return
			}
			answered = true
			if !yes {
				a.report(failed(model.OutcomeRejected, "policy"))
				return
			}
			a.prove()
		})
		a.n.w.strike(a, "after write")
		a.n.after(10*time.Second, func() {
			if !answered {
				answered = true
				a.report(failed(model.OutcomeUncertain, "timeout"))
			}
		})
	})
}

func (a *attempt) prove() {
	a.n.w.strike(a, "before finish")
	a.n.after(a.n.w.between(5*time.Millisecond, 500*time.Millisecond), func() {
		in, reached := false, false
		if a.trusted() {
			in, reached = a.acct.login(a.secret)
		}
		var err error
		if !reached {
			err = model.Errorf(model.Unavailable, "no answer")
		}
		r := operation.FinishArgs{Outcome: operation.Proof(in, err)}
		if r.Outcome == model.OutcomeApplied {
			r.Proven = a.number
		}
		a.report(r)
	})
}

// settle finds out by login which version is in force.
func (a *attempt) settle() {
	c, at, sent := a.n.credential(a.op.Target.ID), state.SystemRow(a.n.view).At, a.n.boot()
	p := state.PolicyOf(a.n.view, c)
	propose(a.n, operation.Renew, slot, operation.RenewArgs{Tokens: []model.Pos{a.token}}, limit, 0, func(r operation.RenewResult, err error) {
		switch {
		case err != nil:
			a.report(failed(model.OutcomeUncertain, "renew"))
		case len(r.Lost) > 0:
			a.end()
		default:
			a.begun = true
			a.trust.Extend(sent)
			a.walk(c, operation.NewSettling(a.op, c, &p, at))
		}
	})
}

func (a *attempt) walk(c *model.Credential, s *operation.Settling) {
	n, more := s.Next()
	if !more {
		class := ""
		if s.Spent() {
			a.n.w.count("login budget used up")
			class = "budget"
		}
		a.report(s.Found(failed(model.OutcomeApplied, class)))
		return
	}
	a.n.after(a.n.w.between(5*time.Millisecond, 2*time.Second), func() {
		in, reached := false, false
		if a.trusted() {
			in, reached = a.acct.login(string(c.Version(n).Secret.Box))
		}
		if !reached {
			a.report(s.Found(failed(model.OutcomeUncertain, "network")))
			return
		}
		s.Note(in)
		a.walk(c, s)
	})
}

// report tells the cluster until it is heard or the replica shows that the lease is gone.
func (a *attempt) report(r operation.FinishArgs) {
	r.Operation, r.Token = a.op.ID, a.token
	a.tell(r, 1)
}

func (a *attempt) tell(r operation.FinishArgs, try int) {
	propose(a.n, operation.Finish, slot, r, limit, 0, func(res operation.FinishResult, err error) {
		switch {
		case err == nil:
			if res.Fenced {
				a.n.w.count("report fenced")
			}
			a.end()
		case !operation.Held(a.n.operation(a.op.ID), a.token), !operation.AskAgain(err):
			a.end()
		default:
			a.n.after(operation.AskPause(try), func() { a.tell(r, try+1) })
		}
	})
}

func (a *attempt) end() {
	a.done, a.begun = true, false
	a.trust.Lose()
}
