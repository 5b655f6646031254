package runner_test

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/executors/runner"
	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/vault/barrier"
	"cofre/vault/secret"
)

// plainKeys seals by doing nothing: what matters here is which value goes where.
type plainKeys struct{}

func (plainKeys) Sealed() bool { return false }
func (plainKeys) Encrypt(_ barrier.AAD, v secret.Value) (s model.Sealed, err error) {
	err = v.Reveal(func(b []byte) error { s = model.Sealed{Term: 1, Box: slices.Clone(b)}; return nil })
	return s, err
}
func (plainKeys) Decrypt(_ barrier.AAD, s model.Sealed) (secret.Value, error) {
	return secret.New(slices.Clone(s.Box)), nil
}

// fake is an executor whose target is a function.
type fake struct {
	run    func(context.Context, executors.Session) (executors.Outcome, error)
	verify func(password string) (bool, error)
}

func (fake) Name() model.ExecutorName                    { return "ssh" }
func (f fake) Compile(string) (executors.Program, error) { return program{f.run}, nil }
func (f fake) Verify(_ context.Context, _ executors.Session, with secret.Value) (in bool, err error) {
	return f.verify(text(with))
}

type program struct {
	run func(context.Context, executors.Session) (executors.Outcome, error)
}

func (program) Masks() []mask.Name { return []mask.Name{mask.NewPassword} }
func (program) Notices() []string  { return nil }
func (p program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	return p.run(ctx, s)
}

func text(v secret.Value) (s string) {
	_ = v.Reveal(func(b []byte) error { s = string(b); return nil })
	return s
}

// house is a machine, its log and one runner.
type house struct {
	ended, lost chan struct{} // one for each attempt
	*fsmtest.Proposer
	t      *testing.T
	m      *fsm.FSM
	own    *fsm.FSM // the replica of the runner's node; m if it does not lag
	keys   runner.Keys
	leapt  atomic.Int64 // milliseconds that the leader's clock was moved on
	mu     sync.Mutex   // guards what follows
	hasty  []string     // commands that were proposed with the word that a request waits for them
	before func(context.Context, command.Kind) error
	after  func(command.Kind)
}

func open(t *testing.T) *house {
	t.Helper()
	return openFrom(t, "testdata/setup.txt")
}

func openFrom(t *testing.T, script string) *house {
	t.Helper()
	m, _ := fsmtest.Log(t, script)
	return openWith(t, m)
}

func openWith(t *testing.T, m *fsm.FSM) *house {
	t.Helper()
	h := &house{t: t, m: m, own: m, keys: plainKeys{}, Proposer: fsmtest.NewProposer(m, "n1"), ended: make(chan struct{}, 64), lost: make(chan struct{}, 64)}
	began := time.Now()
	h.Now = func() model.Time { return fsmtest.Start.Add(time.Since(began)) + model.Time(h.leapt.Load()) }
	return h
}

// Propose lets a test fail a proposal, or do something just before it or between its commit and its answer.
func (h *house) Propose(ctx context.Context, e command.Envelope) (command.Result, error) {
	h.mu.Lock()
	before, after := h.before, h.after
	if e.Awaited {
		h.hasty = append(h.hasty, string(e.Kind))
	}
	h.mu.Unlock()
	if after != nil {
		defer after(e.Kind)
	}
	if before != nil {
		if err := before(ctx, e.Kind); err != nil {
			return command.Result{}, err
		}
	}
	return h.Proposer.Propose(ctx, e)
}

// start runs a runner until stop, which waits for it.
func (h *house) start(all ...executors.Executor) (stop func()) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	r := runner.New(runner.Config{
		Node: "n1", Proposer: h, View: h.own.View, Changed: h.own.Changed, Keys: h.keys, Log: logrus.NewEntry(log),
		Place: func(row string) barrier.AAD { return barrier.AAD{} },
		Executors: func(n model.ExecutorName) (executors.Executor, bool) {
			i := slices.IndexFunc(all, func(e executors.Executor) bool { return e.Name() == n })
			return all[max(i, 0)], i >= 0
		},
		Refuse: func(string) bool { return false },
		Ended:  func(*model.Operation, model.Outcome, time.Duration) { h.ended <- struct{}{} },
		Lost:   func() { h.lost <- struct{}{} },
	})
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	h.t.Cleanup(stop)
	return stop
}

func must[A, R any](h *house, d command.Def[A, R], args A) R {
	h.t.Helper()
	r, err := command.Propose(h.t.Context(), h.Proposer, d, model.Actor{Kind: model.ActorSystem, Name: "test"}, args)
	if err != nil {
		h.t.Fatalf("%s: %v", d.Kind(), err)
	}
	return r
}

func (h *house) credential() *model.Credential {
	v := h.m.View()
	defer v.Close()
	c, _ := state.Credentials.First(v, "identifier", "c")
	return c
}

func (h *house) operation(id model.OperationID) *model.Operation {
	v := h.m.View()
	defer v.Close()
	o, _ := state.Operations.Get(v, string(id))
	return o
}

// grant requests a change and gives it to the runner's slot.
func (h *house) grant() (model.OperationID, model.Pos) {
	h.t.Helper()
	id := must(h, operation.Request, operation.RequestArgs{Credential: h.credential().ID, Kind: model.PasswordChange, Trigger: "expiry"}).Operation
	return id, must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"}).Token
}

// await waits until the operation is as wanted.
func (h *house) await(id model.OperationID, what string, ok func(*model.Operation) bool) {
	h.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		changed := h.m.Changed()
		if ok(h.operation(id)) {
			return
		}
		select {
		case <-changed:
		case <-limit:
			h.t.Fatalf("%s: the operation is %s: %s", what, h.operation(id).State, h.operation(id).Message)
		}
	}
}

func in(s model.OperationState) func(*model.Operation) bool {
	return func(o *model.Operation) bool { return o.State == s }
}

// expire takes the lease away, as the leader does when it hears nothing.
func (h *house) expire(id model.OperationID, token model.Pos) {
	h.leapt.Add(91_000)
	must(h, operation.Expire, operation.ExpireArgs{Operation: id, Token: token})
}
