package sqlserver

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"cofre/executors/mask"
)

// Where a hole stands in Transact-SQL.
const (
	identifier = iota + 1 // bare: becomes a name in brackets
	inBrackets            // inside [...]
	inName                // inside "..."
	inLiteral             // inside '...'
)

// maxName is how many characters names and passwords may have.
const maxName = 128

// statement is one piece between semicolons, with its holes.
type statement struct {
	line  int
	parts []mask.Part
	verbs int // words that change something
}

// program is a compiled template.
type program struct {
	statements []statement
	masks      []mask.Name
}

// Masks lists the names in the template, and those that the login needs.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author; there are none.
func (p *program) Notices() []string { return nil }

var (
	goLine  = regexp.MustCompile(`(?im)^[ \t]*go[ \t]*\r?$`)
	changes = regexp.MustCompile(`(?i)^(alter|create|drop|exec|execute|insert|update|delete|merge|grant|deny|revoke|truncate|use|begin|commit|rollback)$`)
	spaces  = regexp.MustCompile(`^\s+`)
	comment = regexp.MustCompile(`^--[^\n]*`)
	word    = regexp.MustCompile(`^[A-Za-z_@#\x80-\xff][A-Za-z0-9_@#$\x80-\xff]*`)
)

func compile(source string) (*program, error) {
	source = strings.TrimPrefix(source, "\ufeff")
	source = goLine.ReplaceAllStringFunc(source, func(s string) string { return ";" + strings.Repeat(" ", len(s)-1) })
	l := lexer{src: source}
	for l.at < len(l.src) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	l.finish()
	if len(l.out) == 0 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected at least one statement"}
	}
	parts := []mask.Part{{Hole: mask.AuthUser}, {Hole: mask.AuthPassword}}
	for _, st := range l.out {
		parts = append(parts, st.parts...)
	}
	return &program{l.out, mask.Names(parts)}, nil
}

// lexer walks through the text once. It knows just enough of the grammar to tell where a hole stands.
type lexer struct {
	src  string
	at   int
	cur  statement
	text strings.Builder
	out  []statement
}

func (l *lexer) position(at int) (line, column int) {
	return strings.Count(l.src[:at], "\n") + 1, at - strings.LastIndex(l.src[:at], "\n")
}

func (l *lexer) fail(at int, msg string) error {
	line, column := l.position(at)
	return &mask.Error{Line: line, Column: column, Msg: msg}
}

func (l *lexer) flush() {
	if l.text.Len() > 0 {
		l.cur.parts = append(l.cur.parts, mask.Part{Literal: l.text.String()})
		l.text.Reset()
	}
}

// finish closes the statement, if it says anything.
func (l *lexer) finish() {
	l.flush()
	if l.cur.line > 0 {
		l.out = append(l.out, l.cur)
	}
	l.cur = statement{}
}

// take moves n bytes into the text.
func (l *lexer) take(n int) {
	if l.cur.line == 0 {
		l.cur.line, _ = l.position(l.at)
	}
	l.text.WriteString(l.src[l.at : l.at+n])
	l.at += n
}

// hole takes a hole if one starts here.
func (l *lexer) hole(context int) (bool, error) {
	name, width, err := mask.At(l.src[l.at:])
	if err != nil {
		return false, l.fail(l.at, err.Error())
	}
	if width == 0 {
		return false, nil
	}
	l.take(0)
	l.flush()
	line, column := l.position(l.at)
	l.cur.parts = append(l.cur.parts, mask.Part{Hole: name, Context: context, Line: line, Column: column})
	l.at += width
	return true, nil
}

