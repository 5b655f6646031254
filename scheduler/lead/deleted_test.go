package lead_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/lead"
)

// beginning writes a part of a script into a file of the test: what stands before a mark.
func beginning(t *testing.T, script, mark string) string {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	part, _, found := strings.Cut(string(text), mark)
	if !found {
		t.Fatalf("%s has no %q any more", script, mark)
	}
	file := filepath.Join(t.TempDir(), filepath.Base(script))
	if err := os.WriteFile(file, []byte(part), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestADeletedApplicationGoesAfterTheSecondProof: nobody but the loop and a runner works on a deletion. The user is removed, proven gone,
// and proven once more ten minutes later; only then the application goes, with its name.
func TestADeletedApplicationGoesAfterTheSecondProof(t *testing.T) {
	t.Parallel()
	m, _ := fsmtest.Log(t, beginning(t, "../../fsm/testdata/delete.txt", "dynamic.remove\n"))
	p := fsmtest.NewProposer(m, "n1")
	var now atomic.Int64
	v := m.View()
	now.Store(int64(state.SystemRow(v).At))
	shop, there := state.Applications.First(v, "name", "shop")
	v.Close()
	if !there || !shop.Deleting {
		t.Fatalf("the script leaves no application that is being deleted: %+v", shop)
	}
	p.Now = func() model.Time { return model.Time(now.Load()) }
	if _, err := command.Propose(t.Context(), p, node.Announce, model.Actor{Kind: model.ActorSystem}, node.AnnounceArgs{
		Announced: model.Announcement{Slots: 2, Executors: []model.ExecutorName{"ssh"}, Version: "test", Level: 1}}); err != nil {
		t.Fatal(err)
	}
	var proofs []model.Time
	removal := func() (o model.Operation, found, there bool) {
		v := m.View()
		defer v.Close()
		for one := range state.Operations.All(v, "") {
			if one.Kind == model.Deprovision {
				o, found = *one, true
			}
		}
		return o, found, state.Applications.Has(v, string(shop.ID))
	}
	runWith(t, m, lead.Config{Proposer: p, View: m.View, Changed: m.Changed, Alive: func(model.NodeID) bool { return true }, Now: p.Now}, 30*time.Second, func() bool {
		o, found, there := removal()
		switch {
		case !there:
			return true
		case !found:
		case o.State == model.OpLeased: // as a runner does, that finds the user the first time
			runner := model.Actor{Kind: model.ActorSystem, Name: "runner"}
			if _, err := command.Propose(t.Context(), p, operation.Begin, runner, operation.BeginArgs{Operation: o.ID, Token: o.Lease.Token}); err != nil {
				t.Error(err)
			}
			proofs = append(proofs, p.Now())
			if _, err := command.Propose(t.Context(), p, operation.Finish, runner, operation.FinishArgs{Operation: o.ID, Token: o.Lease.Token, Outcome: model.OutcomeApplied, Found: len(proofs) == 1}); err != nil {
				t.Error(err)
			}
		case o.State == model.OpReady && len(proofs) == 1 && p.Now() < o.NotBefore:
			now.Store(int64(o.NotBefore))
		}
		return false
	})
	if len(proofs) != 2 || proofs[1].Sub(proofs[0]) < model.GoneApart {
		t.Errorf("proven gone at %v", proofs)
	}
	v = m.View()
	defer v.Close()
	if _, there := state.Applications.First(v, "name", "shop"); there {
		t.Error("the application is still there")
	}
	for u := range state.DynamicUsers.All(v, "") {
		if u.For == shop.ID && (u.State != model.DynamicRemoved || !u.Secret.IsZero()) {
			t.Errorf("user %d is %s", u.Number, u.State)
		}
	}
	if n := table.Audit.Count(v, "kind", "dynamic.removed", "dynamic.removed\x01", 9); n != 1 {
		t.Errorf("%d users were told to be removed", n)
	}
}
