package keyring_test

import (
	"errors"
	"slices"
	"testing"

	"cofre/fsm/model"
	"cofre/vault/barrier"
	"cofre/vault/keyring"
	"cofre/vault/secret"
)

type node struct {
	keyring.Member
	private secret.Value
}

func newNode(t *testing.T, id model.NodeID) node {
	t.Helper()
	private, public, err := keyring.NewHPKEKey()
	if err != nil {
		t.Fatal(err)
	}
	return node{keyring.Member{ID: id, Key: "SHA256:" + string(id), HPKE: public}, private}
}

func (n node) takes(t *testing.T, row model.Keyring, old, want secret.Value) {
	t.Helper()
	got, err := keyring.TakeRoot(row, old, n.Member, n.private)
	if err != nil || !got.Equal(want) {
		t.Errorf("%s does not take the root key of generation %d: %v", n.ID, row.Root, err)
	}
}

func (n node) refused(t *testing.T, what string, row model.Keyring, old secret.Value) {
	t.Helper()
	if got, err := keyring.TakeRoot(row, old, n.Member, n.private); !errors.Is(err, keyring.ErrWrongRoot) || got.Len() != 0 {
		t.Errorf("%s: %s took a root key: %v", what, n.ID, err)
	}
}

// Every member takes each new root key, also after it missed several rotations; who left takes none.
func TestTakeRoot(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	a, b, lost := newNode(t, "a"), newNode(t, "b"), newNode(t, "lost")
	first := rootOf(t, ring)
	a.takes(t, row, first, first)

	second, root2, err := ring.RotateRoot(row, []keyring.Member{a.Member, b.Member, lost.Member})
	if err != nil || len(second.Handover) != 3 || !second.HandedTo("lost") || second.HandedTo("stranger") {
		t.Fatalf("rotate: %d boxes, %v", len(second.Handover), err)
	}
	for _, n := range []node{a, b, lost} {
		n.takes(t, second, first, root2)
		n.takes(t, second, root2, root2)
	}
	next, err := keyring.Open(second, root2)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	third, root3, err := next.RotateRoot(second, []keyring.Member{a.Member, b.Member})
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(third.Handover, func(b model.RootBox) bool { return b.Node == "lost" }) {
		t.Error("who is no member any more is waited for")
	}
	a.takes(t, third, first, root3) // missed both
	b.takes(t, third, root2, root3) // missed one
	lost.refused(t, "after it was left out", third, first)
	lost.refused(t, "after it was left out", third, root2)

	// The lost node's root key does not help it with another node's box, nor does the other's HPKE key without a root key.
	thief := lost
	thief.Member = a.Member
	thief.refused(t, "with another node's name", third, root2)
	_, stranger := create(t)
	a.refused(t, "without the old root key", third, rootOf(t, stranger))
	// Boxes are bound to their place: another node's box does not count as one's own.
	moved := third
	moved.Handover = []model.RootBox{third.Handover[len(third.Handover)-1]}
	moved.Handover[0].Node = "a"
	a.refused(t, "a box that was made for another node", moved, root2)
	// When the first box is gone, a node that did not take it is cut off; one that did goes on.
	held := third
	held.Handover = held.Handover[2:]
	b.takes(t, held, root2, root3)
	b.refused(t, "a chain with a gap", held, first)
}

// After an eject nothing that the lost node knew opens anything new: not its root key, not its term, not the old keys.
func TestEject(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	lostRoot := rootOf(t, ring)
	for _, name := range []string{"token", "audit"} {
		if err := ring.AddKey(&row, name, []byte(name), secret.New([]byte("old-"+name)), 1); err != nil {
			t.Fatal(err)
		}
	}
	value := encrypt(t, ring, "value")
	next, root, err := ring.RotateRoot(row, nil)
	if err != nil {
		t.Fatal(err)
	}
	after, err := keyring.Open(next, root)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if next, err = after.RotateTerm(next, 2); err == nil {
		err = after.Update(next)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"token", "audit"} {
		if err := after.AddKey(&next, name, []byte("new"), secret.New([]byte("new-"+name)), 2); err != nil {
			t.Fatal(err)
		}
	}
	keyring.Retire(&next, "token", false)
	keyring.Retire(&next, "audit", true)
	keyring.Retire(&next, "none", true)
	if k, err := after.Key(next, "token"); err != nil || k.ID != 2 || !k.Private.Equal(secret.New([]byte("new-token"))) {
		t.Errorf("the new key: %+v, %v", k, err)
	}
	for _, name := range []string{"token", "audit"} {
		if _, err := after.KeyByID(next, name, 1); !model.Is(err, model.NotFound) {
			t.Errorf("the old %s key opens: %v", name, err)
		}
	}
	if len(next.Keys) != 3 || len(row.Keys) != 2 || row.Keys[1].Secret.IsZero() {
		t.Errorf("%d keys after, %d before", len(next.Keys), len(row.Keys))
	}
	for _, k := range next.Keys {
		if !k.Secret.IsZero() && k.Secret.Term != 2 {
			t.Errorf("key %s %d stands under term %d, which the lost node knows", k.Name, k.ID, k.Secret.Term)
		}
	}
	if err := after.RewrapKeys(&next); err != nil {
		t.Errorf("rewrap with retired keys: %v", err)
	}
	if _, err := keyring.Open(next, lostRoot); !errors.Is(err, keyring.ErrWrongRoot) {
		t.Errorf("the lost root key opens the ring: %v", err)
	}
	fresh := encrypt(t, after, "fresh")
	if err := opens(ring, fresh, "fresh"); !errors.Is(err, barrier.ErrUnknownTerm) {
		t.Errorf("the lost node's ring opens a new value: %v", err)
	}
	if err := opens(ring, value, "value"); err != nil { // the control: it did open what it had
		t.Errorf("the lost node's ring does not open the old value: %v", err)
	}
	moved, err := after.Barrier().Rewrap(place, value)
	if err != nil {
		t.Fatal(err)
	}
	if err := opens(ring, moved, "value"); !errors.Is(err, barrier.ErrUnknownTerm) {
		t.Errorf("the lost node's ring opens a value that was encrypted again: %v", err)
	}
	if err := opens(after, moved, "value"); err != nil {
		t.Error(err)
	}
}
