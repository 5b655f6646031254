package barrier_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"

	"cofre/fsm/model"
	"cofre/vault/barrier"
	"cofre/vault/secret"
)

var place = barrier.AAD{Table: "credential", Row: "4f1c", Field: "secret", Version: "9a02"}

func key() secret.Value {
	k := make([]byte, barrier.KeySize)
	_, _ = rand.Read(k)
	return secret.New(k)
}

func open(t testing.TB, active uint32, keys map[uint32]secret.Value) *barrier.Barrier {
	t.Helper()
	b := barrier.New()
	if err := b.Install(active, keys); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	b := open(t, 7, map[uint32]secret.Value{7: key()})
	for _, text := range []string{"", "x", "correct horse battery", strings.Repeat("k", 10_000)} {
		s, err := b.Encrypt(place, secret.New([]byte(text)))
		if err != nil || s.Term != 7 {
			t.Fatalf("encrypt: term %d, %v", s.Term, err)
		}
		if len(text) > 8 && bytes.Contains(s.Box, []byte(text)) {
			t.Error("the box shows its content")
		}
		again, err := b.Encrypt(place, secret.New([]byte(text)))
		if err != nil || bytes.Equal(again.Box, s.Box) {
			t.Error("the same value twice gives the same box")
		}
		got, err := b.Decrypt(place, s)
		if err != nil || !got.Equal(secret.New([]byte(text))) {
			t.Errorf("decrypt: %v", err)
		}
	}
}

