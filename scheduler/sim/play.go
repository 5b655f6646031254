package sim

import (
	"time"

	"cofre/fsm/credential"
	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// play is the time of faults.
func (w *world) play() {
	span := w.between(90*time.Second, 6*time.Minute)
	w.after(0, w.demand)
	w.after(w.between(time.Second, 20*time.Second), w.harm)
	w.until(span, nil)
	if !w.over {
		w.heal()
	}
}

// demand is what clients and operators ask for; whatever the answer is.
func (w *world) demand() {
	if w.calm {
		return
	}
	w.after(w.between(3*time.Second, 50*time.Second), w.demand)
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	if !n.up || n.frozen() {
		return
	}
	if w.chance(200) {
		w.directory.demand(n)
		return
	}
	if w.chance(150) {
		w.joint.demand(n)
		return
	}
	t := w.accounts[w.rng.IntN(len(w.accounts))]
	switch p := w.rng.IntN(100); {
	case p < 50:
		ask(n, operation.Request, operation.RequestArgs{Credential: t.id, Kind: model.PasswordChange, Trigger: "request"})
	case p < 60:
		ask(n, operation.Request, operation.RequestArgs{Credential: t.id, Kind: model.Verify, Trigger: "request"})
	case p < 75:
		ask(n, credential.Checkout, credential.CheckoutArgs{Credential: t.id})
	case p < 85:
		ask(n, credential.Release, credential.ReleaseArgs{Credential: t.id})
	case p < 88:
		ask(n, credential.SetStatus, credential.StatusArgs{ID: t.id, Enabled: !t.row.Enabled})
	case p < 91:
		ask(n, credential.Prune, credential.PruneArgs{Credential: t.id})
	default:
		w.meddle(n, t)
	}
}

// meddle cancels or retries an operation on the account.
func (w *world) meddle(n *node, t *account) {
	for o := range state.Operations.By(n.view, "target", string(t.id)) {
		if !w.chance(400) {
			continue
		}
		if o.State.Final() {
			ask(n, operation.Retry, operation.ControlArgs{Operation: o.ID})
		} else {
			ask(n, operation.Cancel, operation.ControlArgs{Operation: o.ID})
		}
		return
	}
}

// finish lets everything come to rest without faults: every packet lands, every account is verified, every operation
// ends, and then the vault and the targets must agree.
func (w *world) finish() {
	if w.over {
		return
	}
	for w.now <= w.landing && !w.over {
		w.until(w.landing+time.Second, nil)
	}
	w.verify()
	w.joint.rest(w)
	w.directory.vacate()
	if w.report.Seed%16 == 0 {
		w.sleep(31 * 24 * time.Hour)
		w.verify()
		w.joint.rest(w)
		w.prune()
	}
	if w.over {
		return
	}
	v := w.machine.View()
	defer v.Close()
	w.chain(v)
	if w.report.Seed%8 == 0 && v.Scrub() != v.StateHash() {
		w.fail("the rolling hash is not the hash of the rows")
	}
	for o := range state.Operations.All(v, "") {
		w.count("operations " + o.State.String())
	}
}

// verify asks for a verification of every account until each has one that succeeded after the faults.
func (w *world) verify() {
	asked, again := map[*account]model.OperationID{}, map[*account]bool{}
	end := w.now + 12*time.Hour
	for !w.over && w.now < end {
		w.until(w.now+20*time.Second, nil)
		l := w.raft.leader
		if w.over || l == nil {
			continue
		}
		quiet := true
		for _, t := range w.accounts {
			if !w.rests(l, t, asked, again) {
				quiet = false
			}
		}
		if quiet {
			w.agree()
			return
		}
	}
	if !w.over {
		w.fail("the operations do not come to rest within 12 hours")
	}
}

// rests moves one account towards rest: nothing open, enabled, and verified.
func (w *world) rests(l *node, t *account, asked map[*account]model.OperationID, again map[*account]bool) bool {
	v := w.machine.View()
	defer v.Close()
	o, known := state.Operations.Get(v, string(asked[t]))
	switch {
	case !t.row.Enabled:
		ask(l, credential.SetStatus, credential.StatusArgs{ID: t.id, Enabled: true})
	case !known:
		want(l, operation.Request, operation.RequestArgs{Credential: t.id, Kind: model.Verify, Trigger: "request"},
			func(r operation.RequestResult) { asked[t] = r.Operation })
	case o.State == model.OpOutOfSync && again[t]:
		w.fail("%s: no kept version logs in, though the target answers", t.name)
	case o.State == model.OpOutOfSync || o.State == model.OpCancelled:
		again[t] = true
		delete(asked, t)
	case o.State.Final():
		_, open := state.Operations.First(v, "open", string(t.id))
		return !open
	}
	return false
}

// agree is the proof that nothing was lost: the vault's current version is the password in force.
func (w *world) agree() {
	for _, t := range w.accounts {
		if t.current != t.password || t.row.Sync != model.SyncInSync {
			w.fail("%s: verified, but the current version does not log in (%s)", t.name, t.row.Sync)
		}
	}
}

// sleep switches the cluster off for so long; then a leader moves state time and an operator confirms it.
func (w *world) sleep(d time.Duration) {
	if w.over {
		return
	}
	w.logf("the cluster is off for %s", d)
	w.away += d
	w.until(w.now+3*time.Minute, nil)
	if l := w.raft.leader; l != nil && !w.over {
		propose(l, fsmnode.ConfirmTime, operator, fsmnode.Done{}, limit, 0, func(fsmnode.Done, error) {})
	}
	w.until(w.now+time.Minute, nil)
}

func (w *world) prune() {
	for _, t := range w.accounts {
		if l := w.raft.leader; l != nil && !w.over {
			propose(l, credential.Prune, scheduler, credential.PruneArgs{Credential: t.id}, limit, 0, func(r credential.PruneResult, err error) {
				w.report.Events["versions pruned"] += r.Removed
			})
		}
	}
	w.until(w.now+10*time.Second, nil)
}
