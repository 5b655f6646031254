// Package sshkey makes SSH key pairs and reads private keys. Private keys are PEM in OpenSSH's form, public ones a line of
// authorized_keys without a comment. It is pure; the runner and the application services call it.
package sshkey

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"cofre/vault/secret"
)

// ErrPrivate is returned for what cannot be read; it never says what was there.
var ErrPrivate = errors.New("expected a private key in PEM, in the form of OpenSSH, PKCS 8, PKCS 1 or SEC 1")

// ErrPassphrase is returned for a key that is encrypted, without its passphrase or with a wrong one.
var ErrPassphrase = errors.New("the private key is encrypted: give its passphrase")

// Generate makes a pair: "ed25519", or "rsa-" and the number of bits.
func Generate(algorithm string) (private secret.Value, public string, err error) {
	var key crypto.Signer
	switch algorithm {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "rsa-3072":
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	case "rsa-4096":
		key, err = rsa.GenerateKey(rand.Reader, 4096)
	default:
		return private, "", fmt.Errorf("there is no key algorithm %q", algorithm)
	}
	if err != nil {
		return private, "", err
	}
	return encode(key)
}

func encode(key crypto.PrivateKey) (private secret.Value, public string, err error) {
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return private, "", err
	}
	defer clear(block.Bytes)
	private = secret.New(pem.EncodeToMemory(block))
	public, err = Public(private)
	return private, public, err
}

// Public is the public half of a private key that has no passphrase.
func Public(private secret.Value) (string, error) {
	var line string
	err := private.Reveal(func(b []byte) error {
		signer, err := ssh.ParsePrivateKey(bytes.TrimSpace(b))
		if missing := new(ssh.PassphraseMissingError); errors.As(err, &missing) {
			return ErrPassphrase
		}
		if err != nil {
			return ErrPrivate
		}
		line = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
		return nil
	})
	return line, err
}

// Open takes the passphrase off a private key; one that has none stays as it is.
func Open(private, passphrase secret.Value) (secret.Value, error) {
	var out secret.Value
	err := private.Reveal(func(b []byte) error {
		b = bytes.TrimSpace(b)
		if _, err := ssh.ParseRawPrivateKey(b); err == nil {
			out = secret.New(bytes.Clone(b))
			return nil
		} else if missing := new(ssh.PassphraseMissingError); !errors.As(err, &missing) {
			return ErrPrivate
		}
		return passphrase.Reveal(func(p []byte) error {
			key, err := ssh.ParseRawPrivateKeyWithPassphrase(b, p)
			if err != nil {
				return ErrPassphrase
			}
			if k, ok := key.(*ed25519.PrivateKey); ok {
				key = *k
			}
			out, _, err = encode(key)
			return err
		})
	})
	return out, err
}

// Same tells whether two lines of authorized_keys hold the same key, whatever their comments.
func Same(a, b string) bool {
	x, _, _, _, err := ssh.ParseAuthorizedKey([]byte(a))
	if err != nil {
		return false
	}
	y, _, _, _, err := ssh.ParseAuthorizedKey([]byte(b))
	return err == nil && bytes.Equal(x.Marshal(), y.Marshal())
}
