package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// TestDryRun: everything is filled, the credential that would do the work logs in once, and nothing else reaches the target; the
// credential stays as it was.
func TestDryRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fills error // of the program, before it asks whether it may connect
		login func() (bool, error)
		want  model.OperationState
		class string
		bad   int // failed logins that count
	}{
		{"succeeds", nil, func() (bool, error) { return true, nil }, model.OpSucceeded, "", 0},
		{"wrong login", nil, func() (bool, error) { return false, nil }, model.OpDead, "auth", 1},
		{"no route", nil, func() (bool, error) { return false, &executors.Failure{Class: executors.ClassNetwork, Msg: "no route"} }, model.OpDead, "network", 0},
		{"a value does not fit", &executors.Failure{Class: executors.ClassTemplate, Msg: "no value"}, func() (bool, error) { return false, errors.New("must not be asked") }, model.OpDead, "template", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			before := h.credential()
			logins := 0
			f := fake{run: func(ctx context.Context, s executors.Session) (executors.Outcome, error) {
				if v, err := s.Resolve(mask.NewPassword); err != nil || v.Len() == 0 {
					t.Errorf("no new secret to try: %v", err)
				}
				if c.fills != nil {
					return executors.NotStarted, c.fills
				}
				if err := s.Before("connect"); err != nil {
					return executors.NotStarted, executors.Fail(executors.ClassRefused, 0, err)
				}
				t.Error("a dry run went on")
				return executors.Uncertain, errors.New("touched")
			}, verify: func(p string) (bool, error) {
				if logins++; p != "first" {
					t.Error("a login with another secret")
				}
				return c.login()
			}}
			r, err := command.Propose(t.Context(), h.Proposer, operation.Preflight, model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1},
				operation.PreflightArgs{Credential: before.ID, Template: before.Execution.ChangeTemplate, Version: 1})
			if err != nil {
				t.Fatal(err)
			}
			must(h, operation.Grant, operation.GrantArgs{Operation: r.Operation, Node: "n1"})
			stop := h.start(f)
			h.await(r.Operation, c.name, in(c.want))
			stop()
			after := h.credential()
			if len(after.Versions) != len(before.Versions) || after.Sync != before.Sync || after.Busy != "" || after.ChangedAt != before.ChangedAt || len(after.BadLogins) != c.bad || len(after.Reserved) != 0 {
				t.Errorf("before %+v, after %+v", before, after)
			}
			if want := 1; c.fills == nil && logins != want {
				t.Errorf("%d logins", logins)
			}
			if !slices.Equal(h.hasty, []string{"operation.begin", "operation.finish"}) && !slices.Equal(h.hasty, []string{"operation.finish"}) {
				t.Errorf("in haste, because who asked waits: %v", h.hasty)
			}
			if a := h.attempt(r.Operation); a == nil || a.Class != c.class || a.TemplateVersion != 1 {
				t.Errorf("attempt %+v", a)
			}
		})
	}
}

// judged is a program that asks its target beforehand.
type judged struct {
	program
	may func() (bool, string, error)
}

func (p judged) May(context.Context, executors.Session) (bool, string, error) { return p.may() }

// asked is an executor of such programs.
type asked struct {
	fake
	may func() (bool, string, error)
}

func (a asked) Compile(string) (executors.Program, error) { return judged{program{a.run}, a.may}, nil }

// TestDryRunAsksForTheRight: a clear no of the target ends a dry run; what cannot be told does not.
func TestDryRunAsksForTheRight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		may     func() (bool, string, error)
		want    model.OperationState
		message string
	}{
		{func() (bool, string, error) { return true, "it is root", nil }, model.OpSucceeded, "may make the change: it is root"},
		{func() (bool, string, error) { return false, "it lacks a right", nil }, model.OpDead, "may not make the change: it lacks a right"},
		{func() (bool, string, error) {
			return false, "", &executors.Failure{Class: executors.ClassTimeout, Msg: "silence"}
		}, model.OpSucceeded, "cannot be told"},
	} {
		h := open(t)
		before := h.credential()
		r, err := command.Propose(t.Context(), h.Proposer, operation.Preflight, model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1},
			operation.PreflightArgs{Credential: before.ID, Template: before.Execution.ChangeTemplate, Version: 1})
		if err != nil {
			t.Fatal(err)
		}
		must(h, operation.Grant, operation.GrantArgs{Operation: r.Operation, Node: "n1"})
		stop := h.start(asked{fake{
			run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
				return executors.NotStarted, executors.Fail(executors.ClassRefused, 0, s.Before("connect"))
			},
			verify: func(string) (bool, error) { return true, nil },
		}, c.may})
		h.await(r.Operation, c.message, in(c.want))
		stop()
		a := h.attempt(r.Operation)
		if a == nil || !strings.Contains(fmt.Sprintf("%s %+v", a.Message, a.Steps), c.message) {
			t.Errorf("attempt %+v, want %q", a, c.message)
		}
		if after := h.credential(); len(after.BadLogins) != 0 || after.Sync != before.Sync {
			t.Errorf("before %+v, after %+v", before, after)
		}
	}
}

// placed is a program whose managers are known at another place than the accounts.
type placed struct {
	program
	manager fake
}

func (p placed) ManagerVerifier() executors.Verifier { return p.manager }

// places is an executor of such programs.
type places struct {
	fake
	manager fake
}

func (e places) Compile(string) (executors.Program, error) {
	return placed{program{e.run}, e.manager}, nil
}

// TestDryRunOfAManagerElsewhere: whose login is proven where it is known.
func TestDryRunOfAManagerElsewhere(t *testing.T) {
	t.Parallel()
	for _, managed := range []bool{false, true} {
		h := open(t)
		own := h.credential()
		want := "first"
		if managed {
			want = "Boss-pass-1"
			boss := put(h, credential.PutArgs{Identifier: "boss", Device: own.Device, Username: new("boss"), Secret: &credential.NewSecret{Row: "rboss", Secret: model.Sealed{Term: 1, Box: []byte(want)}}})
			put(h, credential.PutArgs{ID: own.ID, Execution: &credential.ExecutionPatch{Authentication: &boss}})
		}
		r, err := command.Propose(t.Context(), h.Proposer, operation.Preflight, model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1},
			operation.PreflightArgs{Credential: own.ID, Template: own.Execution.ChangeTemplate, Version: 1})
		if err != nil {
			t.Fatal(err)
		}
		must(h, operation.Grant, operation.GrantArgs{Operation: r.Operation, Node: "n1"})
		asks := func(there bool) func(string) (bool, error) {
			return func(p string) (bool, error) {
				if there != managed || p != want {
					t.Errorf("managed %t: a login, at the managers' place: %t", managed, there)
				}
				return true, nil
			}
		}
		stop := h.start(places{fake{
			run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
				return executors.NotStarted, executors.Fail(executors.ClassRefused, 0, s.Before("connect"))
			},
			verify: asks(false),
		}, fake{verify: asks(true)}})
		h.await(r.Operation, "a dry run", in(model.OpSucceeded))
		stop()
	}
}

// attempt finds the last one of an operation.
func (h *house) attempt(id model.OperationID) (last *model.Attempt) {
	v := h.m.View()
	defer v.Close()
	for a := range state.Attempts.All(v, string(id)+"/") {
		if a.Operation == id {
			last = a
		}
	}
	return last
}
