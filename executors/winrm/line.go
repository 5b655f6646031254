package winrm

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// Contexts of holes in a command line.
const (
	bare     = iota
	inQuotes // of the command interpreter
	atEnd    // in quotes, right before the closing one
)

// quoted notes for each hole of a command line where it stands.
func quoted(parts []mask.Part) []mask.Part {
	in := false
	for i := range parts {
		if parts[i].Hole == "" {
			in = in != (bytes.Count([]byte(parts[i].Literal), []byte(`"`))%2 == 1)
			continue
		}
		switch {
		case in && i+1 < len(parts) && parts[i+1].Hole == "" && parts[i+1].Literal[0] == '"':
			parts[i].Context = atEnd
		case in:
			parts[i].Context = inQuotes
		}
	}
	return parts
}

// escape refuses what the command interpreter would read: there is no way to quote it that holds everywhere.
func escape(p mask.Part, value []byte) ([]byte, error) {
	if _, err := fitValue(p, value); err != nil {
		return nil, err
	}
	special := `"%`
	if p.Context == bare {
		special = `"%&|<>^()` + "`" + ` `
		if len(value) == 0 || value[0] == '/' || value[0] == '-' {
			return nil, errors.New("a value that is empty or begins like a switch cannot stand in a command line without quotes")
		}
	}
	if bytes.ContainsAny(value, special) || bytes.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }) {
		return nil, errors.New("the value holds a character that the command interpreter would read; use powershell")
	}
	if p.Context == atEnd && bytes.HasSuffix(value, []byte(`\`)) {
		return nil, errors.New(`a value that ends with \ would swallow the closing quote; use powershell`)
	}
	return value, nil
}

// Carries tells why a command line cannot hold a new secret; nil if every one can. Scripts carry any.
func (p *program) Carries(fresh secret.Value) error {
	for _, st := range p.steps {
		if st.verb != command {
			continue
		}
		for _, part := range st.parts {
			if !part.Hole.Candidate() {
				continue
			}
			if err := fresh.Reveal(func(b []byte) error { _, err := escape(part, b); return err }); err != nil {
				return executors.Fail(executors.ClassTemplate, st.line, fmt.Errorf("%s: %w", part.Hole, err))
			}
		}
	}
	return nil
}

// fitName lets no value pass that is more than the name of an account: it stands in a path.
func fitName(_ mask.Part, value []byte) ([]byte, error) {
	if len(value) == 0 || bytes.ContainsAny(value, `"/\[]:;|=,+*?<>`) || bytes.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == utf8.RuneError }) {
		return nil, errors.New("expected the name of an account of the device")
	}
	return value, nil
}
