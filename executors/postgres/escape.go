package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"cofre/executors/mask"
)

// maxIdentifier is the longest name in bytes: the server cuts longer ones silently, and would mean another role.
const maxIdentifier = 63

// escape turns a value into SQL for the place where its hole stands. The connection sets
// standard_conforming_strings, so that backslashes in plain literals stand for themselves.
func escape(p mask.Part, value []byte) ([]byte, error) {
	if bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value) {
		return nil, errors.New("the value is not UTF-8 text without NUL, which SQL cannot carry")
	}
	switch p.Context {
	case inLiteral:
		return double(value, '\''), nil
	case inEscape:
		return double(double(value, '\\'), '\''), nil
	}
	if len(value) == 0 || len(value) > maxIdentifier {
		return nil, fmt.Errorf("the value is no name: expected 1 to %d bytes", maxIdentifier)
	}
	name := double(value, '"')
	if p.Context == identifier {
		name = append(append([]byte{'"'}, name...), '"')
	}
	return name, nil
}

// double writes each c twice, into new memory.
func double(value []byte, c byte) []byte {
	out := make([]byte, 0, len(value)+4)
	for _, b := range value {
		if b == c {
			out = append(out, c)
		}
		out = append(out, b)
	}
	return out
}
