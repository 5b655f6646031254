package keyring_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/vault/barrier"
	"cofre/vault/keyring"
	"cofre/vault/seal"
	"cofre/vault/secret"
)

// TestRowsAreNotMixed: whoever can write to the state may put ciphertext of a row, or of an older one, in another place of it. It is refused
// there: a new key term, a new key or a new root key would else be one that he knows.
func TestRowsAreNotMixed(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	root := rootOf(t, ring)
	for _, name := range []string{"token", "token"} {
		if err := ring.AddKey(&row, name, []byte("same"), secret.New([]byte("private")), 1); err != nil {
			t.Fatal(err)
		}
	}
	rotated, err := ring.RotateTerm(row, 2)
	if err != nil {
		t.Fatal(err)
	}
	swapped := rotated
	swapped.Terms = []model.KeyTerm{rotated.Terms[0], rotated.Terms[1]}
	swapped.Terms[1].Box = rotated.Terms[0].Box
	if _, err := keyring.Open(swapped, root); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("the old key term stands for the new one: %v", err)
	}
	older := row
	older.Keys = []model.NamedKey{row.Keys[0]}
	older.Keys[0].ID = 3
	if _, err := ring.Key(older, "token"); !errors.Is(err, barrier.ErrTampered) {
		t.Errorf("an old key stands for the newest: %v", err)
	}
	foreign := row
	foreign.Cluster = "another"
	if err := ring.Update(foreign); !errors.Is(err, keyring.ErrWrongRoot) {
		t.Errorf("a row of another cluster: %v", err)
	}

	// A root key that its box opens to, and that is not the row's.
	key, other := secret.New(make([]byte, seal.KeySize)), func() model.Keyring {
		row, ring, err := keyring.Create(cluster, false, 1000)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(ring.Close)
		if row, err = ring.SetRecovery(row, secret.New(make([]byte, seal.KeySize))); err == nil {
			row, err = ring.SetShamir(row, secret.New(make([]byte, seal.KeySize)), 3, 2)
		}
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	a, b := other(), other()
	for name, open := range map[string]func(model.Keyring, secret.Value) (secret.Value, error){"recovery": keyring.OpenRecovery, "shares": keyring.OpenShamir} {
		if _, err := open(a, key); err != nil {
			t.Fatalf("the control of %s: %v", name, err)
		}
		mixed := a
		mixed.Recovery, mixed.Shamir = b.Recovery, b.Shamir
		if got, err := open(mixed, key); !errors.Is(err, keyring.ErrWrongRoot) || got.Len() != 0 {
			t.Errorf("%s open to the root key of another row: %v", name, err)
		}
	}
}

// TestHandoverIsBound: the box with the next root key says for whom it is, and which key follows which.
func TestHandoverIsBound(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	root, a := rootOf(t, ring), newNode(t, "a")
	next, fresh, err := ring.RotateRoot(row, []keyring.Member{a.Member})
	if err != nil {
		t.Fatal(err)
	}
	a.takes(t, next, root, fresh)
	for name, change := range map[string]func(*node, *model.RootBox){
		"another name":          func(n *node, b *model.RootBox) { n.ID, b.Node = "b", "b" },
		"another pinned key":    func(n *node, _ *model.RootBox) { n.Key = "SHA256:b" },
		"from another key":      func(_ *node, b *model.RootBox) { b.From++ },
		"to another key":        func(_ *node, b *model.RootBox) { b.To++ },
		"nothing was exchanged": nil,
	} {
		n, moved := a, next
		moved.Handover = []model.RootBox{next.Handover[0]}
		if change == nil {
			n.takes(t, moved, root, fresh) // the control
			continue
		}
		change(&n, &moved.Handover[0])
		n.refused(t, name, moved, root)
	}
}

// TestRowsStayTheirOwners: what makes a new row leaves that which it was given alone: it is somebody's state.
func TestRowsStayTheirOwners(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	row.Keys = make([]model.NamedKey, 0, 4)
	one, two := row, row
	for name, r := range map[string]*model.Keyring{"one": &one, "two": &two} {
		if err := ring.AddKey(r, name, nil, secret.New([]byte(name)), 1); err != nil {
			t.Fatal(err)
		}
	}
	if one.Key("one") == nil || two.Key("two") == nil {
		t.Error("two rows that were made of one share their keys")
	}
	box := bytes.Clone(row.Terms[0].Box)
	if _, _, err := ring.RotateRoot(row, nil); err != nil || !bytes.Equal(row.Terms[0].Box, box) || row.Terms[0].Root != 1 {
		t.Errorf("the row before has terms of the root key after: %v", err)
	}
}

// TestKeysAreLocked: the pages of keys are such as the kernel may not swap out, or the ring says why not.
func TestKeysAreLocked(t *testing.T) {
	t.Parallel()
	_, ring := create(t)
	if err := ring.Locked(); err != nil {
		t.Skipf("this machine locks none: %v", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmLck:")
	if locked := strings.Fields(rest); len(locked) == 0 || locked[0] == "0" {
		t.Errorf("no page of this process is locked: %v", locked)
	}
}
