package model

import (
	"errors"
	"fmt"
)

// Kind is the closed list of reasons for an error; edges map it to a status and callers branch on it.
type Kind uint8

// The kinds. The zero value is Internal: forgetting to choose is never mistaken for a client's fault.
const (
	Internal        Kind = iota // a defect or a broken invariant
	Invalid                     // the request is malformed or breaks a rule
	NotFound                    // the object does not exist, or the caller may not know that it does
	Conflict                    // the object changed meanwhile, is busy, or exists already
	Denied                      // the caller may not do this
	Fenced                      // a stale lease token: somebody else holds the work now
	VaultSealed                 // the vault is sealed on this node
	Unavailable                 // no leader, no quorum, or not ready: try again
	Uncertain                   // the outcome is not known; it may have happened
	Expired                     // the command is too old to be applied
	Limited                     // too many requests
	Unauthenticated             // the caller's keys, token or authorization are not valid (any more)
)

var kindNames = [...]string{"internal", "invalid", "not_found", "conflict", "denied", "fenced", "sealed", "unavailable", "uncertain", "expired", "limited", "unauthenticated"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// Error is the one error type that crosses rooms. It carries identifiers and rules, never input values or secrets.
// Code is the vendor's number (for example 1007), 0 if there is none; Field names the offending input field.
type Error struct {
	Op         string `cbor:"op,omitempty"`
	Kind       Kind   `cbor:"kind"`
	Code       int    `cbor:"code,omitempty"`
	Msg        string `cbor:"msg"`
	Field      string `cbor:"field,omitempty"`
	RetryAfter int64  `cbor:"retry_after,omitempty"` // seconds after which trying again makes sense
	Err        error  `cbor:"-"`
}

func (e *Error) Error() string {
	s := e.Msg
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of a kind.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// HasCode tells whether an error carries one of the vendor's codes.
func HasCode(err error, code int) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// WithCode sets the vendor's number and returns e.
func (e *Error) WithCode(code int) *Error { e.Code = code; return e }

// WithField sets the offending input field and returns e.
func (e *Error) WithField(field string) *Error { e.Field = field; return e }

// KindOf finds the kind of an error; Internal for foreign errors.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is tells whether err is of kind k.
func Is(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}
