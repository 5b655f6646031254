package keyring_test

import (
	"errors"
	"sync"
	"testing"

	"cofre/vault/keyring"
	"cofre/vault/seal"
	"cofre/vault/secret"
)

func TestHolder(t *testing.T) {
	t.Parallel()
	h := keyring.NewHolder()
	changed := h.Changed()
	if _, err := h.Current(); !errors.Is(err, keyring.ErrSealed) || !h.Sealed() {
		t.Errorf("a new holder: %v", err)
	}
	if _, err := h.Encrypt(place, secret.Value{}); !errors.Is(err, keyring.ErrSealed) {
		t.Errorf("encrypt: %v", err)
	}
	_, ring := create(t)
	h.Install(ring)
	<-changed
	changed = h.Changed()
	h.Install(ring) // the same again is no change and closes nothing
	select {
	case <-changed:
		t.Error("nothing changed")
	default:
	}
	s, err := h.Encrypt(place, secret.New([]byte("v")))
	if err != nil || h.Sealed() {
		t.Fatal(err)
	}
	if v, err := h.Decrypt(place, s); err != nil || !v.Equal(secret.New([]byte("v"))) {
		t.Errorf("decrypt: %v", err)
	}
	root := rootOf(t, ring)
	h.Seal()
	<-changed
	if !h.Sealed() || !errors.Is(ring.Locked(), keyring.ErrSealed) {
		t.Error("the ring is still open")
	}
	if _, err := h.Decrypt(place, s); !errors.Is(err, keyring.ErrSealed) {
		t.Errorf("decrypt: %v", err)
	}
	if root.Len() != seal.KeySize {
		t.Error("a clone of the root key was wiped with the ring")
	}
}

// Rings are exchanged, sealed and rotated while others work: nothing races, and replacing an open ring by another is
// never seen as sealed.
func TestHolderUnderLoad(t *testing.T) {
	t.Parallel()
	row, first := create(t)
	root := rootOf(t, first)
	h := keyring.NewHolder()
	h.Install(first)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := h.Encrypt(place, secret.New([]byte("v")))
				if err == nil {
					_, err = h.Decrypt(place, s)
				}
				if err != nil {
					t.Errorf("while rings were exchanged: %v", err)
					return
				}
				if r, err := h.Current(); err == nil {
					_ = r.WithRoot(func(secret.Value) error { return nil })
				}
			}
		})
	}
	for range 100 {
		r, err := keyring.Open(row, root)
		if err == nil {
			err = r.Update(row)
		}
		if err != nil {
			t.Error(err)
			break
		}
		h.Install(r)
	}
	close(stop)
	wg.Wait()
	h.Seal()
}
