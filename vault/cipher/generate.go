package cipher

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Generate makes key material; public is nil for AES. The caller wipes material.
func Generate(a model.KeyAlgorithm) (material secret.Value, public []byte, err error) {
	var key crypto.Signer
	switch a {
	case "aes128-gcm96":
		return random(16), nil, nil
	case "aes256-gcm96":
		return random(32), nil, nil
	case "rsa-2048", "rsa-pss-2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "rsa-3072", "rsa-pss-3072":
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	case "rsa-4096", "rsa-pss-4096":
		key, err = rsa.GenerateKey(rand.Reader, 4096)
	case "ecdsa-p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ecdsa-p384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ecdsa-p521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	default:
		err = model.Errorf(model.Invalid, "there is no algorithm %q: it is one of %v", a, model.Algorithms).WithField("algorithm")
	}
	if err != nil {
		return material, nil, err
	}
	if public, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
		return material, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return secret.New(der), public, err
}

func random(n int) secret.Value {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return secret.New(b)
}
