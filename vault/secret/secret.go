// Package secret holds Value, plaintext that cannot be printed, logged, compared or encoded by accident.
//
// It owns the only type in which plaintext secrets travel between rooms. It guarantees that no verb of fmt, no
// logger and no encoder shows the bytes, also when a Value sits in an unexported field of another struct. Everybody
// may import it; only httpapi/compat may write a Value to a wire.
package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// ErrNotEncodable is what every encoder gets: loud, so that a mistake is found by the first test.
var ErrNotEncodable = errors.New("secret: a secret value cannot be encoded")

const hidden = "[secret]"

// Value is a secret. The zero value is an empty secret. Copies share the same bytes; Wipe empties all of them.
type Value struct {
	_   [0]func()      // not comparable
	get func() *[]byte // a closure, because fmt reflects into pointers and slices of unexported fields, not into functions
}

// New takes ownership of b: the caller must not use it afterwards.
func New(b []byte) Value {
	return Value{get: func() *[]byte { return &b }}
}

// Reveal lends the bytes for the time of use; use must neither keep nor change them.
func (v Value) Reveal(use func([]byte) error) error {
	if v.get == nil {
		return use(nil)
	}
	return use(*v.get())
}

// Len is the number of bytes.
func (v Value) Len() int {
	if v.get == nil {
		return 0
	}
	return len(*v.get())
}

// Equal compares in constant time.
func (v Value) Equal(w Value) bool {
	same := false
	_ = v.Reveal(func(a []byte) error {
		return w.Reveal(func(b []byte) error { same = subtle.ConstantTimeCompare(a, b) == 1; return nil })
	})
	return same
}

// Clone copies the bytes into a Value of its own life.
func (v Value) Clone() Value {
	var c []byte
	_ = v.Reveal(func(b []byte) error { c = append([]byte(nil), b...); return nil })
	return New(c)
}

// Wipe overwrites the bytes and empties the Value and all its copies.
func (v Value) Wipe() {
	if v.get == nil {
		return
	}
	p := v.get()
	clear(*p)
	*p = nil
}

// Format writes "[secret]" for every verb and flag.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// String is "[secret]".
func (v Value) String() string { return hidden }

// GoString is "[secret]".
func (v Value) GoString() string { return hidden }

// LogValue is "[secret]".
func (v Value) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON fails: a secret leaves the house only through httpapi/compat.
func (v Value) MarshalJSON() ([]byte, error) { return nil, ErrNotEncodable }

// MarshalText fails.
func (v Value) MarshalText() ([]byte, error) { return nil, ErrNotEncodable }

// MarshalBinary fails.
func (v Value) MarshalBinary() ([]byte, error) { return nil, ErrNotEncodable }

// MarshalCBOR fails.
func (v Value) MarshalCBOR() ([]byte, error) { return nil, ErrNotEncodable }

// GobEncode fails.
func (v Value) GobEncode() ([]byte, error) { return nil, ErrNotEncodable }
