package keyring_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/vault/barrier"
	"cofre/vault/keyring"
	"cofre/vault/seal"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

const cluster model.ClusterID = "0123456789abcdef0123456789abcdef"

var place = barrier.AAD{Table: "credential", Row: "r", Field: "secret", Version: "v"}

func create(t *testing.T) (model.Keyring, *keyring.Ring) {
	t.Helper()
	row, ring, err := keyring.Create(cluster, false, 1000)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ring.Close)
	return row, ring
}

// rootOf copies the root key, as a test needs it and nobody else.
func rootOf(t *testing.T, r *keyring.Ring) (root secret.Value) {
	t.Helper()
	if err := r.WithRoot(func(v secret.Value) error { root = v.Clone(); return nil }); err != nil {
		t.Fatal(err)
	}
	return root
}

func encrypt(t *testing.T, r *keyring.Ring, text string) model.Sealed {
	t.Helper()
	s, err := r.Barrier().Encrypt(place, secret.New([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func opens(r *keyring.Ring, s model.Sealed, text string) error {
	v, err := r.Barrier().Decrypt(place, s)
	if err == nil && !v.Equal(secret.New([]byte(text))) {
		err = errors.New("another value came out")
	}
	return err
}

func TestCreateOpen(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	if row.Cluster != cluster || row.Root != 1 || row.Active != 1 || len(row.Terms) != 1 || row.Terms[0].At != 1000 {
		t.Errorf("row %+v", row)
	}
	root := rootOf(t, ring)
	_ = root.Reveal(func(b []byte) error {
		if strings.Contains(fmt.Sprintf("%+v", row), fmt.Sprint(b)[1:20]) {
			t.Error("the row holds the root key")
		}
		return nil
	})
	s := encrypt(t, ring, "value")
	again, err := keyring.Open(row, root)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := opens(again, s, "value"); err != nil {
		t.Errorf("the opened ring: %v", err)
	}
	if err := again.Locked(); err != nil {
		t.Logf("memory is not locked here: %v", err)
	}
}

func TestWrongRoot(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	_, stranger := create(t)
	change := func(f func(*model.Keyring)) model.Keyring { r := row; f(&r); return r }
	for name, c := range map[string]struct {
		row  model.Keyring
		root secret.Value
	}{
		"another root":       {row, rootOf(t, stranger)},
		"no root":            {row, secret.Value{}},
		"another cluster":    {change(func(r *model.Keyring) { r.Cluster = "other" }), rootOf(t, ring)},
		"another generation": {change(func(r *model.Keyring) { r.Root = 2 }), rootOf(t, ring)},
		"turned into dev":    {change(func(r *model.Keyring) { r.Dev = true }), rootOf(t, ring)},
		"no check":           {change(func(r *model.Keyring) { r.Check = nil }), rootOf(t, ring)},
	} {
		if _, err := keyring.Open(c.row, c.root); !errors.Is(err, keyring.ErrWrongRoot) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := change(func(r *model.Keyring) {
		r.Terms = []model.KeyTerm{{N: 1, Root: 1, Box: bytes.Repeat([]byte{1}, 60)}}
	})
	if _, err := keyring.Open(bad, rootOf(t, ring)); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("a damaged term: %v", err)
	}
}

func TestRotateTerm(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	old := encrypt(t, ring, "old")
	next, err := ring.RotateTerm(row, 2000)
	if err != nil || next.Active != 2 || len(next.Terms) != 2 || len(row.Terms) != 1 {
		t.Fatalf("rotate: %+v, %v", next, err)
	}
	if encrypt(t, ring, "x").Term != 1 {
		t.Error("the ring uses a term that is not committed")
	}
	next.Revision = 1
	if err := ring.Update(next); err != nil {
		t.Fatal(err)
	}
	fresh := encrypt(t, ring, "new")
	if fresh.Term != 2 {
		t.Errorf("new values go under term %d", fresh.Term)
	}
	if err := ring.Update(row); err != nil { // a late, older row
		t.Fatal(err)
	}
	for s, text := range map[*model.Sealed]string{&old: "old", &fresh: "new"} {
		if err := opens(ring, *s, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	// Destroying the old term erases its values.
	next.Terms, next.Revision = next.Terms[1:], 2
	if err := ring.Update(next); err != nil {
		t.Fatal(err)
	}
	if err := opens(ring, old, "old"); !errors.Is(err, barrier.ErrUnknownTerm) {
		t.Errorf("a value of a destroyed term: %v", err)
	}
	if err := opens(ring, fresh, "new"); err != nil {
		t.Error(err)
	}
}

func TestRotateRoot(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	row, err := ring.RotateTerm(row, 2)
	if err == nil {
		err = ring.Update(row)
	}
	recoveryKey, recoveryShares, err2 := shamir.Generate(shamir.Recovery, 5, 3)
	unsealKey, _, err3 := shamir.Generate(shamir.Unseal, 5, 3)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	if row, err = ring.SetRecovery(row, recoveryKey); err != nil {
		t.Fatal(err)
	}
	if row, err = ring.SetShamir(row, unsealKey, 5, 3); err != nil {
		t.Fatal(err)
	}
	value := encrypt(t, ring, "value")
	old := rootOf(t, ring)
	next, root, err := ring.RotateRoot(row, nil)
	if err != nil || next.Root != 2 || root.Equal(old) {
		t.Fatalf("rotate: generation %d, %v", next.Root, err)
	}
	if _, err := keyring.Open(next, old); !errors.Is(err, keyring.ErrWrongRoot) {
		t.Errorf("the old root key opens the new row: %v", err)
	}
	if _, err := keyring.Open(row, root); !errors.Is(err, keyring.ErrWrongRoot) {
		t.Errorf("the new root key opens the old row: %v", err)
	}
	if err := ring.Update(next); !errors.Is(err, keyring.ErrRootChanged) {
		t.Errorf("update over a root change: %v", err)
	}
	// The same shares open both rows, each with its own root key.
	c := shamir.NewCollector(shamir.Recovery)
	for _, s := range recoveryShares[1:4] {
		if _, err := c.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	combined, err := c.Key()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		row  model.Keyring
		root secret.Value
	}{{row, old}, {next, root}} {
		if got, err := keyring.OpenRecovery(w.row, combined); err != nil || !got.Equal(w.root) {
			t.Errorf("recovery, generation %d: %v", w.row.Root, err)
		}
		if got, err := keyring.OpenShamir(w.row, unsealKey); err != nil || !got.Equal(w.root) {
			t.Errorf("shares, generation %d: %v", w.row.Root, err)
		}
	}
	again, err := keyring.Open(next, root)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := opens(again, value, "value"); err != nil || again.Generation() != 2 {
		t.Errorf("after the rotation: %v", err)
	}
	// A second rotation starts from the rotated row.
	if third, root3, err := again.RotateRoot(next, nil); err != nil {
		t.Error(err)
	} else if got, err := keyring.OpenRecovery(third, combined); err != nil || !got.Equal(root3) {
		t.Errorf("recovery after two rotations: %v", err)
	}
}

func TestRecoveryAndSharesAreRefused(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	key, _, err := shamir.Generate(shamir.Recovery, 5, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.OpenRecovery(row, key); err == nil {
		t.Error("a cluster without recovery key was recovered")
	}
	if _, err := keyring.OpenShamir(row, key); err == nil {
		t.Error("a cluster without shares was opened by shares")
	}
	if _, err := ring.SetRecovery(row, secret.New([]byte("short"))); err == nil {
		t.Error("a short recovery key was taken")
	}
	full, err := ring.SetRecovery(row, key)
	if err == nil {
		full, err = ring.SetShamir(full, key, 5, 3)
	}
	if err != nil {
		t.Fatal(err)
	}
	other, _, _ := shamir.Generate(shamir.Recovery, 5, 3)
	if _, err := keyring.OpenRecovery(full, other); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("another recovery key: %v", err)
	}
	if _, err := keyring.OpenShamir(full, other); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("other shares: %v", err)
	}
	// A changed box does not open, and a changed public half gets no new root key.
	for i := range full.Recovery {
		if i%50 != 0 {
			continue
		}
		bad := full
		bad.Recovery = bytes.Clone(full.Recovery)
		bad.Recovery[i] ^= 1
		_, err := keyring.OpenRecovery(bad, key)
		_, _, err2 := ring.RotateRoot(bad, nil)
		if recovers, rotates := i < 1216+60, i >= 1216+60; (err == nil) != recovers || (err2 == nil) != rotates {
			t.Fatalf("byte %d: recover %v, rotate %v", i, err, err2)
		}
	}
}

func TestNamedKeys(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	for i := range 3 {
		if err := ring.AddKey(&row, "token", []byte{byte(i)}, secret.New(fmt.Appendf(nil, "private-%d", i)), model.Time(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ring.AddKey(&row, "audit", nil, secret.New([]byte("a")), 9); err != nil {
		t.Fatal(err)
	}
	k, err := ring.Key(row, "token")
	if err != nil || k.ID != 3 || k.Public[0] != 2 || !k.Private.Equal(secret.New([]byte("private-2"))) {
		t.Errorf("newest: %+v, %v", k, err)
	}
	if k, err := ring.KeyByID(row, "token", 1); err != nil || !k.Private.Equal(secret.New([]byte("private-0"))) {
		t.Errorf("by id: %v", err)
	}
	_, err = ring.Key(row, "none")
	_, err2 := ring.KeyByID(row, "token", 9)
	if !model.Is(err, model.NotFound) || !model.Is(err2, model.NotFound) {
		t.Errorf("missing: %v, %v", err, err2)
	}
	swapped := row
	swapped.Keys = append([]model.NamedKey(nil), row.Keys...)
	swapped.Keys[2].Public = []byte("attacker")
	if _, err := ring.Key(swapped, "token"); !errors.Is(err, barrier.ErrTampered) {
		t.Errorf("an exchanged public key: %v", err)
	}
	swapped.Keys[3].Name, swapped.Keys[3].ID = "other", row.Keys[3].ID
	if _, err := ring.Key(swapped, "other"); !errors.Is(err, barrier.ErrTampered) {
		t.Errorf("a key under another name: %v", err)
	}
	next, err := ring.RotateTerm(row, 10)
	if err == nil {
		err = ring.Update(next)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range next.Keys {
		if k.Secret.Term != 2 || row.Keys[i].Secret.Term != 1 {
			t.Errorf("key %d: term %d, before %d", i, k.Secret.Term, row.Keys[i].Secret.Term)
		}
	}
	if k, err := ring.Key(next, "audit"); err != nil || !k.Private.Equal(secret.New([]byte("a"))) {
		t.Errorf("rewrapped: %v", err)
	}
}

func TestWrapKey(t *testing.T) {
	t.Parallel()
	_, ring := create(t)
	root := rootOf(t, ring)
	private, public, err := keyring.NewHPKEKey()
	if err != nil {
		t.Fatal(err)
	}
	info := []byte("cluster, node, key, token")
	box, err := keyring.WrapKey(root, public, info)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := keyring.UnwrapKey(private, box, info); err != nil || !got.Equal(root) {
		t.Errorf("unwrap: %v", err)
	}
	other, _, _ := keyring.NewHPKEKey()
	for name, f := range map[string]func() (secret.Value, error){
		"another node": func() (secret.Value, error) { return keyring.UnwrapKey(other, box, info) },
		"other info":   func() (secret.Value, error) { return keyring.UnwrapKey(private, box, []byte("x")) },
		"cut":          func() (secret.Value, error) { return keyring.UnwrapKey(private, box[:40], info) },
		"empty":        func() (secret.Value, error) { return keyring.UnwrapKey(private, nil, info) },
		"no key":       func() (secret.Value, error) { return keyring.UnwrapKey(secret.Value{}, box, info) },
	} {
		if _, err := f(); !errors.Is(err, seal.ErrWrongKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keyring.WrapKey(root, []byte("short"), info); err == nil {
		t.Error("a malformed public key was taken")
	}
	if _, err := keyring.WrapKey(secret.Value{}, public, info); err == nil {
		t.Error("an empty root key was wrapped")
	}
}

func TestClosedRing(t *testing.T) {
	t.Parallel()
	row, ring := create(t)
	s := encrypt(t, ring, "v")
	ring.Close()
	ring.Close()
	_, err1 := ring.RotateTerm(row, 1)
	_, _, err2 := ring.RotateRoot(row, nil)
	_, err3 := ring.SetRecovery(row, secret.Value{})
	_, err4 := ring.SetShamir(row, secret.Value{}, 5, 3)
	for i, err := range []error{opens(ring, s, "v"), ring.Update(row), ring.WithRoot(func(secret.Value) error { return nil }),
		ring.Locked(), ring.AddKey(&row, "k", nil, secret.Value{}, 1), err1, err2, err3, err4} {
		if !errors.Is(err, keyring.ErrSealed) {
			t.Errorf("call %d: %v", i, err)
		}
	}
}
