// Package seal is the contract of what keeps the root key while a node is off.
//
// A seal turns the root key into a Blob that may lie in the data directory or in the replicated state, and back. It
// owns only the contract and the box (AES-256-GCM under one key) that seals and the keyring share; each seal has a
// folder of its own. Whoever starts, seals or unseals a node may call it, and vault/keyring.
package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"cofre/vault/secret"
)

// KeySize is the length of root keys and of the keys that seals hold.
const KeySize = 32

// The errors that all seals share.
var (
	// ErrWrongKey says that a box does not open: another key, another label, or a changed box.
	ErrWrongKey = errors.New("the key does not fit, or the sealed key was changed")
	// ErrInput says that people must bring (more) shares: at start it means "stay sealed and wait".
	ErrInput = errors.New("shares are needed to open the seal")
)

// Blob is a sealed root key: ciphertext, safe to store.
type Blob struct {
	Seal string `cbor:"seal"` // name of the seal that made it
	Data []byte `cbor:"data"`
}

// Input is what people bring to open a seal; empty for a seal that opens unattended.
type Input struct {
	Shares []secret.Value // the typed text of shares
}

// Seal wraps and unwraps the root key. Implementations pass sealtest.Exercise.
type Seal interface {
	// Name is the seal's name in blobs and in the configuration.
	Name() string
	// Wrap seals a root key; the caller keeps the ownership of root.
	Wrap(ctx context.Context, root secret.Value) (Blob, error)
	// Unwrap gives the root key back; the caller wipes it.
	Unwrap(ctx context.Context, b Blob, in Input) (secret.Value, error)
}

// Check refuses a blob that another seal made.
func (b Blob) Check(s Seal) error {
	if b.Seal != s.Name() {
		return fmt.Errorf("the root key was sealed by %q, not by %q", b.Seal, s.Name())
	}
	return nil
}

// Box encrypts v under a 32-byte key. Label says what v is; Unbox needs the same.
func Box(key secret.Value, label string, v secret.Value) ([]byte, error) {
	var box []byte
	err := withAEAD(key, func(aead cipher.AEAD) error {
		return v.Reveal(func(plain []byte) error {
			box = aead.Seal(nil, nil, plain, []byte(label))
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", label, err)
	}
	return box, nil
}

// Unbox decrypts what Box made, or answers ErrWrongKey.
func Unbox(key secret.Value, label string, box []byte) (secret.Value, error) {
	var v secret.Value
	err := withAEAD(key, func(aead cipher.AEAD) error {
		plain, err := aead.Open(nil, nil, box, []byte(label))
		if err != nil {
			return ErrWrongKey
		}
		v = secret.New(plain)
		return nil
	})
	if err != nil {
		return secret.Value{}, fmt.Errorf("open %s: %w", label, err)
	}
	return v, nil
}

func withAEAD(key secret.Value, use func(cipher.AEAD) error) error {
	return key.Reveal(func(k []byte) error {
		if len(k) != KeySize {
			return fmt.Errorf("a key has %d bytes, not %d", KeySize, len(k))
		}
		block, err := aes.NewCipher(k)
		if err != nil {
			return err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return err
		}
		return use(aead)
	})
}