// next takes one token.
func (l *lexer) next() error {
	s := l.src[l.at:]
	if n := len(spaces.FindString(s)); n > 0 {
		if l.cur.line > 0 {
			l.take(n)
		} else {
			l.at += n
		}
		return nil
	}
	if n := len(comment.FindString(s)); n > 0 {
		return l.skip(n)
	}
	if n := len(word.FindString(s)); n > 0 {
		return l.word(n)
	}
	switch {
	case s[0] == 0:
		return l.fail(l.at, "expected text without NUL")
	case strings.HasPrefix(s, "/*"):
		end := strings.Index(s, "*/")
		if end < 0 || strings.Contains(s[2:max(end, 2)], "/*") {
			return l.fail(l.at, "expected a comment that ends, without another one in it")
		}
		return l.skip(end + 2)
	case s[0] == ';':
		l.finish()
		l.at++
		return nil
	case s[0] == '\'':
		return l.quoted('\'', inLiteral)
	case s[0] == '"':
		return l.quoted('"', inName)
	}
	at := l.at
	found, err := l.hole(identifier)
	switch {
	case err != nil:
		return err
	case found && l.cur.parts[len(l.cur.parts)-1].Hole.Secret():
		return l.fail(at, "expected "+l.cur.parts[len(l.cur.parts)-1].Hole.String()+" inside single quotes: it is a value, not a name")
	case found && (at > 0 && glues(l.src[at-1]) || l.at < len(l.src) && glues(l.src[l.at])):
		return l.fail(at, "expected a tag that stands alone as a name, or inside quotes")
	case found:
		return nil
	case s[0] == '[':
		return l.quoted(']', inBrackets)
	}
	l.take(1)
	return nil
}

// glues tells whether a name would go on there.
func glues(c byte) bool {
	return word.Match([]byte{c}) || '0' <= c && c <= '9' || c == '[' || c == ']' || c == '"' || c == '$'
}

// skip leaves out a comment, in which no hole may stand.
func (l *lexer) skip(n int) error {
	for end := l.at + n; l.at < end; l.at++ {
		if _, width, err := mask.At(l.src[l.at:]); width > 0 || err != nil {
			return l.fail(l.at, "a tag cannot stand in a comment")
		}
	}
	return nil
}

// word takes a bare word. N in front of a quote is ours to write.
func (l *lexer) word(n int) error {
	w := l.src[l.at : l.at+n]
	if strings.EqualFold(w, "N") && strings.HasPrefix(l.src[l.at+n:], "'") {
		l.at += n
		return nil
	}
	if changes.MatchString(w) {
		l.cur.verbs++
	}
	l.take(n)
	return nil
}

// quoted takes everything up to the closing quote. Every literal becomes Unicode text: the others lose letters.
func (l *lexer) quoted(quote byte, context int) error {
	opened := l.at
	l.take(0)
	if context == inLiteral {
		l.text.WriteByte('N')
	}
	l.take(1)
	for l.at < len(l.src) {
		s := l.src[l.at:]
		switch {
		case s[0] == 0:
			return l.fail(l.at, "expected text without NUL")
		case s[0] == quote && len(s) > 1 && s[1] == quote:
			l.take(2)
		case s[0] == quote:
			l.take(1)
			return nil
		default:
			found, err := l.hole(context)
			if err != nil {
				return err
			}
			if !found {
				l.take(1)
			}
		}
	}
	return l.fail(opened, "expected a closing "+string(quote)+" before the end")
}

// escape turns a value into Transact-SQL for the place where its hole stands.
func escape(p mask.Part, value []byte) ([]byte, error) {
	if bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value) {
		return nil, errors.New("the value is not UTF-8 text without NUL, which SQL cannot carry")
	}
	if p.Context != inLiteral || p.Hole.Secret() {
		if err := loginText(value); err != nil {
			return nil, err
		}
	}
	switch p.Context {
	case inLiteral:
		return bytes.ReplaceAll(value, []byte("'"), []byte("''")), nil
	case inName:
		return bytes.ReplaceAll(value, []byte(`"`), []byte(`""`)), nil
	}
	name := bytes.ReplaceAll(value, []byte("]"), []byte("]]"))
	if p.Context == identifier {
		name = append(append([]byte{'['}, name...), ']')
	}
	return name, nil
}

// loginText lets names and passwords pass that a login can carry. The driver counts characters where the protocol counts halves
// of them, so that one outside of Unicode's basic plane would cut the rest.
func loginText(value []byte) error {
	n := 0
	for _, r := range string(value) {
		if r > 0xffff {
			return errors.New("the value holds a character that a login cannot carry")
		}
		n++
	}
	if n == 0 || n > maxName || !utf8.Valid(value) {
		return fmt.Errorf("expected 1 to %d characters, as names and passwords have", maxName)
	}
	return nil
}
