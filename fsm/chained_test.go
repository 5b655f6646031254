package fsm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cofre/fsm"
	"cofre/fsm/chain"
	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// until opens the state that the script of chains has come to before a line of it.
func until(t *testing.T, line string, now model.Time) (*fsm.FSM, *fsmtest.Proposer) {
	t.Helper()
	all, err := os.ReadFile("testdata/exchange.txt")
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(all), line)
	if !ok {
		t.Fatalf("the script has no line %q", line)
	}
	file := filepath.Join(t.TempDir(), "head.txt")
	if err := os.WriteFile(file, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	m, _ := fsmtest.Log(t, file)
	p := fsmtest.NewProposer(m, "n1")
	p.Now = func() model.Time { return now }
	return m, p
}

var scheduler = model.Actor{Kind: model.ActorSystem, Name: "test"}

// TestDefer: an automatic run waits eight days at most, and never for a moment that is over.
func TestDefer(t *testing.T) {
	t.Parallel()
	m, p := until(t, "# Now it runs by itself", 0)
	v := m.View()
	c, ok := state.Chains.First(v, "name", "web")
	v.Close()
	if !ok || c.NextAt == 0 {
		t.Fatalf("no automatic run is due: %v", c)
	}
	p.Now = func() model.Time { return c.NextAt }
	most := c.NextAt + model.Time(8*model.Day)
	for _, until := range []model.Time{c.NextAt, most + 1} {
		if _, err := command.Propose(t.Context(), p, chain.Defer, scheduler, chain.DeferArgs{Chain: c.ID, Until: until}); err == nil {
			t.Errorf("waits until %s", until)
		}
	}
	if _, err := command.Propose(t.Context(), p, chain.Defer, scheduler, chain.DeferArgs{Chain: c.ID, Until: most}); err != nil {
		t.Error(err)
	}
}

// TestShareWhileChanging: a run has a common password while it changes its members, and no time before.
func TestShareWhileChanging(t *testing.T) {
	t.Parallel()
	m, p := until(t, "operation.grant capture=t6:token", fsmtest.Start)
	v := m.View()
	defer v.Close()
	n := 0
	for o := range state.Operations.All(v, "") {
		if o.Run == "" || o.State.Final() {
			continue
		}
		g, err := command.Propose(t.Context(), p, operation.Grant, scheduler, operation.GrantArgs{Operation: o.ID, Node: "n1", Slot: 6 + n})
		if err != nil {
			t.Fatal(err)
		}
		n++
		if _, err := command.Propose(t.Context(), p, operation.Share, scheduler, operation.ShareArgs{Operation: o.ID, Token: g.Token, Row: "early", Secret: model.Sealed{Term: 1, Box: []byte("x")}}); err == nil || !strings.Contains(err.Error(), "none of a run that changes") {
			t.Errorf("shared while targets are reached: %v", err)
		}
	}
	if n == 0 {
		t.Error("no operation of a run is open")
	}
}
