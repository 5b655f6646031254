package daemon

import (
	"io"
	"testing"

	"github.com/sirupsen/logrus"

	"cofre/cluster/peer"
	"cofre/cmd/cofre/config"
	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/vault/keyring"
	"cofre/vault/secret"
)

// TestOrderToSealIsFollowedOnce: a node closes its vault on an order, a person opens it, and the process starts anew before the node
// could tell the cluster that it has followed. It stays open, and tells. Another order closes it.
func TestOrderToSealIsFollowedOnce(t *testing.T) {
	t.Parallel()
	row, ring, err := keyring.Create("c1", false, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	f := fsmtest.Open(t)
	p := fsmtest.NewProposer(f, "n1")
	operator := model.Actor{Kind: model.ActorOperator, Name: "ann"}
	order := func() {
		t.Helper()
		if _, err := command.Propose(t.Context(), p, node.SealAll, operator, node.Done{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := command.Propose(t.Context(), p, fsmkeyring.Create, operator, fsmkeyring.CreateArgs{Keyring: row, Node: model.Node{ID: "n1"}, Leases: model.DefaultLeases, Level: 1}); err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	dir := t.TempDir()
	start := func() *opener {
		m := &member{config: config.Config{DataDir: dir, Seal: "shamir"}, log: log, fsm: f, keys: keyring.NewHolder(), self: peer.NewHolder(&peer.Identity{Node: "n1"})}
		return newOpener(m)
	}
	open := func(o *opener) { // as with shares
		t.Helper()
		if err := ring.WithRoot(func(root secret.Value) error { return o.install(row, root) }); err != nil {
			t.Fatal(err)
		}
		if err := o.letGo(); err != nil {
			t.Fatal(err)
		}
	}
	follow := func(o *opener, sealed, owes bool) {
		t.Helper()
		if err := o.follow(t.Context()); err != nil {
			t.Fatal(err)
		}
		if o.m.keys.Sealed() != sealed || o.owes() != owes {
			t.Errorf("sealed %t, owes an answer %t; want %t, %t", o.m.keys.Sealed(), o.owes(), sealed, owes)
		}
	}
	o := start()
	open(o)
	follow(o, false, false)
	order()
	follow(o, true, true)
	o = start()
	if !o.held() {
		t.Error("after a start nothing keeps it closed")
	}
	open(o)
	follow(o, false, true)
	order()
	follow(o, true, true)
}
