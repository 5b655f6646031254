// Package totp makes one-time codes by time (RFC 6238) from the key that a target's second factor was set up with.
//
// A key is a base32 text, as sites show it to people, or an otpauth:// address, as they put it into pictures. Parse refuses
// what no code can be made from, so that a stored key always works. It is pure; the service that stores keys and the
// runner call it.
package totp

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238 begins with it, and targets ask for it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cofre/vault/secret"
)

// Bounds of a key, in bytes: shorter ones can be guessed, longer ones are a mistake.
const (
	leastKey = 10
	mostKey  = 256
)

// ErrKey says what a key looks like; it holds nothing of what was given.
var ErrKey = errors.New("expected a key of 16 or more base32 characters, or an otpauth://totp/ address with secret, and perhaps algorithm (SHA1, SHA256, SHA512), digits (6 to 8) and period (15 to 120)")

// key is a parsed key.
type key struct {
	secret []byte
	hash   func() hash.Hash
	digits int
	period int64 // seconds
}

var hashes = map[string]func() hash.Hash{"": sha1.New, "SHA1": sha1.New, "SHA256": sha256.New, "SHA512": sha512.New}

// Check tells whether codes can be made with a key.
func Check(v secret.Value) error {
	return v.Reveal(func(b []byte) error {
		k, err := parse(string(b))
		clear(k.secret)
		return err
	})
}

// Code is the code at a moment: six to eight digits. The caller wipes it.
func Code(v secret.Value, at time.Time) (code secret.Value, err error) {
	err = v.Reveal(func(b []byte) error {
		k, err := parse(string(b))
		defer clear(k.secret)
		if err == nil {
			code = secret.New(k.at(at.Unix()))
		}
		return err
	})
	return code, err
}

func parse(text string) (key, error) {
	k := key{hash: sha1.New, digits: 6, period: 30}
	text = strings.TrimSpace(text)
	if strings.HasPrefix(strings.ToLower(text), "otpauth:") {
		u, err := url.Parse(text)
		if err != nil || !strings.EqualFold(u.Host, "totp") {
			return k, ErrKey
		}
		q := u.Query()
		number := func(name string, usual, least, most int) int {
			n, e := strconv.Atoi(q.Get(name))
			switch {
			case q.Get(name) == "":
				return usual
			case e != nil || n < least || n > most:
				err = ErrKey
			}
			return n
		}
		k.digits, k.period = number("digits", 6, 6, 8), int64(number("period", 30, 15, 120))
		if k.hash = hashes[strings.ToUpper(q.Get("algorithm"))]; k.hash == nil || err != nil {
			return k, ErrKey
		}
		text = q.Get("secret")
	}
	text = strings.TrimRight(strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(text)), "=")
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil || len(raw) < leastKey || len(raw) > mostKey {
		return k, ErrKey
	}
	k.secret = raw
	return k, nil
}

// at is HOTP (RFC 4226) of the number of periods since 1970.
func (k key) at(unix int64) []byte {
	m := hmac.New(k.hash, k.secret)
	_ = binary.Write(m, binary.BigEndian, unix/k.period) // a hash takes every write
	sum := m.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	limit := uint32(1)
	for range k.digits {
		limit *= 10
	}
	return fmt.Appendf(nil, "%0*d", k.digits, n%limit)
}
