package daemon

import (
	"io"
	"os"
	"path/filepath"
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
	"cofre/vault/seal/keyfile"
	"cofre/vault/seal/shamir"
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

// TestFormerSealKeepsNothing: a node that is opened by shares from now on keeps no root key that its former seal opens. Where the cluster
// has no shares it stays: what was configured by mistake must not be the loss of the key.
func TestFormerSealKeepsNothing(t *testing.T) {
	t.Parallel()
	first, ring, err := keyring.Create("c1", false, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	key, _, err := shamir.Generate(shamir.Unseal, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := ring.SetShamir(first, key, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		row  model.Keyring
		seal string
		kept bool
	}{"shares": {shared, shamir.Name, false}, "shares, another seal": {shared, keyfile.Name, true}, "no shares": {first, shamir.Name, true}} {
		dir := t.TempDir()
		cfg := config.Config{DataDir: filepath.Join(dir, "data"), KeyDir: filepath.Join(dir, "keys"), Seal: keyfile.Name}
		if err := os.Mkdir(cfg.DataDir, 0o700); err != nil {
			t.Fatal(err)
		}
		log := logrus.New()
		log.SetOutput(io.Discard)
		keep := func() {
			t.Helper()
			o := newOpener(&member{config: cfg, log: log, fsm: fsmtest.Open(t), keys: keyring.NewHolder(), self: peer.NewHolder(&peer.Identity{Node: "n1"})})
			if err := ring.WithRoot(func(root secret.Value) error { return o.keep(t.Context(), c.row, root) }); err != nil {
				t.Fatal(err)
			}
		}
		keep()
		cfg.Seal = c.seal
		for range 2 {
			keep()
		}
		root, err := unwrapRoot(t.Context(), cfg)
		root.Wipe()
		if kept := err == nil; kept != c.kept {
			t.Errorf("%s: what the former seal kept opens: %t (%v)", name, kept, err)
		}
	}
}
