package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"cofre/vault/seal"
	"cofre/vault/secret"
)

func TestBox(t *testing.T) {
	t.Parallel()
	key := secret.New(bytes.Repeat([]byte{1}, seal.KeySize))
	plain := secret.New([]byte("a root key of some length"))
	box, err := seal.Box(key, "root", plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := seal.Unbox(key, "root", box); err != nil || !got.Equal(plain) {
		t.Errorf("unbox: %v", err)
	}
	other := secret.New(bytes.Repeat([]byte{2}, seal.KeySize))
	for name, f := range map[string]func() (secret.Value, error){
		"another key":   func() (secret.Value, error) { return seal.Unbox(other, "root", box) },
		"another label": func() (secret.Value, error) { return seal.Unbox(key, "term", box) },
		"cut":           func() (secret.Value, error) { return seal.Unbox(key, "root", box[:len(box)-1]) },
		"empty":         func() (secret.Value, error) { return seal.Unbox(key, "root", nil) },
	} {
		if v, err := f(); !errors.Is(err, seal.ErrWrongKey) || v.Len() > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, short := range []secret.Value{{}, secret.New(make([]byte, 16))} {
		if _, err := seal.Box(short, "root", plain); err == nil {
			t.Errorf("a key of %d bytes was taken", short.Len())
		}
	}
}
