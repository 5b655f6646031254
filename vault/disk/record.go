package disk

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math"
	"sync"
	"sync/atomic"
)

const (
	recordVersion = 1
	recordHeader  = 1 + saltSize + 8 // version | salt | counter
	recordTag     = 16

	// maxSalts bounds the remembered keys of earlier process starts; one log seldom spans more than two or three.
	maxSalts = 64
)

// RecordOverhead is the number of bytes by which a sealed record is longer than its plaintext.
const RecordOverhead = recordHeader + recordTag

// RecordCipher seals short records that are written and read in any order, such as entries of a log. Nonces count
// under a key that belongs to this process start, so writing the same log index twice is harmless. It may be used
// by many goroutines.
type RecordCipher struct {
	key     Key
	purpose string
	salt    [saltSize]byte
	own     cipher.AEAD
	counter atomic.Uint64

	mu    sync.Mutex // guards older and order
	older map[[saltSize]byte]cipher.AEAD
	order [][saltSize]byte // oldest first
}

// NewRecordCipher draws the salt of this process start. The key must stay loaded as long as the cipher is used.
func NewRecordCipher(key Key, purpose string) (*RecordCipher, error) {
	c := &RecordCipher{key: key, purpose: purpose, older: map[[saltSize]byte]cipher.AEAD{}}
	_, _ = rand.Read(c.salt[:])
	var err error
	c.own, err = c.aead(c.salt)
	return c, err
}

// Seal appends the sealed record to dst: version, salt, counter, ciphertext. aad binds it to its place; Open needs the
// same.
func (c *RecordCipher) Seal(dst, plaintext, aad []byte) ([]byte, error) {
	n := c.counter.Add(1)
	if n == math.MaxUint64 {
		return nil, errors.New("the record counter is used up")
	}
	nonce := recordNonce(n)
	dst = append(dst, recordVersion)
	dst = append(dst, c.salt[:]...)
	dst = append(dst, nonce[4:]...)
	return c.own.Seal(dst, nonce[:], plaintext, aad), nil
}

// Open authenticates and decrypts a record that this or an earlier process start sealed.
func (c *RecordCipher) Open(box, aad []byte) ([]byte, error) {
	if len(box) < RecordOverhead || box[0] != recordVersion {
		return nil, ErrFormat
	}
	aead, err := c.find([saltSize]byte(box[1 : 1+saltSize]))
	if err != nil {
		return nil, err
	}
	nonce := recordNonce(binary.BigEndian.Uint64(box[1+saltSize : recordHeader]))
	plain, err := aead.Open(nil, nonce[:], box[recordHeader:], aad)
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

func (c *RecordCipher) find(salt [saltSize]byte) (cipher.AEAD, error) {
	if salt == c.salt {
		return c.own, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.older[salt]; ok {
		return a, nil
	}
	a, err := c.aead(salt)
	if err != nil {
		return nil, err
	}
	if len(c.order) == maxSalts {
		delete(c.older, c.order[0])
		c.order = c.order[1:]
	}
	c.older[salt], c.order = a, append(c.order, salt)
	return a, nil
}

func (c *RecordCipher) aead(salt [saltSize]byte) (cipher.AEAD, error) {
	key, err := c.key.derive(salt[:], "record", c.purpose, KeySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newGCM(key)
}

func recordNonce(n uint64) (nonce [12]byte) {
	binary.BigEndian.PutUint64(nonce[4:], n)
	return nonce
}
