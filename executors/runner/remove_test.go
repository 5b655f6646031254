package runner_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"cofre/executors"
	"cofre/fsm/command"
	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// target is where a dynamic user is removed; it keeps what was done to it, in order.
type target struct {
	mu    sync.Mutex // guards what follows
	did   []string
	fails bool     // the removal does
	says  []string // to the logins, one after the other: in, out or silence
}

func (g *target) fake() fake {
	return fake{run: func(context.Context, executors.Session) (executors.Outcome, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.did = append(g.did, "remove"); g.fails {
			return executors.NotStarted, &executors.Failure{Class: executors.ClassNetwork, Msg: "cut off"}
		}
		return executors.Applied, nil
	}, verify: func(p string) (bool, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if p != "their" || len(g.says) == 0 {
			return false, errors.New("an unexpected login")
		}
		say := g.says[0]
		g.did, g.says = append(g.did, say), g.says[1:]
		if say == "silence" {
			return false, errors.New("no route")
		}
		return say == "in", nil
	}}
}

// blind is an executor that cannot log in as somebody.
type blind struct{ executors.Executor }

// removal opens a house with a user to be removed.
func removal(t *testing.T) (*house, model.OperationID) {
	t.Helper()
	return ordered(t, "testdata/removal.txt", model.Deprovision)
}

// ordered opens a house in which a script has ordered an operation of a kind.
func ordered(t *testing.T, script string, kind model.OperationKind) (*house, model.OperationID) {
	t.Helper()
	h := openFrom(t, script)
	v := h.m.View()
	defer v.Close()
	for o := range state.Operations.All(v, "") {
		if o.Kind == kind {
			return h, o.ID
		}
	}
	t.Fatalf("the script orders no %s", kind)
	return nil, ""
}

// user finds the only one.
func (h *house) user() (u *model.DynamicUser) {
	v := h.m.View()
	defer v.Close()
	for u = range state.DynamicUsers.All(v, "") {
		break
	}
	return u
}

// later moves the clock by less than an entry may leap, and grants when the removal is due again.
func (h *house) later(id model.OperationID) {
	h.t.Helper()
	for range 3 {
		h.leapt.Add(301_000)
		e := operation.GrantArgs{Operation: id, Node: "n1"}
		_, err := command.Propose(h.t.Context(), h.Proposer, operation.Grant, model.Actor{Kind: model.ActorSystem, Name: "test"}, e)
		if err == nil {
			return
		}
	}
	h.t.Fatalf("the removal is not due: %+v", h.operation(id))
}

// A removal is proven by a login that is refused, twice, ten minutes apart; whatever else happens begins it anew, and it
// never touches a target that it could not ask.
func TestRemove(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		once    bool // the user was proven gone before
		fails   bool
		says    string
		did     string
		state   model.OperationState
		gone    bool // a proof stands
		message string
	}{
		"gone":                       {says: "out", did: "remove out", state: model.OpReady, gone: true},
		"it still logs in":           {says: "in", did: "remove in", state: model.OpUncertain, message: "still logs in"},
		"no answer":                  {says: "silence", did: "remove silence", state: model.OpUncertain, message: "no route"},
		"the removal fails":          {fails: true, did: "remove", state: model.OpUncertain, message: "cut off"},
		"gone twice":                 {once: true, says: "out out", did: "out remove out", state: model.OpSucceeded},
		"it came back":               {once: true, says: "in out", did: "in remove out", state: model.OpReady, gone: true},
		"back and stays":             {once: true, says: "in in", did: "in remove in", state: model.OpUncertain, message: "still logs in"},
		"back and the removal fails": {once: true, fails: true, says: "in", did: "in remove", state: model.OpUncertain, message: "cut off"},
		"away when it is asked":      {once: true, says: "silence", did: "silence", state: model.OpUncertain, gone: true, message: "no route"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, id := removal(t)
			first := model.Time(0)
			g := &target{fails: c.fails, says: strings.Fields(c.says)}
			if c.once {
				must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"})
				stop := h.start((&target{says: []string{"out"}}).fake())
				h.await(id, "the first proof", func(o *model.Operation) bool { return o.Attempt == 1 && o.State == model.OpReady })
				stop()
				first = h.user().GoneAt
			}
			h.later(id)
			stop := h.start(g.fake())
			h.await(id, name, func(o *model.Operation) bool { return o.Lease == nil })
			stop()
			o, u := h.operation(id), h.user()
			if did := strings.Join(g.did, " "); did != c.did || o.State != c.state || !strings.Contains(o.Message, c.message) {
				t.Errorf("did %q, not %q; the operation is %s, not %s: %s", did, c.did, o.State, c.state, o.Message)
			}
			if removed := c.state == model.OpSucceeded; (u.State == model.DynamicRemoved) != removed || u.Secret.IsZero() != removed {
				t.Errorf("the user is %s, its secret gone: %t", u.State, u.Secret.IsZero())
			}
			if c.state != model.OpSucceeded && (u.GoneAt != 0) != c.gone {
				t.Errorf("a proof stands since %d", u.GoneAt)
			}
			if strings.HasPrefix(c.did, "in") && c.gone && u.GoneAt <= first {
				t.Error("a proof from before it came back still counts")
			}
		})
	}
}

