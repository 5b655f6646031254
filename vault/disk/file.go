package disk

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// HeaderSize is the length of the header in front of an encrypted file or stream.
const HeaderSize = 64

const headerTag = 16

// The first bytes of an encrypted file and stream; the last of them is the version.
var (
	fileMagic   = [16]byte{'c', 'o', 'f', 'r', 'e', ' ', 'f', 'i', 'l', 'e', 15: 1}
	streamMagic = [16]byte{'c', 'o', 'f', 'r', 'e', ' ', 's', 't', 'r', 'e', 'a', 'm', 15: 1}
)

// Header is magic and version (16) | salt (32) | tag (16). The tag tells a wrong key from a good one before any
// content is read.
type Header [HeaderSize]byte

// newHeader draws a salt and derives the key for what follows the header.
func newHeader(key Key, magic [16]byte, kind, purpose string) (h Header, work []byte, err error) {
	copy(h[:], magic[:])
	_, _ = rand.Read(h[len(magic) : len(magic)+saltSize])
	work, tag, err := h.derive(key, kind, purpose)
	copy(h[HeaderSize-headerTag:], tag)
	return h, work, err
}

func parseHeader(key Key, h Header, magic [16]byte, kind, purpose string) (work []byte, err error) {
	if !bytes.Equal(h[:len(magic)], magic[:]) {
		return nil, ErrFormat
	}
	work, tag, err := h.derive(key, kind, purpose)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(tag, h[HeaderSize-headerTag:]) {
		clear(work)
		return nil, ErrWrongKey
	}
	return work, nil
}

func (h *Header) derive(key Key, kind, purpose string) (work, tag []byte, err error) {
	material, err := key.derive(h[len(fileMagic):len(fileMagic)+saltSize], kind, purpose, 2*KeySize)
	if err != nil {
		return nil, nil, err
	}
	mac := hmac.New(sha256.New, material[KeySize:])
	mac.Write(h[:HeaderSize-headerTag])
	return material[:KeySize], mac.Sum(nil)[:headerTag], nil
}

// FileCipher encrypts and decrypts one file at any offset. It may be used by many goroutines.
type FileCipher struct{ block cipher.Block }

// NewFileHeader draws the header of a new file and its cipher.
func NewFileHeader(key Key, purpose string) (Header, *FileCipher, error) {
	h, work, err := newHeader(key, fileMagic, "file", purpose)
	if err != nil {
		return Header{}, nil, err
	}
	c, err := newFileCipher(work)
	return h, c, err
}

// ParseFileHeader finds the cipher of an existing file. ErrFormat: not such a file. ErrWrongKey: another disk key.
func ParseFileHeader(key Key, purpose string, h Header) (*FileCipher, error) {
	work, err := parseHeader(key, h, fileMagic, "file", purpose)
	if err != nil {
		return nil, err
	}
	return newFileCipher(work)
}

func newFileCipher(work []byte) (*FileCipher, error) {
	defer clear(work)
	block, err := aes.NewCipher(work)
	return &FileCipher{block}, err
}

// XOR encrypts or decrypts p in place, which stands at offset of the content (the header does not count). Writing
// different content twice at the same offset would reveal the difference to whoever holds both images of the disk:
// Pebble writes each byte of a file once.
func (c *FileCipher) XOR(p []byte, offset int64) {
	if plaintext {
		return
	}
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], uint64(offset)/aes.BlockSize)
	stream := cipher.NewCTR(c.block, iv[:])
	if skip := offset % aes.BlockSize; skip > 0 {
		var unused [aes.BlockSize]byte
		stream.XORKeyStream(unused[:skip], unused[:skip])
	}
	stream.XORKeyStream(p, p)
}
