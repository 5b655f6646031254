package model_test

import (
	"testing"

	"cofre/fsm/model"
)

func TestWhoWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o                  model.Operation
		background, prompt bool
	}{
		"a change that fell due":           {model.Operation{Kind: model.PasswordChange, State: model.OpReady}, true, false},
		"the same, in doubt":               {model.Operation{Kind: model.PasswordChange, State: model.OpUncertain}, true, true},
		"asked for":                        {model.Operation{Kind: model.PasswordChange, State: model.OpReady, Requester: "ada"}, false, true},
		"fell due, and is to run now":      {model.Operation{Kind: model.PasswordChange, State: model.OpReady, Immediate: true}, false, true},
		"a member of a run":                {model.Operation{Kind: model.PasswordChange, State: model.OpReady, Run: "run"}, false, true},
		"a child":                          {model.Operation{Kind: model.ChildPasswordChange, State: model.OpReady}, false, true},
		"a heartbeat":                      {model.Operation{Kind: model.Verify, State: model.OpUncertain}, true, false},
		"a verification that is asked for": {model.Operation{Kind: model.Verify, State: model.OpUncertain, Requester: "ada"}, false, true},
		"a lease that ended by its time":   {model.Operation{Kind: model.Deprovision, State: model.OpReady, Requester: "app", Trigger: "ttl"}, true, false},
		"a lease that was given back":      {model.Operation{Kind: model.Deprovision, State: model.OpReady, Requester: "app", Trigger: "deprovision"}, false, true},
		"a lease that begins":              {model.Operation{Kind: model.Provision, State: model.OpReady, Requester: "app", Trigger: "request"}, false, true},
	} {
		if b, p := c.o.Background(), c.o.Prompt(); b != c.background || p != c.prompt {
			t.Errorf("%s: background %v, prompt %v", name, b, p)
		}
	}
}

// TestScheduled: what is over was scheduled for no later than its last attempt; the next try never came. What was cancelled before its
// time keeps that.
func TestScheduled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    model.Operation
		want model.Time
	}{
		"waits":          {model.Operation{State: model.OpReady, CreatedAt: 1, NotBefore: 9}, 9},
		"at once":        {model.Operation{State: model.OpReady, CreatedAt: 5}, 5},
		"next try":       {model.Operation{State: model.OpReady, CreatedAt: 1, NotBefore: 9, History: []model.Transition{{At: 2, To: model.OpRunning}}}, 9},
		"over":           {model.Operation{State: model.OpSucceeded, CreatedAt: 1, NotBefore: 9, History: []model.Transition{{At: 2, To: model.OpSettling}, {At: 3, To: model.OpSucceeded}}}, 2},
		"never begun":    {model.Operation{State: model.OpCancelled, CreatedAt: 1, NotBefore: 9}, 9},
		"begun in time":  {model.Operation{State: model.OpSucceeded, CreatedAt: 1, NotBefore: 2, History: []model.Transition{{At: 3, To: model.OpRunning}}}, 2},
		"given up early": {model.Operation{State: model.OpDead, CreatedAt: 1, NotBefore: 9, History: []model.Transition{{At: 4, To: model.OpRunning}}}, 4},
	} {
		if got := c.o.Scheduled(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestWhatHoursHold: the execution hours hold back what nobody asked for, and a verification that somebody ran now is none of that.
func TestWhatHoursHold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o              model.Operation
		frozen, closed bool
	}{
		"a change":                      {model.Operation{Kind: model.PasswordChange, State: model.OpReady}, true, true},
		"one in doubt":                  {model.Operation{Kind: model.PasswordChange, State: model.OpUncertain}, false, false},
		"one that is to run now":        {model.Operation{Kind: model.PasswordChange, State: model.OpReady, Immediate: true}, false, false},
		"a reconciliation by itself":    {model.Operation{Kind: model.ChildPasswordChange, State: model.OpReady, Reconcile: true}, true, true},
		"a heartbeat":                   {model.Operation{Kind: model.Verify, State: model.OpUncertain}, false, true},
		"a heartbeat that is to run":    {model.Operation{Kind: model.Verify, State: model.OpUncertain, Immediate: true}, false, false},
		"a verification asked for":      {model.Operation{Kind: model.Verify, State: model.OpUncertain, Requester: "ada"}, false, false},
		"a verification that is at it":  {model.Operation{Kind: model.Verify, State: model.OpSettling}, false, false},
		"a change that is at work":      {model.Operation{Kind: model.PasswordChange, State: model.OpRunning}, false, false},
		"a child that follows a parent": {model.Operation{Kind: model.ChildPasswordChange, State: model.OpReady}, false, false},
	} {
		if f, h := c.o.Holdable(false), c.o.Holdable(true); f != c.frozen || h != c.closed {
			t.Errorf("%s: a freeze %v, the hours %v", name, f, h)
		}
	}
}
