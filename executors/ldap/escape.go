package ldap

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	directory "github.com/go-ldap/ldap/v3"

	"cofre/executors/mask"
	"cofre/executors/script"
)

// Where a hole stands in a name.
const (
	wholeName = iota + 1 // the name is no DN by its literals: user@domain, DOMAIN\user, or the hole alone
	rdnValue             // after attribute=: becomes an escaped value
	rdns                 // at the start or after a comma: one or more whole parts of a DN
)

// nameParts gives the holes of a DN their places.
func nameParts(a script.Arg) ([]mask.Part, error) {
	out := append([]mask.Part(nil), a.Parts...)
	if len(out) == 0 {
		return nil, nil
	}
	dn, before := strings.Contains(mask.Source(literals(out)), "="), ""
	for i := range out {
		p := &out[i]
		if p.Hole == "" {
			before += p.Literal
			continue
		}
		if p.Hole.Secret() {
			return nil, &mask.Error{Line: p.Line, Column: p.Column, Msg: "expected a tag that is no secret: names stand in the logs of servers"}
		}
		switch tail := strings.TrimSpace(before); {
		case !dn:
			p.Context = wholeName
		case tail == "" || strings.HasSuffix(tail, ","):
			p.Context = rdns
		default:
			p.Context = rdnValue
		}
		before += "x"
	}
	return out, nil
}

func literals(parts []mask.Part) []mask.Part {
	var out []mask.Part
	for _, p := range parts {
		if p.Hole == "" {
			out = append(out, p)
		}
	}
	return out
}

var errText = errors.New("the value is empty, or no UTF-8 text without control characters")

// escapeName turns a value into a piece of a name.
func escapeName(p mask.Part, value []byte) ([]byte, error) {
	if len(value) == 0 || !utf8.Valid(value) || bytes.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, errText
	}
	switch p.Context {
	case rdnValue:
		return []byte(directory.EscapeDN(string(value))), nil
	case rdns:
		if !isDN(string(value)) {
			return nil, errors.New("the value is no part of a DN")
		}
	}
	return value, nil
}

// escapeFilter turns a value into a piece of a filter.
func escapeFilter(_ mask.Part, value []byte) ([]byte, error) {
	if len(value) == 0 || !utf8.Valid(value) {
		return nil, errText
	}
	return []byte(directory.EscapeFilter(string(value))), nil
}

// plainValue lets every text through: an attribute's value is carried by its length, so nothing in it has a meaning.
func plainValue(p mask.Part, value []byte) ([]byte, error) {
	if p.Hole.Secret() && (len(value) == 0 || !utf8.Valid(value) || bytes.IndexByte(value, 0) >= 0) {
		return nil, errors.New("the value is empty, or no UTF-8 text without NUL")
	}
	return value, nil
}

// scheme is how a value that is a hash begins.
var scheme = regexp.MustCompile(`^\{[^{}]*\}`)

func hashLike(value []byte) error {
	if scheme.Match(value) {
		return errText
	}
	return nil
}

// wide is the form of Active Directory's unicodePwd: UTF-16LE of the text in double quotes.
func wide(value []byte) []byte {
	units := utf16.Encode([]rune(`"` + string(value) + `"`))
	out := make([]byte, 0, 2*len(units))
	for _, u := range units {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}
