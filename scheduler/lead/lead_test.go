package lead_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/lead"
)

// waiting is a state with one change that waits (number 2 of the script) and a node that speaks its executor.
func waiting(t testing.TB) (*fsm.FSM, *fsmtest.Proposer) {
	t.Helper()
	m, _ := fsmtest.Log(t, "../../fsm/testdata/change.txt")
	p := fsmtest.NewProposer(m, "n1")
	v := m.View()
	at := state.SystemRow(v).At // where the script left it
	v.Close()
	p.Now = func() model.Time { return at.Add(time.Minute) }
	_, err := command.Propose(t.Context(), p, node.Announce, model.Actor{Kind: model.ActorSystem}, node.AnnounceArgs{
		Announced: model.Announcement{Slots: 2, Executors: []model.ExecutorName{"ssh"}, Version: "test", Level: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

func changeOf(m *fsm.FSM) model.Operation {
	v := m.View()
	defer v.Close()
	o, _ := state.Operations.First(v, "number", table.NumberKey(2))
	return *o
}

// run runs the loop until the state is as wanted, or for a while, and returns after the loop ended.
func run(t *testing.T, m *fsm.FSM, p command.Proposer, alive bool, limit time.Duration, done func() bool) {
	t.Helper()
	runWith(t, m, lead.Config{Proposer: p, View: m.View, Changed: m.Changed, Alive: func(model.NodeID) bool { return alive }}, limit, done)
}

func runWith(t *testing.T, m *fsm.FSM, c lead.Config, limit time.Duration, done func() bool) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	c.Log = logrus.NewEntry(log)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- lead.Run(ctx, c)
	}()
	for !done() {
		changed := m.Changed()
		if done() {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the loop ended with %v", err)
	}
}

// TestGrantsToALivingNode: the waiting change gets a slot, and the loop ends with its term.
func TestGrantsToALivingNode(t *testing.T) {
	t.Parallel()
	m, p := waiting(t)
	run(t, m, p, true, 20*time.Second, func() bool { return changeOf(m).State == model.OpLeased })
	o := changeOf(m)
	if o.State != model.OpLeased || o.Lease.Node != "n1" || o.Lease.Token == 0 {
		t.Errorf("the operation is %s, lease %+v", o.State, o.Lease)
	}
}

// TestADeadNodeGetsNothing: what gossip calls dead gets no new work.
func TestADeadNodeGetsNothing(t *testing.T) {
	t.Parallel()
	m, p := waiting(t)
	before := m.Applied()
	run(t, m, p, false, time.Second, func() bool { return false })
	if o := changeOf(m); o.State != model.OpReady || m.Applied() != before {
		t.Errorf("the operation is %s; %d entries were proposed", o.State, m.Applied()-before)
	}
}
