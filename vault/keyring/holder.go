package keyring

import (
	"errors"
	"sync"

	"cofre/fsm/model"
	"cofre/vault/barrier"
	"cofre/vault/secret"
)

// Holder is the place of the open ring in a process: made sealed, opened and sealed again at run time. It may be used
// by many goroutines.
type Holder struct {
	mu      sync.Mutex // guards the fields
	ring    *Ring
	changed chan struct{} // closed at the next change
}

// NewHolder makes a sealed holder.
func NewHolder() *Holder { return &Holder{changed: make(chan struct{})} }

// Current gives the open ring, or ErrSealed. A caller asks each time and keeps no ring: the next one may be another.
func (h *Holder) Current() (*Ring, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ring == nil {
		return nil, ErrSealed
	}
	return h.ring, nil
}

// Install opens the vault with r, which the holder owns from now on. A ring before it is closed.
func (h *Holder) Install(r *Ring) { h.replace(r) }

// Seal closes the ring and wipes its keys. When it returns no call uses them any more.
func (h *Holder) Seal() { h.replace(nil) }

// Sealed tells whether there is no open ring.
func (h *Holder) Sealed() bool { _, err := h.Current(); return err != nil }

// Changed is closed at the next Install or Seal. Ask for it first and look at the state after: no change is missed.
func (h *Holder) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// Encrypt is barrier.Encrypt of the open ring, or ErrSealed.
func (h *Holder) Encrypt(aad barrier.AAD, v secret.Value) (s model.Sealed, err error) {
	err = h.use(func(b *barrier.Barrier) error { s, err = b.Encrypt(aad, v); return err })
	return s, err
}

// Decrypt is barrier.Decrypt of the open ring, or ErrSealed.
func (h *Holder) Decrypt(aad barrier.AAD, s model.Sealed) (v secret.Value, err error) {
	err = h.use(func(b *barrier.Barrier) error { v, err = b.Decrypt(aad, s); return err })
	return v, err
}

// use tries again when the ring was replaced under its hands: to the caller the vault was open all the time.
func (h *Holder) use(f func(*barrier.Barrier) error) error {
	var last *Ring
	for {
		r, err := h.Current()
		if err != nil || r == last {
			return ErrSealed
		}
		if err = f(r.barrier); !errors.Is(err, ErrSealed) {
			return err
		}
		last = r
	}
}

func (h *Holder) replace(r *Ring) {
	h.mu.Lock()
	old := h.ring
	if old == r {
		h.mu.Unlock()
		return
	}
	h.ring = r
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
	if old != nil {
		old.Close()
	}
}
