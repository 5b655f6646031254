package operation

import (
	"testing"

	"cofre/fsm/model"
)

var (
	everyState = []model.OperationState{model.OpReady, model.OpLeased, model.OpRunning, model.OpUncertain, model.OpSettling,
		model.OpSucceeded, model.OpCancelled, model.OpDead, model.OpOutOfSync}
	everyEvent = []event{granted, begun, applied, rejected, notStarted, doubtful, disagreed, expired, exhausted, foundNew, foundOld,
		verified, futile, onceMore, goneOnce, anew, foundNone, undetermined, cancelled, retried}
)

// TestNext looks every state and event up: what is listed here happens, and nothing else changes a state.
func TestNext(t *testing.T) {
	t.Parallel()
	type pair struct {
		s model.OperationState
		e event
	}
	want := map[pair]model.OperationState{
		{model.OpReady, granted}: model.OpLeased, {model.OpReady, cancelled}: model.OpCancelled, {model.OpReady, exhausted}: model.OpDead, {model.OpReady, futile}: model.OpDead,
		{model.OpLeased, begun}: model.OpRunning, {model.OpLeased, expired}: model.OpReady, {model.OpLeased, notStarted}: model.OpReady,
		{model.OpRunning, applied}: model.OpSucceeded, {model.OpRunning, rejected}: model.OpReady, {model.OpRunning, notStarted}: model.OpReady,
		{model.OpRunning, doubtful}: model.OpUncertain, {model.OpRunning, disagreed}: model.OpUncertain, {model.OpRunning, expired}: model.OpUncertain,
		{model.OpUncertain, granted}: model.OpSettling, {model.OpUncertain, cancelled}: model.OpCancelled,
		{model.OpSettling, foundNew}: model.OpSucceeded, {model.OpSettling, foundOld}: model.OpReady, {model.OpSettling, verified}: model.OpSucceeded,
		{model.OpSettling, foundNone}: model.OpOutOfSync, {model.OpSettling, undetermined}: model.OpUncertain, {model.OpSettling, onceMore}: model.OpUncertain, {model.OpSettling, expired}: model.OpUncertain,
		{model.OpSettling, exhausted}: model.OpDead, {model.OpRunning, goneOnce}: model.OpReady, {model.OpSettling, goneOnce}: model.OpReady,
		{model.OpRunning, anew}: model.OpReady, {model.OpUncertain, anew}: model.OpReady, {model.OpUncertain, futile}: model.OpDead, {model.OpUncertain, exhausted}: model.OpDead,
		{model.OpDead, retried}: model.OpReady, {model.OpOutOfSync, retried}: model.OpUncertain,
	}
	for _, s := range everyState {
		for _, e := range everyEvent {
			to, err := next(s, e)
			expect, listed := want[pair{s, e}]
			switch {
			case listed && (err != nil || to != expect):
				t.Errorf("%s, %q: %s (%v), want %s", s, e, to, err, expect)
			case !listed && (!model.Is(err, model.Conflict) || to != s):
				t.Errorf("%s, %q: %s (%v), want a conflict and no change", s, e, to, err)
			}
		}
	}
	for s, row := range machine {
		for e := range row {
			if _, listed := want[pair{s, e}]; !listed {
				t.Errorf("the machine has an edge that this test does not know: %s, %q", s, e)
			}
		}
	}
}

// TestMachine checks the graph as a whole: who may have touched the target is settled before anything else happens.
func TestMachine(t *testing.T) {
	t.Parallel()
	for s, row := range machine {
		for e, to := range row {
			if s.Final() && e != retried {
				t.Errorf("the final state %s has a way out by %q", s, e)
			}
			if s == model.OpRunning && to == model.OpReady && e != rejected && e != notStarted && e != goneOnce && e != anew { // anew: the template of an automation, which changes no secret of ours
				t.Errorf("%q tries again a change that may have happened", e)
			}
			if s == model.OpUncertain && to.Live() && to != model.OpSettling {
				t.Errorf("an uncertain operation goes to %s by %q instead of being settled", to, e)
			}
			if to.Live() && e != granted && e != begun {
				t.Errorf("%q gives a lease", e)
			}
		}
	}
}

// TestMove checks what a transition writes into the operation.
func TestMove(t *testing.T) {
	t.Parallel()
	o := &model.Operation{State: model.OpUncertain, History: []model.Transition{{Event: "created by test"}}}
	for i := range model.MaxHistory {
		o.Lease = &model.Lease{Node: "n1"}
		if err := move(o, granted, model.Time(i+1), "n1", ""); err != nil || o.Lease == nil {
			t.Fatalf("grant %d: %v, lease %v", i, err, o.Lease)
		}
		if err := move(o, undetermined, model.Time(i+1), "n1", ""); err != nil || o.Lease != nil {
			t.Fatalf("report %d: %v, lease %v", i, err, o.Lease)
		}
	}
	if len(o.History) != model.MaxHistory || o.History[0].Event != "created by test" || o.History[len(o.History)-1].Event != string(undetermined) {
		t.Errorf("the history has %d entries from %q to %q", len(o.History), o.History[0].Event, o.History[len(o.History)-1].Event)
	}
	before := *o
	if err := move(o, applied, 99, "n1", ""); !model.Is(err, model.Conflict) || o.State != before.State || len(o.History) != len(before.History) {
		t.Errorf("an event that does not fit: %v, %s", err, o.State)
	}
	if err := move(o, cancelled, 99, "", ""); err != nil || o.FinishedAt != 99 {
		t.Errorf("cancelled: %v, finished at %d", err, o.FinishedAt)
	}
}
