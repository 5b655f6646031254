package dialogue

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// maxLine is the longest line that a terminal in line mode takes; the kernel cuts longer ones silently.
const maxLine = 4095

// Where a hole stands in a terminal line. A hole alone on its line answers a prompt: the value goes as it is. Inside
// a longer line there may be a shell that would interpret it, and quoting cannot be known for every device, so values
// that could be read as anything but themselves are refused.
const (
	alone = iota
	bare
	inSingle
	inDouble
)

// Carries tells why a line that the template sends cannot hold a new secret; nil if every one can.
func (p *Program) Carries(fresh secret.Value) error {
	for i := range p.steps {
		st := &p.steps[i]
		if st.verb != send {
			continue
		}
		for _, part := range st.parts {
			if !part.Hole.Candidate() {
				continue
			}
			if err := fresh.Reveal(func(b []byte) error { _, err := p.carry(part, b); return err }); err != nil {
				return executors.Fail(executors.ClassTemplate, st.line, fmt.Errorf("%s: %w", part.Hole, err))
			}
		}
	}
	return nil
}

// quotes follows shell quotes through a line that is put together from several write commands.
type quotes struct {
	begun bool // the line has some text already
	open  byte // the open quote, 0 if none
}

// place marks the holes of one command with their context.
func (q *quotes) place(parts []mask.Part) []mask.Part {
	out := append([]mask.Part(nil), parts...)
	for i := range out {
		p := &out[i]
		if p.Hole == "" {
			q.text(p.Literal)
			continue
		}
		switch {
		case q.open == '\'':
			p.Context = inSingle
		case q.open == '"':
			p.Context = inDouble
		case q.begun || len(parts) > 1:
			p.Context = bare
		}
		q.begun = true
	}
	return out
}

func (q *quotes) text(s string) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && q.open != '\'':
			i++
		case q.open == 0 && (c == '\'' || c == '"'):
			q.open = c
		case c == q.open:
			q.open = 0
		}
	}
	q.begun = q.begun || s != ""
}

var special = map[int]string{
	bare:     " \t'\"`$;|&<>()\\*?[]{}!~#",
	inSingle: "'",
	inDouble: "\"`$\\!",
}

// TerminalLine lets a value pass if a terminal line carries it unchanged at that place.
func TerminalLine(p mask.Part, value []byte) ([]byte, error) {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return nil, errors.New("the value holds a line break or another control character, which a terminal line cannot carry")
		}
	}
	if !utf8.Valid(value) {
		return nil, errors.New("the value is not UTF-8 text, which a terminal line cannot carry")
	}
	if len(value) > maxLine {
		return nil, fmt.Errorf("the value is longer than the %d bytes of a terminal line", maxLine)
	}
	if p.Context != alone && (strings.ContainsAny(string(value), special[p.Context]) || p.Context == bare && (len(value) == 0 || value[0] == '-')) {
		return nil, errors.New("the value holds a character that a command line could interpret; let the template send it alone, as the answer to a prompt")
	}
	return value, nil
}
