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

// WrapRoot encrypts the root key to a node's public key. Info says for whom and why (RULES 6: cluster id, node id, key
// hash, token id); UnwrapRoot needs the same.
func WrapRoot(root secret.Value, public, info []byte) ([]byte, error) {
	if root.Len() != seal.KeySize {
		return nil, fmt.Errorf("wrap the root key: it has %d bytes, not %d", root.Len(), seal.KeySize)
	}
	k, err := nodeKEM().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("wrap the root key: read the node's public key: %w", err)
	}
	box, err := sealHPKE(k, root, info)
	if err != nil {
		return nil, fmt.Errorf("wrap the root key: %w", err)
	}
	return box, nil
}

// UnwrapRoot opens a root key that was wrapped to this node. The caller wipes it, after Open.
func UnwrapRoot(private secret.Value, box, info []byte) (secret.Value, error) {
	root, err := openHPKE(nodeKEM(), private, box, info)
	if err != nil {
		return secret.Value{}, fmt.Errorf("unwrap the root key: %w", err)
	}
	return root, nil
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
