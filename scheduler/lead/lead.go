// Package lead is the scheduler's loop. It lives exactly one leadership term: started after the term's barrier, it looks
// at the state, proposes what is due, and ends with the context; every proposal after that is fenced by the term.
//
// It holds no queue: each round reads a bounded part of the indexes. Only what the leader itself observed of leases is in
// memory.
package lead

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"cofre/fsm/application"
	"cofre/fsm/automation"
	"cofre/fsm/chain"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/dsm"
	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/session"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
	"cofre/scheduler/trigger"
)

// Config is what the loop needs. Proposer is bound to the term.
type Config struct {
	Proposer command.Proposer
	View     func() *table.View
	Changed  func() <-chan struct{}
	Alive    func(model.NodeID) bool // gossip's rumour: a dead node gets no new work
	Now      func() model.Time       // this node's clock; nil: that of the machine
	Log      *logrus.Entry

	// Felt tells how many requests of people and programs were committed so far, and how long they waited for it in all;
	// nil: there are none to yield to.
	Felt func() (requests int, waited time.Duration)

	refusals *refusals
}

const (
	round    = 256                    // things looked at, and proposed, in one round
	idle     = 500 * time.Millisecond // longest pause between two rounds
	glance   = 50 * time.Millisecond  // the same while slots are free and not everything that waits was looked at
	pending  = 64                     // proposals in flight
	yielding = 8                      // the same, and background work looked for, while that has less than all slots: requests wait for whole entries
)

var actor = model.Actor{Kind: model.ActorSystem, Name: "scheduler"}

