// Package disk encrypts what a node keeps on its disk, under the node's 32-byte disk key.
//
// It owns the formats of data at rest: records (entries of the Raft log), files with random access (Pebble) and
// streams (snapshots, backups, small files). The disk key itself encrypts nothing: every file, stream and process
// start draws a 256-bit salt, and HKDF-SHA-256(disk key, salt, purpose) gives the key that works. No key ever meets
// the same nonce twice, therefore, also when a disk image is restored and the node goes on from an older state.
//
// Records and streams are authenticated. Files are not: AES-256-CTR hides their content and a wrong key is recognised
// by the header, but whoever can write to the disk can flip bits; Pebble's checksums and the state hash find that.
//
// The log store wrapper (cluster/raftnode), the file system wrapper (fsm/table/cryptfs) and whoever writes node files
// may call it. It knows neither Raft nor Pebble.
package disk

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"cofre/vault/secret"
)

// KeySize is the length of a disk key.
const KeySize = 32

const saltSize = 32

// The errors of opening. They name no content; callers add which file or entry it was.
var (
	// ErrFormat says that the data is cut short or was never encrypted by this package.
	ErrFormat = errors.New("not encrypted data of this node, or cut short")
	// ErrKeyFile says that a file holds no key. It does not say what it holds.
	ErrKeyFile = errors.New("a key is 64 hexadecimal digits")
	// ErrWrongKey says that the header was made with another disk key or for another purpose.
	ErrWrongKey = errors.New("the disk key does not fit")
	// ErrTampered says that authentication failed: changed, reordered, cut short, or another disk key.
	ErrTampered = errors.New("the encrypted data was changed, or the disk key does not fit")
)

// Key is a node's disk key.
type Key struct{ value secret.Value }

// NewKey takes ownership of v, which must be 32 bytes.
func NewKey(v secret.Value) (Key, error) {
	if v.Len() != KeySize {
		return Key{}, fmt.Errorf("a disk key has %d bytes, not %d", KeySize, v.Len())
	}
	return Key{v}, nil
}

// GenerateKey draws a new disk key.
func GenerateKey() Key {
	b := make([]byte, KeySize)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return Key{secret.New(b)}
}

// ParseKey reads a key from its text, 64 hexadecimal digits and an optional line break.
func ParseKey(text secret.Value) (Key, error) {
	v, err := parseHex(text)
	if err != nil {
		return Key{}, err
	}
	return Key{v}, nil
}

// Wipe forgets the key. Ciphers made from it go on working.
func (k Key) Wipe() { k.value.Wipe() }

// derive makes n bytes of key material for one salt. Kind separates this package's formats from each other.
func (k Key) derive(salt []byte, kind, purpose string, n int) ([]byte, error) {
	var out []byte
	err := k.value.Reveal(func(key []byte) (err error) {
		if len(key) != KeySize {
			return errors.New("the disk key is not loaded")
		}
		out, err = hkdf.Key(sha256.New, key, salt, "cofre/disk/"+kind+"/1/"+purpose, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("derive a key for %s: %w", purpose, err)
	}
	return out, nil
}

func parseHex(text secret.Value) (secret.Value, error) {
	key := make([]byte, KeySize)
	err := text.Reveal(func(b []byte) error {
		if n := len(b); n > 0 && b[n-1] == '\n' {
			b = b[:n-1]
		}
		if len(b) != hex.EncodedLen(KeySize) {
			return ErrKeyFile
		}
		if _, err := hex.Decode(key, b); err != nil {
			return ErrKeyFile // the decoder's error would show a character of it
		}
		return nil
	})
	return secret.New(key), err
}
