package runner_test

import (
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/session"
	"cofre/fsm/state"
)

// access finds the operation that opens or closes the account and is not over, and the only session.
func (h *house) access() (id model.OperationID, s *model.Session) {
	v := h.m.View()
	defer v.Close()
	for o := range state.Operations.All(v, "") {
		if !o.State.Final() {
			id = o.ID
		}
	}
	for s = range state.Sessions.All(v, "") {
		break
	}
	return id, s
}

// once grants the operation and waits until its attempt is reported; it gives what was done to the target.
func (h *house) once(id model.OperationID, says string, fails bool) (did string, o *model.Operation) {
	h.t.Helper()
	h.later(id)
	g := &target{says: strings.Fields(says), fails: fails}
	stop := h.start(g.fake())
	h.await(id, says, func(o *model.Operation) bool { return o.Lease == nil })
	stop()
	return strings.Join(g.did, " "), h.operation(id)
}

// An activation is proven by a login, an inactivation by one that is refused; what cannot be proven is run again.
func TestAccess(t *testing.T) {
	t.Parallel()
	h := openFrom(t, "testdata/session.txt")
	id, _ := h.access()
	for _, c := range []struct {
		says  string
		fails bool
		did   string
		state model.OperationState
		live  model.SessionState
	}{
		{says: "silence", did: "remove silence", state: model.OpUncertain, live: model.SessionOpening},
		{says: "in", did: "remove in", state: model.OpSucceeded, live: model.SessionActive},
	} {
		did, o := h.once(id, c.says, c.fails)
		if _, s := h.access(); did != c.did || o.State != c.state || s.State != c.live {
			t.Fatalf("did %q; the operation is %s: %s; the session %s", did, o.State, o.Message, s.State)
		}
	}
	_, s := h.access()
	h.leapt.Add(301_000) // its time is over
	must(h, session.Close, session.EndArgs{ID: s.ID})
	id, s = h.access()
	if s.State != model.SessionEnded || id == "" {
		t.Fatalf("the session is %s, the operation %q", s.State, id)
	}
	for _, c := range []struct {
		says  string
		fails bool
		did   string
		state model.OperationState
	}{
		{fails: true, did: "remove", state: model.OpReady},
		{says: "in", did: "remove in", state: model.OpUncertain},
		{says: "out", did: "remove out", state: model.OpSucceeded},
	} {
		if did, o := h.once(id, c.says, c.fails); did != c.did || o.State != c.state {
			t.Fatalf("did %q; the operation is %s: %s", did, o.State, o.Message)
		}
	}
	if id, _ := h.access(); id != "" {
		t.Error("something is still to be done")
	}
}
