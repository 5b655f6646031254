package sim

import (
	"time"

	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// attempt is one slot at work on one lease: the states of executors/runner, spelled as continuations.
type attempt struct {
	n       *node
	life    int
	token   model.Pos
	op      *model.Operation
	acct    *account
	trust   operation.Trust
	begun   bool // from here on a fault meets an operation at work
	done    bool
	checked time.Duration // when its lease was last found trusted before a write
	secret  string        // the candidate
	number  uint64        // its version
	found   bool          // a user to be removed was there when the attempt began
	way     way
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
			a.way = n.wayTo(o)
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
		a.report(operation.Unheard())
	case model.OpSettling:
		a.enter(a.op.Kind == model.Deprovision)
	default:
		a.change()
	}
}

// user tells whether the attempt is about a dynamic user.
func (a *attempt) user() bool { return a.op.Target.Kind == model.TargetDynamicUser }

// account is what the attempt is about, as the replica shows it.
func (a *attempt) account() *model.Credential {
	if !a.user() {
		return a.n.credential(a.op.Target.ID)
	}
	u := a.row()
	p, _ := state.Profiles.Get(a.n.view, string(u.Profile))
	return u.Account(p)
}

func (a *attempt) row() *model.DynamicUser {
	u, _ := state.DynamicUsers.Get(a.n.view, a.op.Target.ID)
	return u
}

// login tries a password of the account itself.
func (a *attempt) login(password string) answer {
	switch {
	case !a.trusted():
		return answer{}
	case a.user():
		return a.n.w.directory.login(a.account().Username, password)
	case !a.way.pass():
		return answer{}
	}
	return a.acct.login(password)
}

func failed(o model.Outcome, class string) operation.FinishArgs {
	return operation.FinishArgs{Outcome: o, Class: class, Message: class}
}

