package compat

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RSA-OAEP with SHA-1 is what the known client decrypts; OAEP does not need collisions to be hard
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// sealBits is the size of the keys that answers are encrypted to.
const sealBits = 4096

// EncryptionHeader tells how the secrets of an answer are encrypted: "RSA-OAEP" (base64 of the ciphertext), "JWE" (compact,
// RSA-OAEP and A256GCM, for values above 470 bytes), or both.
const EncryptionHeader = "X-Cofre-Encryption"

var errSealKey = model.Errorf(model.Invalid, "the key is no RSA public key of %d bits in PEM: cofre authorization encrypt --private-out makes one", sealBits).WithField("public_key")

var errSealPrivate = model.Errorf(model.Invalid, "this is a private key, which stays with the client, and was not kept: send its public half (openssl pkey -pubout)").WithField("public_key")

// ParsePublicKey reads a PEM public key that answers are to be encrypted to, and gives its PKIX form.
func ParsePublicKey(text string) ([]byte, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(rest) > 1 {
		return nil, errSealKey
	}
	der := block.Bytes
	switch block.Type {
	case "PUBLIC KEY":
	case "RSA PUBLIC KEY": // PKCS #1, as some tools write it
		key, err := x509.ParsePKCS1PublicKey(der)
		if err != nil {
			return nil, errSealKey
		}
		if der, err = x509.MarshalPKIXPublicKey(key); err != nil {
			return nil, errSealKey
		}
	default:
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil, errSealPrivate
		}
		return nil, errSealKey
	}
	if _, err := NewSealer(der); err != nil {
		return nil, err
	}
	return der, nil
}

// Sealer encrypts the secrets of an answer to a client's public key.
type Sealer struct {
	key         *rsa.PublicKey
	short, long bool // what was written
}

// NewSealer takes the PKIX form of a public key.
func NewSealer(der []byte) (*Sealer, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errSealKey
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok || public.N.BitLen() != sealBits {
		return nil, errSealKey
	}
	return &Sealer{key: public}, nil
}

// seal writes a value as a client with the private key reads it.
func (s *Sealer) seal(v secret.Value) (text string, err error) {
	err = v.Reveal(func(b []byte) error {
		if len(b) <= s.key.Size()-2*sha1.Size-2 {
			s.short = true
			box, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, s.key, b, nil) //nolint:gosec // see the import
			text = base64.StdEncoding.EncodeToString(box)
			return err
		}
		s.long = true
		e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.RSA_OAEP, Key: s.key}, nil)
		if err != nil {
			return err
		}
		box, err := e.Encrypt(b)
		if err != nil {
			return err
		}
		text, err = box.CompactSerialize()
		return err
	})
	if err != nil {
		return "", fmt.Errorf("encrypt a secret to the client's key: %w", err)
	}
	return text, nil
}

// used names how values were written; "" if there were none.
func (s *Sealer) used() string {
	switch {
	case s.short && s.long:
		return "RSA-OAEP, JWE"
	case s.short:
		return "RSA-OAEP"
	case s.long:
		return "JWE"
	}
	return ""
}
