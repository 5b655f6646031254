package keyring_test

import (
	"bytes"
	"testing"

	"cofre/vault/keyring"
	"cofre/vault/secret"
)

// TestKeysAreWiped: a ring that is closed, by itself or by its holder, and a term that was destroyed leave no byte of their keys in
// the memory that held them (RULES 6). The control: before, they are there.
func TestKeysAreWiped(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*keyring.Ring){
		"closed": (*keyring.Ring).Close,
		"sealed": func(r *keyring.Ring) {
			h := keyring.NewHolder()
			h.Install(r)
			h.Seal()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row, ring := create(t)
			var err error
			if row, err = ring.RotateTerm(row, 2000); err != nil {
				t.Fatal(err)
			}
			if err := ring.Update(row); err != nil {
				t.Fatal(err)
			}
			root := bytes.Clone(plain(t, rootOf(t, ring)))
			pages := ring.TakePages() // not given back: what was there can be looked at
			if n := used(pages); n < 3*len(root)-8 || !bytes.Contains(pages[0], root) {
				t.Fatalf("the control failed: %d bytes of keys before", n)
			}
			before := used(pages)
			row.Terms, row.Revision = row.Terms[1:], row.Revision+1
			if err := ring.Update(row); err != nil {
				t.Fatal(err)
			}
			if gone := before - used(pages); gone < len(root)-8 {
				t.Errorf("of the destroyed term %d bytes went", gone)
			}
			end(ring)
			if n := used(pages); n > 0 {
				t.Errorf("%d bytes of keys stay", n)
			}
		})
	}
}

// used counts the bytes that are not zero; of a key's some may be.
func used(pages [][]byte) (n int) {
	for _, p := range pages {
		n += len(p) - bytes.Count(p, []byte{0})
	}
	return n
}

func plain(t *testing.T, v secret.Value) (b []byte) {
	t.Helper()
	if err := v.Reveal(func(p []byte) error { b = p; return nil }); err != nil {
		t.Fatal(err)
	}
	return b
}
