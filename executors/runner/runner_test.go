package runner_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/automation"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// The candidate is committed before the target is touched, and only a login makes it the current one.
func TestCandidateFirst(t *testing.T) {
	t.Parallel()
	h := open(t)
	var offered string
	f := fake{run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
		v, err := s.Resolve(mask.NewPassword)
		if err != nil {
			return executors.NotStarted, err
		}
		offered = text(v)
		c := h.credential()
		if cand := c.ByRole(model.RoleCandidate); cand == nil || string(cand.Secret.Box) != offered {
			t.Error("the target is touched before the candidate is committed")
		}
		if err := s.Before("write"); err != nil {
			t.Errorf("a fresh lease is not trusted: %v", err)
		}
		return executors.Applied, nil
	}, verify: func(p string) (bool, error) { return p == offered, nil }}
	id, _ := h.grant()
	h.start(f)
	h.await(id, "changed", in(model.OpSucceeded))
	c := h.credential()
	if cur := c.ByRole(model.RoleCurrent); string(cur.Secret.Box) != offered || len(offered) != 20 || c.VerifiedAt == 0 || c.Busy != "" {
		t.Errorf("after the change: %+v", c)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.hasty) != 0 {
		t.Errorf("in haste, though no request waits: %v", h.hasty)
	}
}

// The execution parameters reach the program: how long it waits for the target.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	h := open(t)
	settings := model.DefaultAutomation()
	settings.ConnectTimeout, settings.ReadTimeout = 7000, 300_000
	if _, err := command.Propose(t.Context(), h.Proposer, automation.Put, model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}, automation.PutArgs{Settings: settings}); err != nil {
		t.Fatal(err)
	}
	var connect, read time.Duration
	id, _ := h.grant()
	h.start(fake{run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
		connect, read = s.ConnectTimeout, s.ReadTimeout
		return executors.Applied, nil
	}, verify: func(string) (bool, error) { return true, nil }})
	h.await(id, "changed", in(model.OpSucceeded))
	if connect != 7*time.Second || read != 300*time.Second {
		t.Errorf("connect %s, read %s", connect, read)
	}
}

// Done but not proven is uncertain, whatever the program says.
func TestProof(t *testing.T) {
	t.Parallel()
	for name, verify := range map[string]func(string) (bool, error){
		"refused": func(string) (bool, error) { return false, nil },
		"unknown": func(string) (bool, error) { return false, errors.New("no route") },
	} {
		h := open(t)
		id, _ := h.grant()
		h.start(fake{run: func(context.Context, executors.Session) (executors.Outcome, error) { return executors.Applied, nil }, verify: verify})
		h.await(id, name, in(model.OpUncertain))
		if c := h.credential(); c.ByRole(model.RoleCurrent).N != 1 || c.ByRole(model.RoleCandidate) == nil {
			t.Errorf("%s: %+v", name, c.Versions)
		}
	}
}

// A begin that comes too late runs nothing and reports nothing, whether its answer says so or the replica does first, which
// cuts the proposal.
func TestFencedBegin(t *testing.T) {
	t.Parallel()
	for _, cut := range []bool{false, true} {
		h := open(t)
		id, token := h.grant()
		var once sync.Once
		begun, ran := make(chan struct{}), atomic.Bool{}
		h.before = func(ctx context.Context, k command.Kind) error {
			if k == operation.Begin.Kind() {
				once.Do(func() {
					h.expire(id, token)
					if cut {
						<-ctx.Done()
					}
					close(begun)
				})
			}
			if k == operation.Finish.Kind() {
				t.Errorf("a fenced attempt reports (cut: %t)", cut)
			}
			return nil
		}
		stop := h.start(fake{run: func(context.Context, executors.Session) (executors.Outcome, error) {
			ran.Store(true)
			return executors.Applied, nil
		}})
		<-begun
		h.await(id, "given back", in(model.OpReady))
		stop()
		if ran.Load() || len(h.credential().Versions) != 1 || len(h.lost)+len(h.ended) != 0 {
			t.Errorf("a fenced begin touched the target, left a candidate or was counted (cut: %t)", cut)
		}
	}
}

// When the lease is gone the attempt is cut, and no writing step starts any more.
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	h := open(t)
	running, cut := make(chan struct{}), make(chan error, 1)
	f := fake{run: func(ctx context.Context, s executors.Session) (executors.Outcome, error) {
		close(running)
		<-ctx.Done()
		cut <- s.Before("write")
		return executors.Uncertain, &executors.Failure{Class: executors.ClassTimeout, Msg: "cut"}
	}}
	id, token := h.grant()
	stop := h.start(f)
	<-running
	h.expire(id, token)
	if err := <-cut; err == nil {
		t.Error("a writing step may start without a lease")
	}
	h.await(id, "expired", in(model.OpUncertain))
	<-h.lost
	stop()
	if len(h.lost)+len(h.ended) != 0 {
		t.Error("one attempt is counted twice")
	}
	if v := h.credential().ByRole(model.RoleCandidate); v == nil {
		t.Error("the candidate that may be in force is gone")
	}
}

// After a restart an operation that ran is reported uncertain at once; the target is not touched again.
func TestRestart(t *testing.T) {
	t.Parallel()
	h := open(t)
	id, token := h.grant()
	must(h, operation.Begin, operation.BeginArgs{Operation: id, Token: token, Row: "r2", Candidate: model.Sealed{Term: 1, Box: []byte("second")}})
	h.start(fake{run: func(context.Context, executors.Session) (executors.Outcome, error) {
		t.Error("the target is touched again")
		return executors.Uncertain, nil
	}})
	h.await(id, "reported", in(model.OpUncertain))
	if o := h.operation(id); o.Lease != nil || h.credential().Busy != id {
		t.Errorf("%+v", o)
	}
}

