// Package policy makes new passwords and checks given ones by the strength that a policy demands.
//
// It owns the reading of model.Strength: a class with count 0 does not occur at all (that is how a policy keeps symbols
// away from a target that refuses them), a generated password has exactly the length and starts with a letter (some
// targets and shells read a leading digit or symbol in their own way). Randomness is crypto/rand without modulo bias.
// The runner generates, the edges validate and check; errors name rules and never show a character of a password.
package policy

import (
	"strings"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// DefaultSymbols are the symbols of a strength that names none: none of them needs quoting on common targets more than
// another.
const DefaultSymbols = "!%@#^&*_"

// The limits of a password's length.
const (
	MinLength = 8
	MaxLength = 256
)

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

// class is one kind of characters with the least number of them.
type class struct {
	name   string
	least  int
	set    string
	letter bool
}

func classes(s model.Strength) [4]class {
	symbols := s.Set
	if symbols == "" {
		symbols = DefaultSymbols
	}
	return [4]class{
		{"lower-case letters", s.Lower, lower, true}, {"upper-case letters", s.Upper, upper, true},
		{"digits", s.Digits, digits, false}, {"symbols", s.Symbols, symbols, false},
	}
}

// Validate tells whether passwords of this strength can be made, and if not, why.
func Validate(s model.Strength) error {
	if s.Length < MinLength || s.Length > MaxLength {
		return model.Errorf(model.Invalid, "the length must be %d to %d", MinLength, MaxLength).WithField("length")
	}
	for i, c := range s.Set {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune(lower+upper+digits, c) {
			return model.Errorf(model.Invalid, "symbols must be printable ASCII and neither letters, digits nor spaces").WithField("set")
		}
		if strings.ContainsRune(s.Set[:i], c) {
			return model.Errorf(model.Invalid, "a symbol is listed twice").WithField("set")
		}
	}
	sum := 0
	for _, c := range classes(s) {
		if c.least < 0 {
			return model.Errorf(model.Invalid, "the number of %s is negative", c.name)
		}
		sum += min(c.least, MaxLength+1)
	}
	switch {
	case s.Lower == 0 && s.Upper == 0:
		return model.Errorf(model.Invalid, "a password starts with a letter: allow lower-case or upper-case letters")
	case sum > s.Length:
		return model.Errorf(model.Invalid, "the classes need %d characters, the length is %d", sum, s.Length).WithField("length")
	case len(s.Set) == 1 && s.Symbols > 1 && !s.Repeat:
		return model.Errorf(model.Invalid, "a single symbol cannot occur several times unless repeats are allowed").WithField("set")
	}
	return nil
}

// Check tells whether a password that somebody chose obeys the strength: at least the length, the least number of
// each class, allowed characters only, and the rule of repeats.
func Check(s model.Strength, password secret.Value) error {
	return password.Reveal(func(p []byte) error {
		if len(p) < s.Length || len(p) > MaxLength {
			return model.Errorf(model.Invalid, "a password has %d to %d characters under this policy", s.Length, MaxLength)
		}
		all := classes(s)
		var count [len(all)]int
		for i, b := range p {
			if i > 0 && b == p[i-1] && !s.Repeat {
				return model.Errorf(model.Invalid, "the same character stands twice in a row")
			}
			found := false
			for k, c := range all {
				if c.least > 0 && strings.IndexByte(c.set, b) >= 0 {
					count[k]++
					found = true
				}
			}
			if !found {
				return model.Errorf(model.Invalid, "a character is not allowed by this policy")
			}
		}
		for k, c := range all {
			if count[k] < c.least {
				return model.Errorf(model.Invalid, "at least %d %s are needed", c.least, c.name)
			}
		}
		return nil
	})
}
