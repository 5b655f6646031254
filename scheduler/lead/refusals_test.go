package lead_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/scheduler/lead"
)

// full is the proposer of a leader whose disk is nearly full.
type full struct{}

func (full) Propose(context.Context, command.Envelope) (command.Result, error) {
	return command.Result{}, model.Errorf(model.Unavailable, "the leader's disk is nearly full")
}

// TestRefusalsAreToldSeldom: while nothing is taken, the log says so, and does not grow by each thing that is due in each round.
func TestRefusalsAreToldSeldom(t *testing.T) {
	t.Parallel()
	m, p := waiting(t)
	log, hook := logrustest.NewNullLogger()
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		err := lead.Run(ctx, lead.Config{Proposer: full{}, View: m.View, Changed: func() <-chan struct{} { return never }, Now: p.Now,
			Alive: func(model.NodeID) bool { return true }, Log: logrus.NewEntry(log)})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	told := map[any]int{}
	for _, e := range hook.AllEntries() {
		told[e.Data["command"]]++
		if more, ok := e.Data["more"].(int); ok && more < 50 {
			t.Errorf("%d more were refused, in a minute of rounds", more)
		}
	}
	if diff := cmp.Diff(map[any]int{command.Kind("operation.grant"): 2, command.Kind("automation.daily"): 1}, told); diff != "" {
		t.Error(diff)
	}
}
