// Package sealtest is the conformance kit of seals: what every seal must do, whatever keeps its key.
// Only tests may import it.
package sealtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"cofre/vault/seal"
	"cofre/vault/secret"
)

// Fixture is one seal with a key of its own, what opens it, and what must not.
type Fixture struct {
	Seal  seal.Seal
	Input seal.Input
	Wrong []seal.Input
}

// Exercise runs the kit. Each call of fresh makes a seal with another key.
func Exercise(t *testing.T, fresh func(t *testing.T) Fixture) {
	t.Helper()
	f, ctx := fresh(t), t.Context()
	plain := make([]byte, seal.KeySize)
	_, _ = rand.Read(plain)
	root := secret.New(bytes.Clone(plain))
	blob, err := f.Seal.Wrap(ctx, root)
	if err != nil {
		t.Fatalf("wrap: %v", err)
	}
	refuse := func(what string, s seal.Seal, b seal.Blob, in seal.Input) {
		t.Helper()
		v, err := s.Unwrap(ctx, b, in)
		if err == nil || v.Len() > 0 {
			t.Errorf("%s opened the seal", what)
			return
		}
		leak(t, what, err, in)
	}

	if f.Seal.Name() == "" || blob.Seal != f.Seal.Name() {
		t.Errorf("seal %q made a blob of %q", f.Seal.Name(), blob.Seal)
	}
	if bytes.Contains(blob.Data, plain[:8]) {
		t.Error("the blob shows the root key")
	}
	if !root.Equal(secret.New(bytes.Clone(plain))) {
		t.Error("wrap changed or wiped the root key, which is not its own")
	}
	for range 2 { // opening twice: inputs and blobs are not used up
		got, err := f.Seal.Unwrap(ctx, blob, f.Input)
		if err != nil || !got.Equal(root) {
			t.Fatalf("unwrap: %v", err)
		}
		got.Wipe()
	}
	if again, err := f.Seal.Wrap(ctx, root); err != nil || bytes.Equal(again.Data, blob.Data) {
		t.Errorf("wrapping twice gives the same blob (%v)", err)
	}
	for i := range blob.Data {
		bad := seal.Blob{Seal: blob.Seal, Data: bytes.Clone(blob.Data)}
		bad.Data[i] ^= 1
		refuse("a changed blob", f.Seal, bad, f.Input)
	}
	refuse("a cut blob", f.Seal, seal.Blob{Seal: blob.Seal, Data: blob.Data[:len(blob.Data)-1]}, f.Input)
	refuse("an empty blob", f.Seal, seal.Blob{Seal: blob.Seal}, f.Input)
	refuse("another seal's blob", f.Seal, seal.Blob{Seal: "other", Data: blob.Data}, f.Input)
	other := fresh(t)
	refuse("another key", other.Seal, blob, other.Input)
	for _, in := range f.Wrong {
		refuse("a wrong input", f.Seal, blob, in)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := f.Seal.Wrap(ended, root); err == nil {
		t.Error("wrap went on after its context had ended")
	}
	if _, err := f.Seal.Unwrap(ended, blob, f.Input); err == nil {
		t.Error("unwrap went on after its context had ended")
	}
}

// leak fails when an error shows a piece of an input.
func leak(t *testing.T, what string, err error, in seal.Input) {
	t.Helper()
	for _, share := range in.Shares {
		_ = share.Reveal(func(b []byte) error {
			for i := 0; i+8 <= len(b); i++ {
				if i > 12 && strings.Contains(err.Error(), string(b[i:i+8])) {
					t.Errorf("%s: the error shows a share", what)
				}
			}
			return nil
		})
	}
}