// Run schedules until ctx ends.
func Run(ctx context.Context, c Config) error {
	c.refusals = newRefusals()
	var days sync.WaitGroup
	defer days.Wait()
	days.Go(func() { c.sumUpDays(ctx) })
	seen, queue, yield, start, futile, full := plan.Observed{}, plan.Queue{}, plan.Yield{}, time.Now(), 0, false
	for ctx.Err() == nil {
		changed := c.Changed()
		mono, share := time.Since(start), 100
		if c.Felt != nil {
			requests, waited := c.Felt()
			share = yield.Share(mono, requests, waited, full)
		}
		few := round // background work that is looked for: no more than may start soon, for each thing found is a command
		switch {
		case share < 100 && full:
			few = 0
		case share < 100:
			few = yielding
		}
		r := c.round(ctx, seen, &queue, mono, share, few)
		full = r.full
		if futile++; !r.refused {
			futile = 0
		}
		pause := time.NewTimer(plan.Pause(futile))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		timer := time.NewTimer(r.wait)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
	return ctx.Err()
}

// came is what a round came to.
type came struct {
	wait    time.Duration // how long the next one may wait without a change
	refused bool          // all that it proposed was refused
	full    bool          // the share had no room left
}

// round proposes what is due. mono is the time since the term began, share the percentage of the slots for background work, few
// how much of that is looked for.
func (c Config) round(ctx context.Context, seen plan.Observed, queue *plan.Queue, mono time.Duration, share, few int) came {
	now := c.now()
	v := c.View()
	expire := seen.Overdue(v, now, mono)
	due := append(trigger.Find(trigger.Background, v, now, few), trigger.Find(trigger.Prompt, v, now, round)...)
	assigned := queue.Assign(v, plan.Look{Now: now, Alive: c.Alive, Limit: round, Share: share})
	longest := idle
	if assigned.More {
		longest = glance
	}
	next := plan.NextWake(v, now, now.Add(longest))
	haste := make([]context.Context, len(assigned.Grants))
	for i, gr := range assigned.Grants {
		haste[i] = ctx
		if o, ok := state.Operations.Get(v, string(gr.Operation)); ok && o.Awaited() {
			haste[i] = command.Awaited(ctx)
		}
	}
	v.Close()

	var first, rest errgroup.Group // what takes back and gives slots, and what merely fell due
	var taken atomic.Bool
	note := func(err error) error {
		if err == nil {
			taken.Store(true)
		}
		return err
	}
	first.SetLimit(pending)
	rest.SetLimit(pending)
	if share < 100 {
		rest.SetLimit(yielding)
	}
	for _, h := range expire {
		first.Go(func() error {
			return note(propose(ctx, c, operation.Expire, operation.ExpireArgs{Operation: h.Operation, Token: h.Lease.Token}))
		})
	}
	for i, gr := range assigned.Grants {
		first.Go(func() error {
			return note(propose(haste[i], c, operation.Grant, operation.GrantArgs{Operation: gr.Operation, Node: gr.Node, Slot: gr.Slot}))
		})
	}
	for _, d := range due {
		rest.Go(func() error {
			switch {
			case d.Chain != "" && d.Until != 0:
				return note(propose(ctx, c, chain.Defer, chain.DeferArgs{Chain: d.Chain, Until: d.Until}))
			case d.Chain != "":
				return note(propose(ctx, c, chain.Run, chain.RunArgs{Chain: d.Chain}))
			case d.Custody != "":
				return note(propose(ctx, c, credential.EndCustody, credential.EndArgs{Custody: d.Custody}))
			case d.Session != "":
				return note(propose(ctx, c, session.Close, session.EndArgs{ID: d.Session}))
			case d.Spent != "":
				return note(propose(ctx, c, credential.Prune, credential.PruneArgs{Credential: d.Spent}))
			case d.User != "":
				return note(propose(ctx, c, dynamic.Remove, dynamic.RemoveArgs{User: d.User, Reason: d.Trigger}))
			case d.Renew != "":
				return note(propose(ctx, c, dsm.Renew, dsm.RenewArgs{ID: d.Renew}))
			case d.Ended != "":
				return note(propose(ctx, c, dsm.End, dsm.EndArgs{ID: d.Ended}))
			case d.Over != "":
				return note(propose(ctx, c, application.End, application.EndArgs{ID: d.Over}))
			case d.Left != "" || d.Unneeded != "":
				return note(propose(ctx, c, application.Clear, application.ClearArgs{Application: d.Left, Authorization: d.Unneeded}))
			case d.Hold != "":
				return note(propose(ctx, c, operation.Defer, operation.DeferArgs{Operation: d.Hold, Until: d.Until}))
			case d.Free != "":
				return note(propose(ctx, c, operation.Undefer, operation.ControlArgs{Operation: d.Free}))
			case d.Brake != 0:
				return note(propose(ctx, c, automation.Brake, automation.BrakeArgs{Due: d.Brake}))
			case d.Orphans:
				return note(propose(ctx, c, dynamic.OrphanRound, dynamic.Nothing{}))
			case d.Plan:
				return note(propose(ctx, c, credential.Plan, credential.PlanArgs{}))
			case d.Until != 0:
				return note(propose(ctx, c, credential.Defer, credential.DeferArgs{Credential: d.Credential, Kind: d.Kind, Until: d.Until}))
			case d.Revocation != "":
				return note(propose(ctx, c, dynamic.Revoked, dynamic.RevokedArgs{Key: d.Revocation}))
			}
			return note(propose(ctx, c, operation.Request, operation.RequestArgs{Credential: d.Credential, Kind: d.Kind, Trigger: d.Trigger}))
		})
	}
	_, _ = first.Wait(), rest.Wait() // every error is logged where it occurs; the next round looks again
	refused := !taken.Load() && len(expire)+len(due)+len(assigned.Grants) > 0
	if next != 0 {
		longest = min(longest, max(0, next.Sub(c.now())))
	}
	return came{longest, refused, assigned.Full}
}

func (c Config) now() model.Time {
	if c.Now == nil {
		return model.TimeOf(time.Now())
	}
	return c.Now()
}

func propose[A, R any](ctx context.Context, c Config, d command.Def[A, R], args A) error {
	_, err := command.Propose(ctx, c.Proposer, d, actor, args)
	// Conflicts are ordinary: the state changed between the look and the proposal.
	if err != nil && ctx.Err() == nil && !model.Is(err, model.Conflict) && !errors.Is(err, context.Canceled) {
		c.refusals.tell(c.Log, d.Kind(), err)
	}
	return err
}
