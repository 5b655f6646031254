package mysql

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"cofre/executors/mask"
)

// escape turns a value into SQL for the place where its hole stands. The connection sets sql_mode and utf8mb4, so that
// backslashes count in literals and double quotes are literals too.
func escape(p mask.Part, value []byte) ([]byte, error) {
	if bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value) {
		return nil, errors.New("the value is not UTF-8 text without NUL, which SQL cannot carry")
	}
	if len(value) == 0 && (p.Hole.Secret() || p.Hole == mask.Username || p.Context == identifier || p.Context == inName) {
		return nil, errors.New("the value is empty, which would mean an anonymous account or no password")
	}
	// The server cuts trailing spaces of names and keeps them in three-byte UTF-8: either could mean another account.
	if !p.Hole.Secret() && (bytes.HasSuffix(value, []byte{' '}) || bytes.ContainsFunc(value, func(r rune) bool { return r > 0xffff })) {
		return nil, errors.New("the value ends with a space or holds characters that the server cannot keep in a name")
	}
	switch p.Context {
	case inSingle, inPassword:
		return double(value, '\'', '\\'), nil
	case inDouble:
		return double(value, '"', '\\'), nil
	}
	name := double(value, '`', '`')
	if p.Context == identifier {
		name = append(append([]byte{'`'}, name...), '`')
	}
	return name, nil
}

// double writes each a and each b twice, into new memory.
func double(value []byte, a, b byte) []byte {
	out := make([]byte, 0, len(value)+4)
	for _, c := range value {
		if c == a || c == b {
			out = append(out, c)
		}
		out = append(out, c)
	}
	return out
}
