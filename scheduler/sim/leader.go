package sim

import (
	"time"

	"cofre/fsm/application"
	"cofre/fsm/automation"
	"cofre/fsm/chain"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/dsm"
	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/trail"
	"cofre/scheduler/plan"
	"cofre/scheduler/trigger"
)

// term is the scheduler's loop of one leadership term, as in scheduler/lead.
type term struct {
	n      *node
	number uint64
	seen   plan.Observed
	queue  plan.Queue
	flying int           // proposals of this round without an answer
	taken  bool          // one of them was taken
	futile int           // rounds of which nothing was taken
	next   time.Duration // when the next round is planned; 0: not at all
}

const (
	round   = 256
	glance  = 50 * time.Millisecond
	limit   = 10 * time.Second
	longest = time.Minute // the real loop looks every 500 ms at least; here the next reason to look is computed
)

var scheduler = model.Actor{Kind: model.ActorSystem, Name: "scheduler"}

// lead starts the loop after the term's barrier.
func (n *node) lead(number uint64) {
	n.term = &term{n: n, number: number, seen: plan.Observed{}}
	n.w.stirred = true
	n.catchUp()
}

// wake plans a round, unless one is planned earlier.
func (t *term) wake(d time.Duration) {
	at := t.n.w.now + d
	if t.next > t.n.w.now && t.next <= at {
		return
	}
	t.next = at
	t.n.after(d, func() {
		if t.n.term == t && t.next == at && t.flying == 0 { // else the last answer wakes it
			t.next = 0
			t.look()
		}
	})
}

// look is one round: what is due is proposed.
func (t *term) look() {
	n, now := t.n, t.n.wall()
	expire := t.seen.Overdue(n.view, now, n.boot())
	due := append(trigger.Find(trigger.Background, n.view, now, round), trigger.Find(trigger.Prompt, n.view, now, round)...)
	assigned := t.queue.Assign(n.view, plan.Look{Now: now, Alive: t.alive, Limit: round, Share: 100})
	t.taken, n.w.stirred = false, false
	for _, h := range expire {
		offer(t, operation.Expire, operation.ExpireArgs{Operation: h.Operation, Token: h.Lease.Token})
	}
	for _, d := range due {
		if d.Chain != "" {
			offer(t, chain.Run, chain.RunArgs{Chain: d.Chain})
			continue
		}
		if d.Custody != "" {
			offer(t, credential.EndCustody, credential.EndArgs{Custody: d.Custody})
			continue
		}
		if d.Spent != "" {
			offer(t, credential.Prune, credential.PruneArgs{Credential: d.Spent})
			continue
		}
		if d.User != "" {
			offer(t, dynamic.Remove, dynamic.RemoveArgs{User: d.User, Reason: d.Trigger})
			continue
		}
		if d.Renew != "" {
			offer(t, dsm.Renew, dsm.RenewArgs{ID: d.Renew})
			continue
		}
		if d.Ended != "" {
			offer(t, dsm.End, dsm.EndArgs{ID: d.Ended})
			continue
		}
		if d.Over != "" {
			offer(t, application.End, application.EndArgs{ID: d.Over})
			continue
		}
		if d.Left != "" || d.Unneeded != "" {
			offer(t, application.Clear, application.ClearArgs{Application: d.Left, Authorization: d.Unneeded})
			continue
		}
		if d.Revocation != "" {
			offer(t, dynamic.Revoked, dynamic.RevokedArgs{Key: d.Revocation})
			continue
		}
		if d.Free != "" {
			offer(t, operation.Undefer, operation.ControlArgs{Operation: d.Free})
			continue
		}
		if d.Hold != "" {
			offer(t, operation.Defer, operation.DeferArgs{Operation: d.Hold, Until: d.Until})
			continue
		}
		if d.Brake != 0 {
			offer(t, automation.Brake, automation.BrakeArgs{Due: d.Brake})
			continue
		}
		if d.Orphans {
			continue // the targets here list no accounts
		}
		if d.Plan {
			offer(t, credential.Plan, credential.PlanArgs{})
			continue
		}
		if d.Until != 0 {
			offer(t, credential.Defer, credential.DeferArgs{Credential: d.Credential, Kind: d.Kind, Until: d.Until})
			continue
		}
		offer(t, operation.Request, operation.RequestArgs{Credential: d.Credential, Kind: d.Kind, Trigger: d.Trigger})
	}
	for _, g := range assigned.Grants {
		offer(t, operation.Grant, operation.GrantArgs{Operation: g.Operation, Node: g.Node, Slot: g.Slot})
	}
	t.keepTime(now)
	pause := longest
	if next := plan.NextWake(n.view, now, 1<<62); next != 0 {
		pause = min(pause, max(time.Millisecond, next.Sub(now)))
	}
	if assigned.More {
		pause = min(pause, glance)
	}
	if len(n.w.leases.live) > 0 {
		pause = min(pause, n.w.span(n.w.timing.Grace))
	}
	t.wake(pause)
}

// keepTime is cluster/statetime.go: an idle cluster's state time follows the clocks.
func (t *term) keepTime(now model.Time) {
	behind := now.Sub(state.SystemRow(t.n.view).At)
	switch {
	case behind < 4*time.Minute || t.n.step != 0:
	case behind < 9*time.Minute:
		offer(t, trail.Ack, trail.AckArgs{})
	default:
		offer(t, fsmnode.AdvanceClock, fsmnode.ClockArgs{To: now})
	}
}

// alive is gossip's rumour: mostly right.
func (t *term) alive(id model.NodeID) bool {
	for _, m := range t.n.w.nodes {
		if m.id == id {
			return m.able() || t.n.w.chance(100)
		}
	}
	return false
}

// offer proposes within the term. Errors are ordinary: the next round looks again.
func offer[A, R any](t *term, d command.Def[A, R], args A) {
	t.flying++
	propose(t.n, d, scheduler, args, limit, t.number, func(_ R, err error) {
		t.taken = t.taken || err == nil
		if t.flying--; t.flying == 0 {
			if t.futile++; t.taken {
				t.futile = 0
			}
			t.next = 0
			t.wake(plan.Pause(t.futile))
		}
	})
}
