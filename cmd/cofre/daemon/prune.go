package daemon

import (
	"context"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/trail"
)

// How often the leader looks for rows past their time, and how it spreads their removal over the log.
const (
	pruneFirst = time.Minute
	pruneEvery = time.Hour
	pruneStep  = time.Second
)

// prune removes what is past its time while this node leads: audit events, captures, finished operations and removed users.
func (m *member) prune(ctx context.Context, term uint64) {
	p := m.proposer.TermBound(term)
	for wait := pruneFirst; pause(ctx, wait) == nil; {
		wait = pruneEvery
		if keep := m.config.Audit.Keep; keep != 0 {
			r, err := command.Propose(ctx, p, trail.Prune, nodeActor, trail.PruneArgs{Keep: keep.Milliseconds()})
			if m.pruned(ctx, "audit events", r.Removed, err); r.More {
				wait = pruneStep
			}
		}
		c, err := command.Propose(ctx, p, operation.DropCaptures, nodeActor, operation.Done{})
		if m.pruned(ctx, "captures", c.Removed, err); c.More {
			wait = pruneStep
		}
		if keep := m.config.OperationsKeep; keep != 0 {
			r, err := command.Propose(ctx, p, operation.Prune, nodeActor, operation.PruneArgs{Keep: keep.Milliseconds()})
			if m.pruned(ctx, "operations", r.Removed, err); r.More {
				wait = pruneStep
			}
			u, err := command.Propose(ctx, p, dynamic.Prune, nodeActor, dynamic.PruneArgs{Keep: keep.Milliseconds()})
			if m.pruned(ctx, "dynamic users", u.Removed, err); u.More {
				wait = pruneStep
			}
		}
	}
}

func (m *member) pruned(ctx context.Context, what string, removed int, err error) {
	switch {
	case err == nil && removed > 0:
		m.part("prune").WithField("removed", removed).Infof("%s past their time were removed", what)
	case err != nil && ctx.Err() == nil && !model.Is(err, model.Conflict): // a conflict: the time waits for confirmation
		m.part("prune").WithError(err).Warnf("remove old %s", what)
	}
}
