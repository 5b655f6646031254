package daemon

import (
	"context"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/trail"
)

// How often the leader looks for audit events past their time, and how it spreads their removal over the log.
const (
	pruneFirst = time.Minute
	pruneEvery = time.Hour
	pruneStep  = time.Second
)

// prune removes audit events past their time while this node leads.
func (m *member) prune(ctx context.Context, term uint64) {
	keep := m.config.Audit.Keep
	if keep == 0 {
		return
	}
	p := m.proposer.TermBound(term)
	for wait := pruneFirst; pause(ctx, wait) == nil; {
		r, err := command.Propose(ctx, p, trail.Prune, nodeActor, trail.PruneArgs{Keep: keep.Milliseconds()})
		switch {
		case err == nil && r.Removed > 0:
			m.part("audit").WithField("events", r.Removed).Info("audit events past their time were removed from the trail")
		case err != nil && ctx.Err() == nil && !model.Is(err, model.Conflict): // a conflict: the time waits for confirmation
			m.part("audit").WithError(err).Warn("remove old audit events")
		}
		if wait = pruneEvery; r.More {
			wait = pruneStep
		}
	}
}
