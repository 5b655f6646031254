//go:build cofre_plaintext

package disk

import (
	"crypto/cipher"
	"errors"
)

const plaintext = true

func newGCM([]byte) (cipher.AEAD, error) { return open{}, nil }

// open hides nothing. It exists to show that the sentinel scan finds what lies open; the law about build
// tags keeps it out of everything that is shipped.
type open struct{}

func (open) NonceSize() int { return 12 }
func (open) Overhead() int  { return 16 }

func (open) Seal(dst, _, plain, _ []byte) []byte {
	return append(append(dst, plain...), make([]byte, 16)...)
}

func (open) Open(dst, _, box, _ []byte) ([]byte, error) {
	if len(box) < 16 {
		return nil, errors.New("cut short")
	}
	return append(dst, box[:len(box)-16]...), nil
}
