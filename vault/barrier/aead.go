//go:build !cofre_plaintext

package barrier

import "crypto/cipher"

func newAEAD(b cipher.Block) (cipher.AEAD, error) { return cipher.NewGCMWithRandomNonce(b) }
