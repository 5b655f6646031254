package cluster

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/cluster/raftnode"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/trail"
)

// StateTime keeps the time of the state near the clocks while this node leads. Entries move it, but none by more than
// ten minutes (RULES 1): an idle cluster needs a tick now and then, and a cluster that was off needs an explicit,
// audited step, which is taken only when a majority of the clocks agree.
type StateTime struct {
	Node     *raftnode.Node
	Proposer *Proposer
	Clock    *Clock
	Now      func() model.Time // of the local replica
	Log      logrus.FieldLogger
}

const (
	stateTimeEvery = 5 * time.Second
	tickAfter      = 4 * time.Minute
	stepAfter      = 9 * time.Minute
)

// Run keeps the time during every term that this node leads.
func (s *StateTime) Run(ctx context.Context) error {
	s.Node.EachTerm(ctx, s.keep)
	return nil
}

func (s *StateTime) keep(ctx context.Context, term uint64) {
	one, cancel := context.WithTimeout(ctx, roundTime)
	err := s.Node.Barrier(one) // the replica may lag behind what it will show
	cancel()
	for {
		if err == nil {
			s.look(ctx, term)
		}
		select {
		case <-time.After(stateTimeEvery):
			err = nil
		case <-ctx.Done():
			return
		}
	}
}

func (s *StateTime) look(ctx context.Context, term uint64) {
	was := s.Now()
	now := s.Clock.Now()
	behind := now.Sub(was)
	if was.IsZero() || behind < tickAfter {
		return
	}
	if _, known := s.Clock.Offset(); !known || s.Clock.Disagrees() {
		return
	}
	p, actor := s.Proposer.TermBound(term), model.Actor{Kind: model.ActorSystem, Name: "clock"}
	if behind < stepAfter {
		// Whatever the answer is, its entry moved the time.
		_, _ = command.Propose(ctx, p, trail.Ack, actor, trail.AckArgs{})
		return
	}
	log := s.Log.WithFields(logrus.Fields{"from": was.String(), "to": now.String()})
	if _, err := command.Propose(ctx, p, node.AdvanceClock, actor, node.ClockArgs{To: now}); err != nil {
		log.WithError(err).Warn("state time is far behind the clocks and was not advanced")
		return
	}
	log.Warn("state time was advanced: the cluster was off or idle for long")
}