// change: the candidate first, then the target, then the proof.
func (a *attempt) change() {
	c := a.account()
	args := operation.BeginArgs{Operation: a.op.ID, Token: a.token}
	if a.op.Run != "" {
		a.member(c, args)
		return
	}
	if reusable := operation.Reusable(c); a.user() && len(c.Versions) > 0 {
		a.secret, args.Reuse = string(c.Versions[0].Secret.Box), 1
	} else if a.op.Kind == model.ChildPasswordChange {
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
	return operation.Begun(a.n.operation(args.Operation), a.account(), args)
}

// run connects, logs in where the credential authenticates itself, writes, and proves.
func (a *attempt) run(number uint64, sent time.Duration) {
	a.trust.Extend(sent)
	a.begun, a.number = true, number
	a.n.w.strike(a, "after begin")
	a.n.after(a.n.w.between(5*time.Millisecond, 300*time.Millisecond), func() {
		if !a.trusted() {
			a.report(failed(model.OutcomeNotStarted, "refused"))
			return
		}
		w := a.n.w
		if a.op.Kind == model.Deprovision && a.row().GoneAt != 0 {
			probe := a.login(a.secret)
			if a.found = probe.in; !probe.reached {
				a.report(failed(model.OutcomeUncertain, "network"))
				return
			}
		}
		if !a.way.pass() {
			a.report(failed(model.OutcomeNotStarted, "network"))
			return
		}
		door := w.account(string(a.door().ID))
		told := door.login(string(a.door().ByRole(model.RoleCurrent).Secret.Box))
		r := failed(model.OutcomeNotStarted, "network")
		r.Found = a.found
		r.Logins.Door = operation.Unpassed("network", told.connected)
		switch {
		case a.acct != nil && a.acct.down:
			r.Logins.Door = 0
			if told.reached && !told.in {
				r.Logins.Door = 1
			}
			a.report(r)
		case !told.reached:
			a.report(r)
		case !told.in:
			r.Class = "auth"
			a.report(r)
		case a.op.Kind == model.Provision && a.op.Attempt > 0:
			w.count("creations tried again after a removal")
			a.n.after(w.between(0, time.Second), func() {
				a.write(w.directory.drop, func() { a.n.after(0, func() { a.write(w.directory.create, a.prove) }) })
			})
		case a.op.Kind == model.Provision:
			a.n.after(w.between(0, 2*time.Second), func() { a.write(w.directory.create, a.prove) })
		case a.op.Kind == model.Deprovision:
			a.n.after(w.between(0, 2*time.Second), func() { a.write(w.directory.drop, a.prove) })
		default:
			a.n.after(w.between(0, 2*time.Second), func() { a.write(a.acct.change, a.prove) })
		}
	})
}

// door is the credential that logs in for the work.
func (a *attempt) door() *model.Credential {
	if id := a.op.Lease.Door; id != "" {
		return a.n.credential(string(id))
	}
	return a.account()
}

// write checks the lease and sends; a machine may stand still between the two, and nothing can be done about that.
func (a *attempt) write(send func(*attempt, func(yes bool)), then func()) {
	if !a.trusted() {
		a.report(failed(model.OutcomeNotStarted, "refused"))
		return
	}
	if !a.n.w.calm && a.n.w.chance(4) {
		a.n.w.fault("stall between check and write", true)
		a.n.w.stall(a.n, a.n.w.between(time.Second, 3*time.Minute))
	}
	a.checked = a.n.w.now
	a.n.after(0, func() {
		a.n.w.leases.writes(a.n.w, a)
		answered := false
		send(a, func(yes bool) {
			if answered {
				return
			}
			answered = true
			if !yes {
				a.report(a.finding(failed(model.OutcomeRejected, "policy")))
				return
			}
			then()
		})
		a.n.w.strike(a, "after write")
		a.n.after(10*time.Second, func() {
			if !answered {
				answered = true
				a.report(a.finding(failed(model.OutcomeUncertain, "timeout")))
			}
		})
	})
}

func (a *attempt) prove() {
	a.n.w.strike(a, "before finish")
	a.n.after(a.n.w.between(5*time.Millisecond, 500*time.Millisecond), func() {
		told := a.login(a.secret)
		if a.op.Kind == model.Deprovision {
			told.in = !told.in // gone is what is to be proven
		}
		var err error
		if !told.reached {
			err = model.Errorf(model.Unavailable, "no answer")
		}
		r := operation.FinishArgs{Outcome: operation.Proof(told.in, err)}
		if r.Outcome == model.OutcomeApplied {
			r.Proven = a.number
		} else {
			r.Logins.Own = operation.Unpassed("network", told.connected)
		}
		a.report(a.finding(r))
	})
}

func (a *attempt) finding(r operation.FinishArgs) operation.FinishArgs {
	r.Found = a.found
	return r
}

// enter begins a settling, once per lease: it finds out by login which version is in force, or removes a user.
func (a *attempt) enter(removes bool) {
	sent := a.n.boot()
	propose(a.n, operation.Begin, slot, operation.BeginArgs{Operation: a.op.ID, Token: a.token}, limit, 0, func(r operation.LeaseResult, err error) {
		switch {
		case err != nil:
			a.report(failed(model.OutcomeUncertain, "begin"))
		case r.Fenced && operation.Held(a.n.operation(a.op.ID), a.token):
			a.n.w.count("restarted while settling")
			a.report(operation.Unheard())
		case r.Fenced:
			a.end()
		case removes:
			a.secret = string(a.account().Versions[0].Secret.Box)
			a.run(1, sent)
		default:
			a.begun = true
			a.trust.Extend(sent)
			c := a.account()
			a.walk(c, operation.NewSettling(a.op, c))
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
		told := a.login(string(c.Version(n).Secret.Box))
		if !told.reached {
			r := failed(model.OutcomeUncertain, "network")
			r.Logins.Own = operation.Unpassed("network", told.connected)
			a.report(s.Found(r))
			return
		}
		s.Note(told.in)
		a.walk(c, s)
	})
}

// report tells the cluster until it is heard or the replica shows that the lease is gone.
func (a *attempt) report(r operation.FinishArgs) {
	r.Operation, r.Token = a.op.ID, a.token
	if a.way.shut {
		r.Logins.Way = append(r.Logins.Way, a.way.hop.id)
	}
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
