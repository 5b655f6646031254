// Package cipher does what encryption keys are for: it makes key material, encrypts, decrypts, signs and verifies. It is
// pure and of the standard library only; vault/access calls it after the use was committed.
//
// A ciphertext is a byte 1, the version of the key in four bytes (big endian), and then, with AES, nonce (12 bytes),
// ciphertext and tag (16 bytes), the header being authenticated; with RSA, RSA-OAEP with SHA-256. What others encrypted to a
// public half has no header: it is as long as the modulus. Signatures are ECDSA in ASN.1 over SHA-256, SHA-384 or SHA-512,
// as long as the curve asks for, or RSA-PSS over SHA-256 with a salt of 32 bytes (PS256 of RFC 7518). Material is the bytes of an AES key, or PKCS #8; public halves are PKIX.
package cipher

import (
	"crypto/aes"
	stdcipher "crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

const (
	form     = 1
	header   = 5
	maxPlain = model.MaxCipher
)

// errOpen never says what was wrong: that would be an oracle.
var errOpen = model.Errorf(model.Invalid, "the value was not encrypted with this version of the key, or it was changed").WithField("value")

var errMaterial = model.Errorf(model.Internal, "the key's material cannot be read")

// VersionOf tells which version of a key encrypted a value; 0 if the value does not say, because others encrypted it to a
// public half.
func VersionOf(a model.KeyAlgorithm, box []byte) uint64 {
	if len(box) < header || box[0] != form || !isAES(a) && !modulus(len(box)-header) {
		return 0
	}
	return uint64(binary.BigEndian.Uint32(box[1:header]))
}

// modulus tells whether so many bytes are a bare RSA ciphertext.
func modulus(n int) bool { return n == 2048/8 || n == 3072/8 || n == 4096/8 }

func isAES(a model.KeyAlgorithm) bool { return a == "aes128-gcm96" || a == "aes256-gcm96" }

// Encrypt encrypts at most model.MaxCipher bytes; RSA takes what fits into its modulus.
func Encrypt(a model.KeyAlgorithm, v model.KeyVersion, material, plain secret.Value) (box []byte, err error) {
	if plain.Len() > maxPlain {
		return nil, model.Errorf(model.Invalid, "at most %d bytes are encrypted at once", maxPlain).WithField("value")
	}
	if a.Signs() {
		return nil, errMaterial
	}
	head := binary.BigEndian.AppendUint32([]byte{form}, uint32(v.N))
	err = plain.Reveal(func(b []byte) error {
		if isAES(a) {
			aead, err := gcm(material)
			if err != nil {
				return err
			}
			box = aead.Seal(head, nil, b, head)
			return nil
		}
		public, err := x509.ParsePKIXPublicKey(v.Public)
		key, ok := public.(*rsa.PublicKey)
		if err != nil || !ok {
			return errMaterial
		}
		if most := key.Size() - 2*sha256.Size - 2; len(b) > most {
			return model.Errorf(model.Invalid, "a key of the algorithm %s encrypts at most %d bytes: use an AES key for more", a, most).WithField("value")
		}
		sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, b, nil)
		box = append(head, sealed...)
		return err
	})
	return box, err
}

// Decrypt opens what Encrypt made, or what was encrypted to an RSA key's public half. The caller wipes it.
func Decrypt(a model.KeyAlgorithm, v model.KeyVersion, material secret.Value, box []byte) (secret.Value, error) {
	n := VersionOf(a, box)
	if n != v.N && (n != 0 || isAES(a)) {
		return secret.Value{}, errOpen
	}
	if isAES(a) {
		aead, err := gcm(material)
		if err != nil {
			return secret.Value{}, err
		}
		plain, err := aead.Open(nil, nil, box[header:], box[:header])
		if err != nil {
			return secret.Value{}, errOpen
		}
		return secret.New(plain), nil
	}
	private, err := pkcs8(material)
	key, ok := private.(*rsa.PrivateKey)
	if err != nil || !ok {
		return secret.Value{}, errMaterial
	}
	if n != 0 {
		box = box[header:]
	}
	plain, err := rsa.DecryptOAEP(sha256.New(), nil, key, box, nil)
	if err != nil {
		return secret.Value{}, errOpen
	}
	return secret.New(plain), nil
}

func gcm(material secret.Value) (aead stdcipher.AEAD, err error) {
	err = material.Reveal(func(b []byte) error {
		block, err := aes.NewCipher(b)
		if err != nil {
			return errMaterial
		}
		aead, err = stdcipher.NewGCMWithRandomNonce(block)
		return err
	})
	return aead, err
}

func pkcs8(material secret.Value) (private any, err error) {
	err = material.Reveal(func(b []byte) (err error) {
		private, err = x509.ParsePKCS8PrivateKey(b)
		if err != nil {
			return fmt.Errorf("%w: %w", errMaterial, err)
		}
		return nil
	})
	return private, err
}
