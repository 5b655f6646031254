package edge_test

import (
	"crypto/hmac"
	"crypto/sha256"

	"cofre/vault/secret"
)

// hmacSum is how access keeps client secrets, before the cluster exists.
func hmacSum(key secret.Value, message []byte) (sum []byte) {
	_ = key.Reveal(func(b []byte) error {
		m := hmac.New(sha256.New, b)
		m.Write(message)
		sum = m.Sum(nil)
		return nil
	})
	return sum
}
