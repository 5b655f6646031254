package runner_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// handing is an executor whose program asks for some tags and tells what it got.
type handing struct {
	tags []mask.Name
	got  map[mask.Name]string
	ends error
}

func (*handing) Name() model.ExecutorName                    { return "ssh" }
func (h *handing) Compile(string) (executors.Program, error) { return h, nil }
func (h *handing) Masks() []mask.Name                        { return h.tags }
func (*handing) Notices() []string                           { return nil }
func (h *handing) Run(_ context.Context, s executors.Session) (executors.Outcome, error) {
	h.got = map[mask.Name]string{}
	for _, n := range h.tags {
		v, err := s.Resolve(n)
		if err != nil {
			return executors.NotStarted, err
		}
		h.got[n] = text(v)
	}
	if h.ends != nil {
		return executors.Uncertain, h.ends
	}
	return executors.Applied, nil
}

// An automation hands the secret to its template after that was committed, as the credential that it was given. What has no
// value is not run, and not tried again; what ended unseen is run again, and in the end stands among the secret's errors.
func TestAutomation(t *testing.T) {
	t.Parallel()
	h := openFrom(t, "testdata/automation.txt")
	id, _ := h.access()
	all := []mask.Name{"API_KEY", "DB_PASS", "CREDENTIAL_USERNAME", "CREDENTIAL_PASSWORD", "SECRET_DATA", "SECRET_VERSION", "APP_NAME", mask.AuthUser, mask.AuthPassword}
	for _, c := range []struct {
		what  string
		with  *handing
		state model.OperationState
		ran   bool
	}{
		{"a tag without a value", &handing{tags: []mask.Name{"API_KEY", "NO_SUCH_KEY"}}, model.OpDead, false},
		{"an end that was not seen", &handing{tags: all, ends: &executors.Failure{Class: executors.ClassNetwork, Msg: "the connection broke"}}, model.OpReady, true},
		{"a run", &handing{tags: all}, model.OpSucceeded, true},
	} {
		h.later(id)
		stop := h.start(c.with)
		h.await(id, c.what, func(o *model.Operation) bool { return o.Lease == nil })
		stop()
		if o := h.operation(id); o.State != c.state || (c.with.got != nil) != c.ran {
			t.Fatalf("%s: the operation is %s: %s", c.what, o.State, o.Message)
		}
		want := map[mask.Name]string{"API_KEY": "canary", "DB_PASS": "their", "CREDENTIAL_USERNAME": "app", "CREDENTIAL_PASSWORD": "their", "SECRET_DATA": `{"Api_Key":"canary","DB_PASS":"their"}`,
			"SECRET_VERSION": "1", "APP_NAME": "admin", mask.AuthUser: "deploy", mask.AuthPassword: "first"}
		if c.ran && !maps.Equal(c.with.got, want) {
			t.Errorf("%s got %q", c.what, c.with.got)
		}
		if c.state == model.OpDead { // the template is corrected
			if _, err := command.Propose(t.Context(), h.Proposer, operation.Retry, model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}, operation.ControlArgs{Operation: id}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if c := h.credential(); c.Busy != "" {
		t.Error("the credential is still at work")
	}
}

// A secret that changes between the begin of a run and the run itself: the template gets the version that the begin recorded,
// with the account that it refers to, and the new one at the occasion of its own.
func TestAutomationOfChanged(t *testing.T) {
	t.Parallel()
	h := openFrom(t, "testdata/automation.txt")
	id, _ := h.access()
	name, engine, ends := "Database", "MySQL", model.Time(4102444800000)
	change := func(k command.Kind) {
		if k != operation.Begin.Kind() {
			return
		}
		data := []model.DSMEntry{{Kind: model.DSMKeyValue, Fields: []model.DSMField{
			{Name: "Api_Key", Row: "b1", Secret: model.Sealed{Term: 1, Box: []byte("newer")}},
			{Name: "DB_PASS", Row: "b2", Secret: model.Sealed{Term: 1, Box: []byte("own")}}}}}
		if _, err := command.Propose(t.Context(), h.Proposer, dsm.Put, model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1},
			dsm.PutArgs{Module: model.ModuleSecrets, Identity: "db", Data: &data, Name: &name, Engine: &engine, ExpiresAt: &ends}); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct {
		after func(command.Kind)
		want  map[mask.Name]string
	}{
		{change, map[mask.Name]string{"API_KEY": "canary", "DB_PASS": "their", "SECRET_DATA": `{"Api_Key":"canary","DB_PASS":"their"}`, "SECRET_VERSION": "1", "SECRET_NAME": "db", "SECRET_ENGINE": "Generic"}},
		{nil, map[mask.Name]string{"API_KEY": "newer", "DB_PASS": "own", "SECRET_DATA": `{"Api_Key":"newer","DB_PASS":"own"}`, "SECRET_VERSION": "2", "SECRET_NAME": "Database", "SECRET_ENGINE": "MySQL",
			"SECRET_EXPIRATION_DATE": "2100-01-01T00:00:00Z"}},
	} {
		with := &handing{tags: slices.Collect(maps.Keys(c.want))}
		h.after = c.after
		h.later(id)
		stop := h.start(with)
		h.await(id, "over", in(model.OpSucceeded))
		stop()
		if !maps.Equal(with.got, c.want) {
			t.Errorf("got %q, want %q", with.got, c.want)
		}
		id, _ = h.access()
	}
}

// The replica of the runner's node lags behind the begin that it was answered: the run waits for it, and hands over what the
// begin recorded.
func TestAutomationLags(t *testing.T) {
	t.Parallel()
	h := openFrom(t, "testdata/automation.txt")
	h.own, _ = fsmtest.Log(t, "testdata/automation.txt")
	h.Follower = &fsmtest.Follower{Machine: h.own}
	h.before = func(_ context.Context, k command.Kind) error {
		if k == operation.Begin.Kind() {
			h.Follower.Hold()
		}
		return nil
	}
	id, _ := h.access()
	h.later(id)
	with := &handing{tags: []mask.Name{"API_KEY", "SECRET_VERSION"}}
	stop := h.start(with)
	h.await(id, "begun", in(model.OpRunning))
	time.Sleep(100 * time.Millisecond)
	if o := h.operation(id); o.State != model.OpRunning {
		t.Fatalf("it did not wait: the operation is %s: %s", o.State, o.Message)
	}
	h.Follower.Release()
	h.await(id, "over", in(model.OpSucceeded))
	stop()
	if want := map[mask.Name]string{"API_KEY": "canary", "SECRET_VERSION": "1"}; !maps.Equal(with.got, want) {
		t.Errorf("got %q, want %q", with.got, want)
	}
}

// A run that fails for good is an error of its secret.
func TestAutomationFails(t *testing.T) {
	t.Parallel()
	h := openFrom(t, "testdata/automation.txt")
	id, _ := h.access()
	for range 3 {
		h.later(id)
		stop := h.start(&handing{ends: errors.New("the target hung up")})
		h.await(id, "failed", func(o *model.Operation) bool { return o.Lease == nil })
		stop()
	}
	v := h.m.View()
	defer v.Close()
	o := h.operation(id)
	e := state.DSMErrorsOf(v, o.Occasion.Secret)
	if o.State != model.OpDead || len(e) != 1 || e[0].Task != model.TaskAutomation || e[0].Operation != o.Number || e[0].Message != "the target hung up" {
		t.Errorf("the operation is %s, the errors %+v", o.State, e)
	}
}
