package runner_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"cofre/executors"
	"cofre/executors/runner"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/vault/secret"
)

// provision opens a house with a user to be created, and grants it.
func provision(t *testing.T) (*house, model.OperationID, model.Pos) {
	t.Helper()
	h := openFrom(t, "testdata/provision.txt")
	v := h.m.View()
	defer v.Close()
	for o := range state.Operations.All(v, "") {
		return h, o.ID, must(h, operation.Grant, operation.GrantArgs{Operation: o.ID, Node: "n1"}).Token
	}
	t.Fatal("the script orders no creation")
	return nil, "", 0
}

// maker is a target that makes the secret itself: each run makes another one, and only what is there logs in.
type maker struct {
	made, runs, erased atomic.Int64
	late               func() // between the making and the commit
}

func (k *maker) fake() fake {
	return fake{run: func(ctx context.Context, s executors.Session) (executors.Outcome, error) {
		k.runs.Add(1)
		if s.Keep == nil { // the removal before another attempt
			k.made.Store(0)
			k.erased.Add(1)
			return executors.Applied, nil
		}
		k.made.Store(k.runs.Load())
		if k.late != nil {
			k.late()
		}
		if err := s.Keep(ctx, secret.New([]byte{'k', byte('0' + k.made.Load())})); err != nil {
			return executors.Uncertain, &executors.Failure{Class: executors.ClassRefused, Msg: err.Error()}
		}
		return executors.Applied, nil
	}, verify: func(p string) (bool, error) { return p == string([]byte{'k', byte('0' + k.made.Load())}), nil }}
}

// TestKeep: what the target made is committed before its login, whatever becomes of the first answer.
func TestKeep(t *testing.T) {
	t.Parallel()
	h, id, _ := provision(t)
	var asked atomic.Int64
	h.before = func(_ context.Context, k command.Kind) error {
		if k == operation.Keep.Kind() && asked.Add(1) == 1 {
			return model.Errorf(model.Uncertain, "no answer")
		}
		if k == operation.Finish.Kind() && string(h.user().Secret.Box) != "k1" {
			t.Error("reported before the secret was committed")
		}
		return nil
	}
	h.start((&maker{}).fake())
	h.await(id, "created", in(model.OpSucceeded))
	if u := h.user(); string(u.Secret.Box) != "k1" || u.State != model.DynamicActive || asked.Load() < 2 {
		t.Errorf("after the creation: %+v", u)
	}
}

// TestKeepLost: the node dies, or is cut off, between the target's making of a secret and its commit. The secret is never handed out:
// settling finds that nothing known logs in, and the next attempt removes what is there before it makes another one.
func TestKeepLost(t *testing.T) {
	t.Parallel()
	h, id, token := provision(t)
	k := &maker{}
	ctx, dead := context.WithCancel(t.Context())
	k.late = func() { dead(); <-ctx.Done() }
	h.before = func(_ context.Context, kind command.Kind) error {
		if ctx.Err() != nil && (kind == operation.Keep.Kind() || kind == operation.Finish.Kind()) {
			return errors.New("dead")
		}
		return nil
	}
	stop := h.start(k.fake())
	<-ctx.Done()
	stop()
	stand := string(h.user().Secret.Box)
	if stand == "" || stand == "k1" {
		t.Fatalf("the stand-in is %q", stand)
	}
	h.before = nil
	k.late = nil
	h.expire(id, token)
	h.start(k.fake())
	for range 2 { // settling, then another attempt
		h.due(id)
		h.await(id, "an attempt", func(o *model.Operation) bool { return o.Lease == nil })
	}
	if u := h.user(); u.State != model.DynamicActive || string(u.Secret.Box) != "k3" || k.erased.Load() != 1 {
		t.Errorf("%s with %q, erased %d times: %+v", u.State, u.Secret.Box, k.erased.Load(), h.operation(id))
	}
}

// due moves the clock until the operation waits for a slot, and grants it.
func (h *house) due(id model.OperationID) {
	h.t.Helper()
	for range 100 {
		h.leapt.Add(1000)
		if _, err := command.Propose(h.t.Context(), h.Proposer, operation.Grant, model.Actor{Kind: model.ActorSystem, Name: "test"}, operation.GrantArgs{Operation: id, Node: "n1"}); err == nil {
			return
		}
	}
	h.t.Fatalf("the operation is not due: %+v", h.operation(id))
}

// TestEstate: hosts of the service that a device stands for are reached at port 443, unless the device has an address of its own.
func TestEstate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ip, address string
		want        bool
	}{
		{"", "sts.example:443", true}, {"", "sts.example:80", false}, {"", "other.example:443", false}, {"192.0.2.1", "sts.example:443", false},
		{"", "iam.example:8443", true}, {"192.0.2.1", "192.0.2.1:8443", true},
	} {
		if got := runner.Reaches(&model.Device{Hostname: "iam.example", IP: c.ip}, estate{}, c.address); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

type estate struct{ executors.Executor }

func (estate) Belongs(hostname, host string) bool {
	return hostname == "iam.example" && host == "sts.example"
}
