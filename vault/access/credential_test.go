package access

import (
	"context"
	"slices"
	"testing"

	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// replica shows what one machine has applied, and after catching up what another one has.
type replica struct {
	*fsm.FSM
	ahead  *fsm.FSM
	caught bool
}

func (r *replica) View() *table.View {
	if r.caught {
		return r.ahead.View()
	}
	return r.FSM.View()
}

func (r *replica) fresh(context.Context) error {
	r.caught = true
	return nil
}

// TestDescribedAsRead reads a secret on the leader, right after the account got another name there, and describes it on a
// follower that has not heard of the name yet.
func TestDescribedAsRead(t *testing.T) {
	t.Parallel()
	_, log := fsmtest.Log(t, "../../fsm/testdata/custody.txt")
	r := &replica{FSM: fsmtest.Open(t), ahead: fsmtest.Open(t)}
	for _, l := range log {
		r.Apply(l)
		r.ahead.Apply(l)
	}
	v := r.FSM.View()
	at := state.SystemRow(v).At
	var c *model.Credential
	for c = range state.Credentials.All(v, "") {
		break
	}
	v.Close()
	p := fsmtest.NewProposer(r.ahead, "n1")
	p.Now = func() model.Time { return at }
	admin := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}
	name := "renamed"
	if _, err := command.Propose(t.Context(), p, credential.Put, admin, credential.PutArgs{ID: c.ID, Username: &name}); err != nil {
		t.Fatal(err)
	}
	read, err := command.Propose(t.Context(), p, credential.Checkout, admin, credential.CheckoutArgs{Credential: c.ID})
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{views: r, fresh: r.fresh}
	earlier := read
	earlier.Credential = c.Revision // before the new name
	if d, err := s.describeAsRead(t.Context(), c.ID, &earlier); err != nil || r.caught || d.Credential.Username != c.Username {
		t.Errorf("what is new enough is not waited for: %q, %v, caught up: %v", d.Credential.Username, err, r.caught)
	}
	if d, err := s.describeAsRead(t.Context(), c.ID, &read); err != nil || d.Credential.Username != name {
		t.Errorf("the secret stands beside the account %q (%v), want %q", d.Credential.Username, err, name)
	}
}

// TestCustodyThatEnded: who held a credential until now holds it no more, also before anybody took note of it.
func TestCustodyThatEnded(t *testing.T) {
	t.Parallel()
	m, _ := fsmtest.Log(t, "../../fsm/testdata/custody.txt")
	v := m.View()
	at := state.SystemRow(v).At
	var c *model.Credential
	for c = range state.Credentials.All(v, "") {
		break
	}
	v.Close()
	p := fsmtest.NewProposer(m, "n1")
	p.Now = func() model.Time { return at }
	admin := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}
	read, err := command.Propose(t.Context(), p, credential.Checkout, admin, credential.CheckoutArgs{Credential: c.ID})
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{views: m, fresh: func(context.Context) error { return nil }}
	for when, held := range map[model.Time]bool{read.Until - 1: true, read.Until: false} {
		all, err := s.Custodies(t.Context(), admin, when, c.Identifier)
		mine := slices.ContainsFunc(all, func(h HeldCustody) bool { return h.Custody.ID == read.Custody && h.Mine })
		if err != nil || mine != held {
			t.Errorf("%d ms before the end: listed %t (%v)", read.Until-when, mine, err)
		}
	}
}
