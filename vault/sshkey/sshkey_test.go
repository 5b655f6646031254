package sshkey

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"cofre/vault/secret"
)

func TestGenerate(t *testing.T) {
	t.Parallel()
	for algorithm, kind := range map[string]string{"ed25519": "ssh-ed25519 ", "rsa-3072": "ssh-rsa "} {
		private, public, err := Generate(algorithm)
		if err != nil || !strings.HasPrefix(public, kind) {
			t.Fatalf("%s: %q, %v", algorithm, public, err)
		}
		again, err := Public(private)
		if err != nil || again != public || !Same(public, public+" someone@somewhere") {
			t.Errorf("%s: %q, %v", algorithm, again, err)
		}
		_, other, err := Generate("ed25519")
		if err != nil || Same(public, other) {
			t.Errorf("two pairs are the same: %v", err)
		}
	}
	if _, _, err := Generate("dsa"); err == nil {
		t.Error("an unknown algorithm made a key")
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	locked := secret.New(pem.EncodeToMemory(block))
	if _, err := Public(locked); !errors.Is(err, ErrPassphrase) {
		t.Errorf("%v", err)
	}
	for _, phrase := range []string{"", "wrong"} {
		if _, err := Open(locked, secret.New([]byte(phrase))); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%q: %v", phrase, err)
		}
	}
	plain, err := Open(locked, secret.New([]byte("open sesame")))
	if err != nil {
		t.Fatal(err)
	}
	want, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if public, err := Public(plain); err != nil || public != strings.TrimSpace(string(ssh.MarshalAuthorizedKey(want))) {
		t.Errorf("%q, %v", public, err)
	}
	for _, junk := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"} {
		if _, err := Open(secret.New([]byte(junk)), secret.Value{}); !errors.Is(err, ErrPrivate) {
			t.Errorf("%q: %v", junk, err)
		}
	}
}
