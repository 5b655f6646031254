package shamir

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"cofre/vault/seal"
	"cofre/vault/secret"
)

// MaxShares is the largest number of shares of one key.
const MaxShares = 15

// Kind says what the key behind the shares is for. It is the first word of a share's text.
type Kind string

// The kinds of shares.
const (
	Unseal   Kind = "unseal"   // opens a cluster that is sealed by shares
	Recovery Kind = "recovery" // opens the vault when every seal is lost
)

// A share's text is its kind and 40 bytes in 16 groups of 4 letters: threshold and index (1), set id (4), the value
// (32), check sum (3). The letters are Crockford's, without I, L, O and U, so that people can read and type them.
const (
	setSize   = 4
	sumSize   = 3
	valueAt   = 1 + setSize
	sumAt     = valueAt + seal.KeySize
	shareSize = sumAt + sumSize
	groupSize = 4
)

var letters = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// The errors of a single share. None shows a part of it.
var (
	// ErrMistyped says that the text is no share: wrong letters, length or check sum.
	ErrMistyped = errors.New("this is not a share, or it was mistyped")
	// ErrKind says that a recovery share was given for an unseal share or the reverse.
	ErrKind = errors.New("this is a share of another kind")
	// ErrDuplicate says that the share was entered before.
	ErrDuplicate = errors.New("this share was entered already: enter another one")
)

// share is one decoded share.
type share struct {
	kind             Kind
	set              [setSize]byte
	index, threshold byte
	value            secret.Value
}

// Generate draws a key and splits it. The shares are texts to be shown once and never stored.
func Generate(kind Kind, shares, threshold int) (key secret.Value, texts []secret.Value, err error) {
	b := make([]byte, seal.KeySize)
	_, _ = rand.Read(b)
	key = secret.New(b)
	texts, err = Split(key, kind, shares, threshold)
	return key, texts, err
}

// Split makes shares of a key, any threshold of which give it back; fewer tell nothing. Splitting again makes a new
// set, which does not mix with the old one.
func Split(key secret.Value, kind Kind, shares, threshold int) ([]secret.Value, error) {
	if kind != Unseal && kind != Recovery {
		return nil, fmt.Errorf("split a key: unknown kind of shares %q", kind)
	}
	if threshold < 2 || threshold > shares || shares > MaxShares {
		return nil, fmt.Errorf("split a key: %d shares of which %d are needed: want 2 <= needed <= shares <= %d", shares, threshold, MaxShares)
	}
	if key.Len() != seal.KeySize {
		return nil, fmt.Errorf("split a key: %d bytes, want %d", key.Len(), seal.KeySize)
	}
	var set [setSize]byte
	_, _ = rand.Read(set[:])
	polynomials := make([]byte, seal.KeySize*threshold) // one after the other, constant first
	_, _ = rand.Read(polynomials)
	defer clear(polynomials)
	_ = key.Reveal(func(k []byte) error {
		for i, b := range k {
			polynomials[i*threshold] = b
		}
		return nil
	})
	texts := make([]secret.Value, shares)
	for i := range texts {
		value := make([]byte, seal.KeySize)
		for j := range value {
			value[j] = evaluate(polynomials[j*threshold:(j+1)*threshold], byte(i+1))
		}
		s := share{kind, set, byte(i + 1), byte(threshold), secret.New(value)}
		texts[i] = s.text()
		s.value.Wipe()
	}
	return texts, nil
}

func (s *share) text() secret.Value {
	raw := make([]byte, 0, shareSize)
	defer func() { clear(raw[:cap(raw)]) }()
	raw = append(raw, s.threshold<<4|s.index)
	raw = append(raw, s.set[:]...)
	_ = s.value.Reveal(func(b []byte) error { raw = append(raw, b...); return nil })
	sum := checksum(s.kind, raw)
	raw = append(raw, sum[:]...)
	flat := make([]byte, letters.EncodedLen(shareSize))
	letters.Encode(flat, raw)
	defer clear(flat)
	text := make([]byte, 0, len(s.kind)+len(flat)+len(flat)/groupSize)
	text = append(text, s.kind...)
	for i := 0; i < len(flat); i += groupSize {
		text = append(text, '-')
		text = append(text, flat[i:i+groupSize]...)
	}
	return secret.New(text)
}

// parse reads a share's text as people type it: any case, spaces or dashes anywhere, I and L for 1, O for 0.
func parse(text secret.Value) (share, error) {
	var s share
	err := text.Reveal(func(typed []byte) error {
		kind, rest, err := cutKind(typed)
		if err != nil {
			return err
		}
		flat := make([]byte, 0, len(rest))
		defer func() { clear(flat[:cap(flat)]) }()
		for _, c := range rest {
			switch {
			case c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n':
				continue
			case c >= 'a' && c <= 'z':
				c -= 'a' - 'A'
			}
			switch c {
			case 'I', 'L':
				c = '1'
			case 'O':
				c = '0'
			}
			flat = append(flat, c)
		}
		if len(flat) != letters.EncodedLen(shareSize) {
			return ErrMistyped
		}
		raw := make([]byte, shareSize)
		defer clear(raw)
		if _, err := letters.Decode(raw, flat); err != nil { // its error would show where
			return ErrMistyped
		}
		sum := checksum(kind, raw[:sumAt])
		s = share{kind: kind, set: [setSize]byte(raw[1:valueAt]), index: raw[0] & 15, threshold: raw[0] >> 4}
		if !bytes.Equal(sum[:], raw[sumAt:]) || s.index == 0 || s.threshold < 2 {
			return ErrMistyped
		}
		s.value = secret.New(bytes.Clone(raw[valueAt:sumAt]))
		return nil
	})
	return s, err
}

// Same tells whether two texts, however typed, are the same share.
func Same(a, b secret.Value) bool {
	x, errX := parse(a)
	y, errY := parse(b)
	defer x.value.Wipe()
	defer y.value.Wipe()
	return errX == nil && errY == nil && x.kind == y.kind && x.set == y.set && x.index == y.index && x.threshold == y.threshold && x.value.Equal(y.value)
}

func cutKind(typed []byte) (Kind, []byte, error) {
	typed = bytes.TrimLeft(typed, " \t\r\n")
	for _, kind := range []Kind{Unseal, Recovery} {
		if n := len(kind); len(typed) > n && strings.EqualFold(string(typed[:n]), string(kind)) {
			return kind, typed[n:], nil
		}
	}
	return "", nil, ErrMistyped
}

func checksum(kind Kind, raw []byte) [sumSize]byte {
	h := sha256.New()
	h.Write([]byte(kind))
	h.Write(raw)
	return [sumSize]byte(h.Sum(nil)[:sumSize])
}