// A removal that nobody can prove is not begun, and one whose end is unknown is made again when it settles.
func TestRemoveAgain(t *testing.T) {
	t.Parallel()
	h, id := removal(t)
	g := &target{says: []string{"silence", "out"}}
	must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"})
	stop := h.start(blind{g.fake()})
	h.await(id, "given back", in(model.OpReady))
	stop()
	if o := h.operation(id); len(g.did) > 0 || !strings.Contains(o.Message, "cannot prove") {
		t.Errorf("did %v: %s", g.did, o.Message)
	}
	for _, want := range []model.OperationState{model.OpUncertain, model.OpReady} {
		h.later(id)
		stop := h.start(g.fake())
		h.await(id, want.String(), in(want))
		stop()
	}
	if did := strings.Join(g.did, " "); did != "remove silence remove out" || h.user().GoneAt == 0 {
		t.Errorf("did %q: %+v", did, h.user())
	}
}

// lists is an executor that lists accounts.
type lists struct {
	executors.Executor
	names func() ([]string, bool, error)
}

func (l lists) Accounts(context.Context, executors.Session, string) ([]string, bool, error) {
	return l.names()
}

// TestSearchOrphans: a search reports what looks like the profile's and nobody owns, whatever else the target lists; removing
// that is proven by the target's list, since nobody knows its secret.
func TestSearchOrphans(t *testing.T) {
	t.Parallel()
	h, _ := removal(t)
	lost := "app_250101000000_deadbeef"
	ask := func(n int, names func() ([]string, bool, error)) model.OperationState {
		t.Helper()
		profile := h.user().Profile
		admin := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}
		r, err := command.Propose(t.Context(), h.Proposer, dynamic.SearchOrphans, admin, dynamic.SearchArgs{Profile: profile})
		if err != nil || len(r.Operations) != 1 {
			t.Fatalf("%+v %v", r, err)
		}
		must(h, operation.Grant, operation.GrantArgs{Operation: r.Operations[0], Node: "n1"})
		stop := h.start(lists{(&target{}).fake(), names})
		defer stop()
		h.await(r.Operations[0], "the search", func(o *model.Operation) bool { return o.State.Final() })
		v := h.m.View()
		defer v.Close()
		if got := state.OrphanCount(v); got != n {
			t.Errorf("%d orphans, not %d", got, n)
		}
		return h.operation(r.Operations[0]).State
	}
	if s := ask(0, func() ([]string, bool, error) {
		return nil, false, &executors.Failure{Class: executors.ClassNetwork, Msg: "no route"}
	}); s != model.OpDead {
		t.Errorf("a search that failed is %s", s)
	}
	if s := ask(1, func() ([]string, bool, error) {
		return []string{h.user().Username, lost, "app_by_hand", "root"}, false, nil
	}); s != model.OpSucceeded {
		t.Errorf("a search is %s", s)
	}
	admin := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}
	u, err := command.Propose(t.Context(), h.Proposer, dynamic.RemoveOrphan, admin, dynamic.OrphanArgs{Number: 1})
	if err != nil {
		t.Fatal(err)
	}
	v := h.m.View()
	o, ok := state.Operations.First(v, "open", string(u.User.ID))
	v.Close()
	if !ok {
		t.Fatal("nothing removes it")
	}
	g := &target{}
	there := []string{lost}
	for _, want := range []model.OperationState{model.OpUncertain, model.OpReady, model.OpSucceeded} {
		h.later(o.ID)
		stop := h.start(lists{g.fake(), func() ([]string, bool, error) { return there, false, nil }})
		h.await(o.ID, want.String(), in(want))
		stop()
		there = nil
	}
	ask(0, func() ([]string, bool, error) { return nil, false, nil })
	if did := strings.Join(g.did, " "); did != "remove remove remove" {
		t.Errorf("did %q", did)
	}
}
