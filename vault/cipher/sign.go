package cipher

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // SHA-256
	_ "crypto/sha512" // SHA-384 and SHA-512
	"crypto/x509"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

var hashes = map[model.KeyAlgorithm]crypto.Hash{
	"ecdsa-p256": crypto.SHA256, "ecdsa-p384": crypto.SHA384, "ecdsa-p521": crypto.SHA512,
	"rsa-pss-2048": crypto.SHA256, "rsa-pss-3072": crypto.SHA256, "rsa-pss-4096": crypto.SHA256,
}

var pss = rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

func digest(a model.KeyAlgorithm, message secret.Value) (sum []byte, err error) {
	hash, ok := hashes[a]
	if !ok {
		return nil, errMaterial
	}
	err = message.Reveal(func(b []byte) error {
		h := hash.New()
		h.Write(b)
		sum = h.Sum(nil)
		return nil
	})
	return sum, err
}

// Sign signs a message.
func Sign(a model.KeyAlgorithm, material, message secret.Value) ([]byte, error) {
	sum, err := digest(a, message)
	if err != nil {
		return nil, err
	}
	private, err := pkcs8(material)
	if err != nil {
		return nil, errMaterial
	}
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		return ecdsa.SignASN1(rand.Reader, key, sum)
	case *rsa.PrivateKey:
		return rsa.SignPSS(rand.Reader, key, pss.Hash, sum, &pss)
	}
	return nil, errMaterial
}

// Verify tells whether a signature over a message was made by the private half of a key version.
func Verify(a model.KeyAlgorithm, v model.KeyVersion, message secret.Value, signature []byte) bool {
	sum, err := digest(a, message)
	if err != nil {
		return false
	}
	public, err := x509.ParsePKIXPublicKey(v.Public)
	if err != nil {
		return false
	}
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, sum, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPSS(key, pss.Hash, sum, signature, &pss) == nil
	}
	return false
}
