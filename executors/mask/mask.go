// Package mask owns the holes of templates: the syntax [#NAME#], the closed list of names, and how values get into
// the holes.
//
// A template is never changed as text. It is parsed into literals and holes, and a hole is filled by a Resolver
// through an escape rule that the executor chose for that place, so that a quote in a password stays a quote. It
// guarantees that a name outside the list is an error with line and column, and that a hole without a value is an
// error before anything is sent. Executors, the runner and the template commands may call it.
package mask

import (
	"errors"
	"fmt"
	"strings"

	"cofre/vault/secret"
)

// Name is the canonical name of a hole, in upper case; aliases never leave the parser.
type Name string

// String writes the name as it stands in a template.
func (n Name) String() string { return "[#" + string(n) + "#]" }

// Secret tells whether values of this name must never be shown. A name outside the list counts as secret.
func (n Name) Secret() bool {
	d, ok := Lookup(string(n))
	return !ok || d.Secret
}

// Part is a piece of a template: literal text, or a hole when Hole is set.
type Part struct {
	Literal string
	Hole    Name
	Context int // where the hole stands; the executor gives the numbers their meaning, 0 is "nothing special"
	Line    int // from 1
	Column  int // from 1, in bytes
}

// Error is a mistake in a template. It shows names and positions, never values.
type Error struct {
	Line, Column int
	Msg          string
}

// Error tells the place, and of a long message the beginning and the end: a word of the template stands between them, which may be as
// long as the template.
func (e *Error) Error() string {
	const most = 600
	msg := e.Msg
	if n := len(msg); n > most {
		msg = strings.ToValidUTF8(msg[:most/2], "") + "..." + strings.ToValidUTF8(msg[n-most/2:], "")
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, msg)
}

// ErrNoValue is what a Resolver returns, wrapped, for a name that has no value in this operation.
var ErrNoValue = errors.New("no value in this operation")

// absent names what has no value.
type absent struct{ name Name }

func (e absent) Error() string { return fmt.Sprintf("%s: %s", e.name, ErrNoValue) }
func (e absent) Unwrap() error { return ErrNoValue }

// NoValue says that a name has no value in this operation.
func NoValue(n Name) error { return absent{n} }

// Resolver gives the value of a name. It returns an error that wraps ErrNoValue when there is none.
type Resolver func(Name) (secret.Value, error)

// Optional resolves a name that need not have a value: an absent one is an empty value.
func (r Resolver) Optional(n Name) (secret.Value, error) {
	v, err := r(n)
	if errors.Is(err, ErrNoValue) {
		return secret.Value{}, nil
	}
	return v, err
}

// Escape turns a value into what may stand at the place of the hole, or refuses it. The result may be the value itself.
type Escape func(hole Part, value []byte) ([]byte, error)

// Raw is the Escape that changes nothing.
func Raw(_ Part, value []byte) ([]byte, error) { return value, nil }

// Render joins literals and filled holes. The caller owns the result and wipes it.
func Render(parts []Part, resolve Resolver, escape Escape) (secret.Value, error) {
	var out []byte
	for _, p := range parts {
		if p.Hole == "" {
			out = append(out, p.Literal...)
			continue
		}
		v, err := resolve(p.Hole)
		if err != nil {
			clear(out)
			if _, named := errors.AsType[absent](err); !named {
				err = fmt.Errorf("%s: %w", p.Hole, err)
			}
			return secret.Value{}, err
		}
		err = v.Reveal(func(b []byte) error {
			e, err := escape(p, b)
			out = append(out, e...)
			return err
		})
		if err != nil {
			clear(out)
			return secret.Value{}, fmt.Errorf("%s: %w", p.Hole, err)
		}
	}
	return secret.New(out), nil
}

// Names lists the holes of some parts, each once, in order of appearance.
func Names(parts []Part) []Name {
	var names []Name
	seen := map[Name]bool{}
	for _, p := range parts {
		if p.Hole != "" && !seen[p.Hole] {
			seen[p.Hole] = true
			names = append(names, p.Hole)
		}
	}
	return names
}

// Source writes parts back as template text, with holes as [#NAME#].
func Source(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.Hole != "" {
			b.WriteString(p.Hole.String())
		} else {
			b.WriteString(p.Literal)
		}
	}
	return b.String()
}
