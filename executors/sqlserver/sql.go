package sqlserver

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"cofre/executors/mask"
	"cofre/executors/script"
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
	words []string // bare words in capital letters, in order: enough to know the statement
}

// verbs counts the words that change something.
func (st *statement) verbs() (n int) {
	for _, w := range st.words {
		if changes.MatchString(w) {
			n++
		}
	}
	return n
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
	changes = regexp.MustCompile(`^(ALTER|CREATE|DROP|EXEC|EXECUTE|INSERT|UPDATE|DELETE|MERGE|GRANT|DENY|REVOKE|TRUNCATE|USE|BEGIN|COMMIT|ROLLBACK)$`)
	spaces  = regexp.MustCompile(`^\s+`)
	comment = regexp.MustCompile(`^--[^\n]*`)
	word    = regexp.MustCompile(`^[A-Za-z_@#\x80-\xff][A-Za-z0-9_@#$\x80-\xff]*`)
)

func compile(source string) (*program, error) {
	source = strings.TrimPrefix(source, "\ufeff")
	source = goLine.ReplaceAllStringFunc(source, func(s string) string { return ";" + strings.Repeat(" ", len(s)-1) })
	l := lexer{Text: script.Text{Src: source}}
	for l.At < len(l.Src) {
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
	script.Text
	words []string // of the statement, in capital letters
	out   []statement
}

// finish closes the statement, if it says anything.
func (l *lexer) finish() {
	if line, parts := l.Piece(); line > 0 {
		l.out = append(l.out, statement{line: line, parts: parts, words: l.words})
	}
	l.words = nil
}

// next takes one token.
func (l *lexer) next() error {
	s := l.Rest()
	if n := len(spaces.FindString(s)); n > 0 {
		if l.Begun() {
			l.Take(n)
		} else {
			l.At += n
		}
		return nil
	}
	if n := len(comment.FindString(s)); n > 0 {
		return l.Skip(n)
	}
	if n := len(word.FindString(s)); n > 0 {
		l.word(n)
		return nil
	}
	switch {
	case s[0] == 0:
		return l.Fail(l.At, "expected text without NUL")
	case strings.HasPrefix(s, "/*"):
		end := strings.Index(s, "*/")
		if end < 0 || strings.Contains(s[2:max(end, 2)], "/*") {
			return l.Fail(l.At, "expected a comment that ends, without another one in it")
		}
		return l.Skip(end + 2)
	case s[0] == ';':
		l.finish()
		l.At++
		return nil
	case s[0] == '\'': // every literal becomes Unicode text: the others lose letters
		l.Write("N")
		return l.Quoted('\'', true, inLiteral)
	case s[0] == '"':
		return l.Quoted('"', true, inName)
	}
	at := l.At
	name, err := l.Hole(identifier)
	switch {
	case err != nil:
		return err
	case name != "" && name.Secret():
		return l.Fail(at, "expected "+name.String()+" inside single quotes: it is a value, not a name")
	case name != "" && (at > 0 && glues(l.Src[at-1]) || l.At < len(l.Src) && glues(l.Src[l.At])):
		return l.Fail(at, "expected a tag that stands alone as a name, or inside quotes")
	case name != "":
		return nil
	case s[0] == '[':
		return l.Quoted(']', true, inBrackets)
	}
	l.Take(1)
	return nil
}

// glues tells whether a name would go on there.
func glues(c byte) bool {
	return word.Match([]byte{c}) || '0' <= c && c <= '9' || c == '[' || c == ']' || c == '"' || c == '$'
}

// word takes a bare word. N in front of a quote is ours to write.
func (l *lexer) word(n int) {
	w := l.Src[l.At : l.At+n]
	if strings.EqualFold(w, "N") && strings.HasPrefix(l.Src[l.At+n:], "'") {
		l.At += n
		return
	}
	l.words = append(l.words, strings.ToUpper(w))
	l.Take(n)
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
