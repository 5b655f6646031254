package runner_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// A dynamic user is handed out only when it has logged in: a template that ended well proves nothing.
func TestFirstLogin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in      bool
		err     error
		blind   bool // the executor cannot log in as somebody
		state   model.OperationState
		user    model.DynamicState
		message string
	}{
		"it logs in": {in: true, state: model.OpSucceeded, user: model.DynamicActive},
		"refused":    {state: model.OpUncertain, user: model.DynamicRequested, message: model.ReportedDone + "the new secret does not log in"},
		"no answer":  {err: errors.New("no route"), state: model.OpUncertain, user: model.DynamicRequested, message: model.ReportedDone + "could not be proven by a login"},
		"nobody can": {blind: true, state: model.OpUncertain, user: model.DynamicRequested, message: "cannot prove a new user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, id := ordered(t, "testdata/provision.txt", model.Provision)
			must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"})
			target := fake{run: func(context.Context, executors.Session) (executors.Outcome, error) { return executors.Applied, nil },
				verify: func(string) (bool, error) { return c.in, c.err }}
			var over executors.Executor = target
			if c.blind {
				over = blind{target}
			}
			stop := h.start(over)
			h.await(id, name, func(o *model.Operation) bool { return o.Lease == nil })
			stop()
			if o, u := h.operation(id), h.user(); o.State != c.state || u.State != c.user || !strings.Contains(o.Message, c.message) {
				t.Errorf("the operation is %s, the user %s: %s", o.State, u.State, o.Message)
			}
		})
	}
}

// A second attempt removes first what the one before may have made.
func TestSecondAttemptErases(t *testing.T) {
	t.Parallel()
	h, id := ordered(t, "testdata/provision.txt", model.Provision)
	must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"})
	var runs atomic.Int32
	target := fake{run: func(context.Context, executors.Session) (executors.Outcome, error) {
		if runs.Add(1) == 1 {
			return executors.NotStarted, &executors.Failure{Class: executors.ClassNetwork, Msg: "cut off"}
		}
		return executors.Applied, nil
	}, verify: func(string) (bool, error) { return true, nil }}
	stop := h.start(target)
	h.await(id, "one attempt", func(o *model.Operation) bool { return o.Attempt == 1 && o.Lease == nil })
	stop()
	h.later(id)
	stop = h.start(target)
	h.await(id, "the second one", func(o *model.Operation) bool { return o.Lease == nil })
	stop()
	if o, u := h.operation(id), h.user(); o.State != model.OpSucceeded || u.State != model.DynamicActive || runs.Load() != 3 {
		t.Errorf("the operation is %s, the user %s after %d templates: one that failed, one that removes, one that creates", o.State, u.State, runs.Load())
	}
}