// Settling tries the candidate first, then the current one, and the candidate again before it gives up: a slow target may
// have changed meanwhile.
func TestSettle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		knows string
		tried string
		want  model.OperationState
	}{
		{"second", "second", model.OpSucceeded},
		{"first", "second first", model.OpReady},
		{"neither", "second first second", model.OpOutOfSync},
		{"second, but late", "second first second", model.OpSucceeded},
	} {
		h := open(t)
		id, token := h.grant()
		must(h, operation.Begin, operation.BeginArgs{Operation: id, Token: token, Row: "r2", Candidate: model.Sealed{Term: 1, Box: []byte("second")}})
		must(h, operation.Finish, operation.FinishArgs{Operation: id, Token: token, Outcome: model.OutcomeUncertain})
		h.leapt.Add(31_000)
		must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"})
		var tried []string
		stop := h.start(fake{verify: func(p string) (bool, error) {
			tried = append(tried, p)
			return p == c.knows || c.want == model.OpSucceeded && len(tried) == 3, nil
		}})
		if strings.Count(c.tried, " ") == 2 {
			h.await(id, "refused by turns", in(model.OpUncertain))
			h.leapt.Add(61_000)
			must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"})
		}
		h.await(id, c.knows, in(c.want))
		stop()
		if got := strings.Join(tried, " "); got != c.tried {
			t.Errorf("the target knows %s: tried %q, not %q", c.knows, got, c.tried)
		}
	}
}

// Of three possible secrets only two are tried, since two failing logins are allowed; the rest follows when the window
// is over.
func TestLoginBudget(t *testing.T) {
	t.Parallel()
	h := open(t)
	id, token := h.grant()
	must(h, operation.Begin, operation.BeginArgs{Operation: id, Token: token, Row: "r2", Candidate: model.Sealed{Term: 1, Box: []byte("second")}})
	must(h, operation.Finish, operation.FinishArgs{Operation: id, Token: token, Outcome: model.OutcomeRejected, Class: "policy"})
	h.leapt.Add(60_000)
	token = must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"}).Token
	must(h, operation.Begin, operation.BeginArgs{Operation: id, Token: token, Row: "r3", Candidate: model.Sealed{Term: 1, Box: []byte("third")}})
	must(h, operation.Finish, operation.FinishArgs{Operation: id, Token: token, Outcome: model.OutcomeUncertain})
	var mu sync.Mutex
	var tried []string
	h.start(fake{verify: func(p string) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		tried = append(tried, p)
		return p == "second", nil
	}})
	settle := func(pause int64, want string, ok func(*model.Operation) bool) {
		t.Helper()
		h.leapt.Add(pause)
		must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"})
		h.await(id, want, ok)
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(tried, " "); got != want {
			t.Errorf("tried %q, not %q", got, want)
		}
	}
	settle(31_000, "third first", in(model.OpUncertain))
	if o := h.operation(id); o.NotBefore.Sub(h.Now()) < 50*time.Second || !strings.Contains(o.Message, "budget") || h.attempt(id).Class != string(executors.ClassRefused) {
		t.Errorf("the next settling comes in %s: %s: %s", o.NotBefore.Sub(h.Now()), h.attempt(id).Class, o.Message)
	}
	settle(61_000, "third first third second", in(model.OpReady)) // the candidate comes again behind the current one
}

// A report is repeated until it is heard.
func TestReportRepeated(t *testing.T) {
	t.Parallel()
	h := open(t)
	var reports atomic.Int32
	h.before = func(_ context.Context, k command.Kind) error {
		if k == operation.Finish.Kind() && reports.Add(1) < 3 {
			return model.Errorf(model.Unavailable, "no leader")
		}
		return nil
	}
	id, _ := h.grant()
	stop := h.start(fake{run: func(context.Context, executors.Session) (executors.Outcome, error) {
		return executors.Rejected, &executors.Failure{Class: executors.ClassPolicy, Msg: "too short"}
	}})
	h.await(id, "heard", in(model.OpReady))
	<-h.ended
	stop()
	if len(h.lost) != 0 {
		t.Error("an attempt that ended lost its lease")
	}
	if o := h.operation(id); reports.Load() != 3 || o.Attempt != 1 || !strings.Contains(o.Message, "too short") {
		t.Errorf("%d reports, %d attempts: %s", reports.Load(), o.Attempt, o.Message)
	}
}

// An operation connects to its device only, and not where its name leads to this machine or to the cluster.
func TestDialer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	h := open(t)
	var verdicts []string
	f := fake{run: func(ctx context.Context, s executors.Session) (executors.Outcome, error) {
		for _, a := range []string{"localhost", "127.0.0.1", "169.254.169.254", "example.org", "::1"} {
			c, err := s.Dial(ctx, "tcp", net.JoinHostPort(a, port))
			var f *executors.Failure
			if err == nil {
				_ = c.Close()
			}
			if !errors.As(err, &f) || f.Class != executors.ClassRefused {
				verdicts = append(verdicts, fmt.Sprint(a, ": ", err))
			}
		}
		return executors.NotStarted, &executors.Failure{Class: executors.ClassRefused, Msg: "done"}
	}}
	id, _ := h.grant()
	stop := h.start(f)
	h.await(id, "tried", func(o *model.Operation) bool { return o.Attempt == 1 && o.State == model.OpReady })
	stop()
	if len(verdicts) > 0 {
		t.Errorf("not refused: %v", verdicts)
	}
}
