package model

import (
	"slices"
	"strings"
)

// Limits of encryption keys.
const (
	MaxKeyVersions = 64       // of one key
	MaxKeyUsers    = 256      // authorizations that one key is shared with
	MaxCipher      = 64 << 10 // bytes of one plaintext, or of one message to sign
)

// EncryptionKeyID names an encryption key.
type EncryptionKeyID string

// KeyAlgorithm is how an encryption key works; it never changes.
type KeyAlgorithm string

// Algorithms lists what encryption keys can be: AES in GCM and RSA-OAEP with SHA-256 encrypt, RSA-PSS and ECDSA
// sign.
var Algorithms = []KeyAlgorithm{"aes128-gcm96", "aes256-gcm96", "rsa-2048", "rsa-3072", "rsa-4096", "rsa-pss-2048", "rsa-pss-3072", "rsa-pss-4096", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521"}

// Signs tells whether keys of the algorithm sign and verify; the others encrypt and decrypt.
func (a KeyAlgorithm) Signs() bool {
	return strings.HasPrefix(string(a), "ecdsa-") || strings.HasPrefix(string(a), "rsa-pss-")
}

// KeyUse is one thing to do with a key.
type KeyUse string

// The uses.
const (
	UseEncrypt KeyUse = "encrypt"
	UseDecrypt KeyUse = "decrypt"
	UseSign    KeyUse = "sign"
	UseVerify  KeyUse = "verify"
)

// Makes tells whether the use makes something new: only the newest version does that.
func (u KeyUse) Makes() bool { return u == UseEncrypt || u == UseSign }

// EncryptionKey is a key that applications use without ever holding it.
type EncryptionKey struct {
	ID          EncryptionKeyID   `cbor:"id"`
	Number      uint64            `cbor:"number"` // the API's numeric id
	Name        string            `cbor:"name"`   // unique
	Description string            `cbor:"description,omitempty"`
	Algorithm   KeyAlgorithm      `cbor:"algorithm"`
	Tags        []string          `cbor:"tags,omitempty"`
	Users       []AuthorizationID `cbor:"users,omitempty"` // may use it besides those that reach it
	Versions    []KeyVersion      `cbor:"versions"`        // the last one is in force
	LastN       uint64            `cbor:"last_n"`
	Least       uint64            `cbor:"least"` // older versions neither decrypt nor verify
	ExpiresAt   Time              `cbor:"expires_at,omitempty"`
	Enabled     bool              `cbor:"enabled"`
	CreatedBy   AuthorizationID   `cbor:"created_by,omitempty"`
	CreatedAt   Time              `cbor:"created_at"`
	Revision    uint64            `cbor:"revision"`
}

// KeyVersion is one piece of key material.
type KeyVersion struct {
	N      uint64 `cbor:"n"`
	Row    string `cbor:"row"`              // random id chosen by the proposer: binds the ciphertext to its place
	Secret Sealed `cbor:"secret"`           // AES: the bytes; RSA and ECDSA: PKCS #8
	Public []byte `cbor:"public,omitempty"` // PKIX; RSA and ECDSA
	At     Time   `cbor:"at"`
}

// Version finds a kept version; nil if there is none. 0 is the newest.
func (k *EncryptionKey) Version(n uint64) *KeyVersion {
	if n == 0 {
		n = k.LastN
	}
	i := slices.IndexFunc(k.Versions, func(v KeyVersion) bool { return v.N == n })
	if i < 0 {
		return nil
	}
	return &k.Versions[i]
}

// Active tells whether the key can be used.
func (k *EncryptionKey) Active(at Time) bool {
	return k.Enabled && (k.ExpiresAt == 0 || at < k.ExpiresAt)
}
