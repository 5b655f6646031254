package keyring

import (
	"crypto/ecdh"
	"crypto/hpke"
	"fmt"

	"cofre/vault/seal"
	"cofre/vault/secret"
)

// The root key goes to a joining node by HPKE with X25519, HKDF-SHA-256 and AES-256-GCM (RFC 9180).
func nodeKEM() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }

// NewHPKEKey makes the key pair of a node to which the root key can be wrapped.
func NewHPKEKey() (private secret.Value, public []byte, err error) {
	k, err := nodeKEM().GenerateKey()
	if err != nil {
		return secret.Value{}, nil, fmt.Errorf("make an HPKE key: %w", err)
	}
	b, err := k.Bytes()
	if err != nil {
		return secret.Value{}, nil, fmt.Errorf("make an HPKE key: %w", err)
	}
	return secret.New(b), k.PublicKey().Bytes(), nil
}

// WrapKey encrypts a key (a root key, or the gossip ring's) to a node's public key. Info says for whom and why (RULES 6:
// cluster id, node id, key hash, token id); UnwrapKey needs the same.
func WrapKey(key secret.Value, public, info []byte) ([]byte, error) {
	if key.Len() != seal.KeySize {
		return nil, fmt.Errorf("wrap a key for a node: it has %d bytes, not %d", key.Len(), seal.KeySize)
	}
	return wrap(key, public, info)
}

func wrap(v secret.Value, public, info []byte) ([]byte, error) {
	k, err := nodeKEM().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("wrap a key for a node: read the node's public key: %w", err)
	}
	box, err := sealHPKE(k, v, info)
	if err != nil {
		return nil, fmt.Errorf("wrap a key for a node: %w", err)
	}
	return box, nil
}

// UnwrapKey opens a key that was wrapped to this node. The caller wipes it.
func UnwrapKey(private secret.Value, box, info []byte) (secret.Value, error) {
	key, err := openHPKE(nodeKEM(), private, box, info)
	if err != nil {
		return secret.Value{}, fmt.Errorf("unwrap a key: %w", err)
	}
	return key, nil
}

func sealHPKE(public hpke.PublicKey, v secret.Value, info []byte) (box []byte, err error) {
	err = v.Reveal(func(b []byte) error {
		box, err = hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), info, b)
		return err
	})
	return box, err
}

func openHPKE(kem hpke.KEM, private secret.Value, box, info []byte) (v secret.Value, err error) {
	err = private.Reveal(func(b []byte) error {
		k, err := kem.NewPrivateKey(b)
		if err != nil {
			return seal.ErrWrongKey // the library's text could describe the key
		}
		plain, err := hpke.Open(k, hpke.HKDFSHA256(), hpke.AES256GCM(), info, box)
		if err != nil {
			return seal.ErrWrongKey
		}
		v = secret.New(plain)
		return nil
	})
	return v, err
}