func TestBoundToPlace(t *testing.T) {
	t.Parallel()
	k := key()
	b := open(t, 1, map[uint32]secret.Value{1: k, 2: k}) // the same key twice: only the AAD can tell terms apart
	s, err := b.Encrypt(place, secret.New([]byte("hunter2")))
	if err != nil {
		t.Fatal(err)
	}
	moved := func(change func(*barrier.AAD)) barrier.AAD { a := place; change(&a); return a }
	for name, a := range map[string]barrier.AAD{
		"table":   moved(func(a *barrier.AAD) { a.Table = "sshkey" }),
		"row":     moved(func(a *barrier.AAD) { a.Row = "4f1d" }),
		"field":   moved(func(a *barrier.AAD) { a.Field = "note" }),
		"version": moved(func(a *barrier.AAD) { a.Version = "" }),
		"shifted": moved(func(a *barrier.AAD) { a.Field, a.Version = a.Field+a.Version, "" }),
		"split":   moved(func(a *barrier.AAD) { a.Table, a.Row = "credentia", "l4f1c" }),
	} {
		if _, err := b.Decrypt(a, s); !errors.Is(err, barrier.ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Term = 2
	if _, err := b.Decrypt(place, s); !errors.Is(err, barrier.ErrTampered) {
		t.Errorf("term: %v", err)
	}
	s.Term = 1
	for i := range len(s.Box) * 8 {
		bad := model.Sealed{Term: 1, Box: bytes.Clone(s.Box)}
		bad.Box[i/8] ^= 1 << (i % 8)
		if _, err := b.Decrypt(place, bad); !errors.Is(err, barrier.ErrTampered) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
	for n := range len(s.Box) {
		if _, err := b.Decrypt(place, model.Sealed{Term: 1, Box: s.Box[:n]}); !errors.Is(err, barrier.ErrTampered) {
			t.Fatalf("cut to %d: %v", n, err)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	sealed := barrier.New()
	if _, err := sealed.Encrypt(place, secret.New([]byte("x"))); !errors.Is(err, barrier.ErrSealed) || model.KindOf(err) != model.VaultSealed {
		t.Errorf("sealed: %v", err)
	}
	if _, err := sealed.Decrypt(place, model.Sealed{Term: 1, Box: []byte{1}}); !errors.Is(err, barrier.ErrSealed) {
		t.Errorf("sealed: %v", err)
	}
	b := open(t, 1, map[uint32]secret.Value{1: key()})
	if _, err := b.Decrypt(place, model.Sealed{Term: 9, Box: []byte{1}}); !errors.Is(err, barrier.ErrUnknownTerm) {
		t.Errorf("unknown term: %v", err)
	}
	if _, err := b.Encrypt(barrier.AAD{Table: "t"}, secret.New([]byte("hunter2"))); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no place: %v", err)
	}
	if err := b.Install(2, map[uint32]secret.Value{1: key()}); err == nil {
		t.Error("an active term without key was installed")
	}
	if err := b.Install(1, map[uint32]secret.Value{1: secret.New([]byte("short"))}); err == nil {
		t.Error("a short key was installed")
	}
	b.Seal()
	if _, err := b.Encrypt(place, secret.New(nil)); !errors.Is(err, barrier.ErrSealed) || b.Active() != 0 {
		t.Errorf("sealed again: %v", err)
	}
}

func TestRewrap(t *testing.T) {
	t.Parallel()
	keys := map[uint32]secret.Value{1: key(), 2: key()}
	b := open(t, 1, keys)
	old, err := b.Encrypt(place, secret.New([]byte("v")))
	if err != nil {
		t.Fatal(err)
	}
	if same, err := b.Rewrap(place, old); err != nil || !bytes.Equal(same.Box, old.Box) {
		t.Errorf("rewrap in the active term: %v", err)
	}
	if err := b.Install(2, keys); err != nil {
		t.Fatal(err)
	}
	moved, err := b.Rewrap(place, old)
	if err != nil || moved.Term != 2 {
		t.Fatalf("rewrap: term %d, %v", moved.Term, err)
	}
	only := open(t, 2, map[uint32]secret.Value{2: keys[2]})
	if v, err := only.Decrypt(place, moved); err != nil || !v.Equal(secret.New([]byte("v"))) {
		t.Errorf("without the old term: %v", err)
	}
}

// Sealing, wiping and rotating while others encrypt: each call gives a right answer or ErrSealed, and nothing races
// with the wiping of a key.
func TestSealWhileWorking(t *testing.T) {
	t.Parallel()
	b := barrier.New()
	first, second := key(), key()
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
				s, err := b.Encrypt(place, secret.New([]byte("v")))
				if errors.Is(err, barrier.ErrSealed) {
					continue
				}
				v, err2 := b.Decrypt(place, s)
				if err != nil || err2 != nil && !errors.Is(err2, barrier.ErrSealed) || err2 == nil && !v.Equal(secret.New([]byte("v"))) {
					t.Errorf("encrypt %v, decrypt %v", err, err2)
					return
				}
			}
		})
	}
	for i := range 300 {
		lent := map[uint32]secret.Value{1: first.Clone(), 2: second.Clone()}
		if err := b.Install(uint32(1+i%2), lent); err != nil {
			t.Error(err)
		}
		_, _ = b.Encrypt(place, secret.New([]byte("v")))
		b.Seal()
		lent[1].Wipe()
		lent[2].Wipe()
	}
	close(stop)
	wg.Wait()
}

func FuzzDecrypt(f *testing.F) {
	b := open(f, 1, map[uint32]secret.Value{1: key()})
	f.Add(uint32(1), []byte{1, 2, 3})
	f.Add(uint32(2), make([]byte, 40))
	f.Fuzz(func(t *testing.T, term uint32, box []byte) {
		if _, err := b.Decrypt(place, model.Sealed{Term: term, Box: box}); err == nil {
			t.Error("a forged box opened")
		}
	})
}

func Benchmark(b *testing.B) {
	barrier := open(b, 1, map[uint32]secret.Value{1: key()})
	v := secret.New([]byte("twenty characters 20"))
	s, _ := barrier.Encrypt(place, v)
	b.Run("Encrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = barrier.Encrypt(place, v)
		}
	})
	b.Run("Decrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = barrier.Decrypt(place, s)
		}
	})
}
