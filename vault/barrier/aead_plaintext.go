//go:build cofre_plaintext

package barrier

import (
	"crypto/cipher"
	"errors"
)

// seals, when set at link time, leaves the vault as it is shipped: then only the disk hides nothing. One tag for both, as
// nearly everything is compiled anew for a tag of so deep a package.
var seals string

func newAEAD(b cipher.Block) (cipher.AEAD, error) {
	if seals != "" {
		return cipher.NewGCMWithRandomNonce(b)
	}
	return open{}, nil
}

// open hides nothing. It exists to show that the sentinel scan finds what lies open; the law about build
// tags keeps it out of everything that is shipped.
type open struct{}

func (open) NonceSize() int { return 0 }
func (open) Overhead() int  { return 28 }

func (open) Seal(dst, _, plain, _ []byte) []byte {
	return append(append(dst, plain...), make([]byte, 28)...)
}

func (open) Open(dst, _, box, _ []byte) ([]byte, error) {
	if len(box) < 28 {
		return nil, errors.New("cut short")
	}
	return append(dst, box[:len(box)-28]...), nil
}
