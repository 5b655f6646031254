package postgres

import (
	"strings"

	"cofre/executors/mask"
)

// Where a hole stands in SQL.
const (
	identifier = iota + 1 // bare: becomes a quoted identifier
	inName                // inside double quotes
	inLiteral             // inside single quotes
	inEscape              // inside E'...', where backslashes count
)

// statement is one SQL statement with its holes.
type statement struct {
	line     int
	parts    []mask.Part
	words    []string // bare words in upper case, in order: enough to know the statement
	verifier int      // index of the part that is the new password of a role and nothing else, or -1
}

// lexer walks through SQL once. It knows just enough of the grammar to tell where a hole stands.
type lexer struct {
	src          string
	at           int
	line, column int
	cur          statement
	literal      strings.Builder
	from         mask.Part // where the literal began
	out          []statement
}

func lex(src string) ([]statement, error) {
	l := &lexer{src: src, line: 1, column: 1}
	l.begin()
	for l.at < len(l.src) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	l.finish()
	return l.out, nil
}

func (l *lexer) begin() {
	l.cur = statement{verifier: -1}
	l.literal.Reset()
}

// finish closes the current statement, if it says anything.
func (l *lexer) finish() {
	l.flush()
	if len(l.cur.words) > 0 || len(mask.Names(l.cur.parts)) > 0 {
		l.out = append(l.out, l.cur)
	}
	l.begin()
}

func (l *lexer) flush() {
	if l.literal.Len() > 0 {
		l.from.Literal = l.literal.String()
		l.cur.parts = append(l.cur.parts, l.from)
		l.literal.Reset()
	}
}

func (l *lexer) rest() string { return l.src[l.at:] }

// take moves n bytes into the literal.
func (l *lexer) take(n int) {
	if l.literal.Len() == 0 {
		l.from = mask.Part{Line: l.line, Column: l.column}
	}
	l.literal.WriteString(l.src[l.at : l.at+n])
	l.skip(n)
}

func (l *lexer) skip(n int) {
	for range n {
		l.column++
		if l.src[l.at] == '\n' {
			l.line, l.column = l.line+1, 1
		}
		l.at++
	}
}

func (l *lexer) fail(msg string) error { return &mask.Error{Line: l.line, Column: l.column, Msg: msg} }

// hole takes a hole if one starts here.
func (l *lexer) hole(context int) (bool, error) {
	name, width, err := mask.At(l.rest())
	if err != nil {
		return false, l.fail(err.Error())
	}
	if width == 0 {
		return false, nil
	}
	l.flush()
	if l.cur.line == 0 {
		l.cur.line = l.line
	}
	l.cur.parts = append(l.cur.parts, mask.Part{Hole: name, Context: context, Line: l.line, Column: l.column})
	l.skip(width)
	return true, nil
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// next takes one token.
func (l *lexer) next() error {
	s := l.rest()
	switch {
	case s[0] == 0:
		return l.fail("expected SQL text without NUL")
	case strings.HasPrefix(s, "--"):
		end := strings.IndexByte(s, '\n')
		if end < 0 {
			end = len(s)
		}
		return l.opaque(end, "a comment")
	case strings.HasPrefix(s, "/*"):
		n := commentLen(s)
		if n < 0 {
			return l.fail("expected */ before the end")
		}
		return l.opaque(n, "a comment")
	case s[0] == '$':
		return l.dollar(s)
	case s[0] == '\'':
		return l.quoted('\'', inLiteral)
	case s[0] == '"':
		return l.quoted('"', inName)
	case s[0] == ';':
		l.finish()
		l.skip(1)
		l.begin()
		return nil
	case isWord(s[0]):
		return l.word(s)
	}
	return l.bare()
}

// bare takes a hole where an identifier stands, or one other byte.
func (l *lexer) bare() error {
	glued := l.at > 0 && (isWord(l.src[l.at-1]) || l.src[l.at-1] == ']' && endsWithHole(l.cur.parts, l.literal.Len()))
	at := *l
	found, err := l.hole(identifier)
	if err != nil {
		return err
	}
	if !found {
		l.take(1)
		return nil
	}
	if glued || l.at < len(l.src) && isWord(l.src[l.at]) {
		return at.fail("expected a tag that stands alone as a name, or inside quotes")
	}
	if n := l.cur.parts[len(l.cur.parts)-1].Hole; n.Secret() {
		return at.fail("expected " + n.String() + " inside single quotes: it is a value, not a name")
	}
	return nil
}

func endsWithHole(parts []mask.Part, pending int) bool {
	return pending == 0 && len(parts) > 0 && parts[len(parts)-1].Hole != ""
}

// word takes a bare word; E and U& in front of a quote change what the quote means.
func (l *lexer) word(s string) error {
	n := 1
	for n < len(s) && isWord(s[n]) {
		n++
	}
	w := strings.ToUpper(s[:n])
	if l.cur.line == 0 {
		l.cur.line = l.line
	}
	switch {
	case w == "E" && n < len(s) && s[n] == '\'':
		l.take(n)
		return l.quoted('\'', inEscape)
	case w == "U" && (strings.HasPrefix(s[n:], "&'") || strings.HasPrefix(s[n:], `&"`)):
		return l.fail("U& quotes are not offered; expected plain quotes")
	}
	l.cur.words = append(l.cur.words, w)
	l.take(n)
	return nil
}

// quoted takes everything up to the closing quote.
func (l *lexer) quoted(quote byte, context int) error {
	open := *l
	l.take(1)
	start := len(l.cur.parts)
	for l.at < len(l.src) {
		s := l.rest()
		switch {
		case s[0] == 0:
			return l.fail("expected SQL text without NUL")
		case s[0] == quote && len(s) > 1 && s[1] == quote, context == inEscape && s[0] == '\\' && len(s) > 1:
			l.take(2)
		case s[0] == quote:
			l.passwordOf(start)
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
	return open.fail("expected a closing " + string(quote) + " before the end")
}

// passwordOf notes that the literal which just ends is the whole password of a role: a single hole after PASSWORD.
func (l *lexer) passwordOf(start int) {
	w := l.cur.words
	hole := len(l.cur.parts) - 1
	// The opening quote was flushed as the end of the part before the hole.
	alone := l.literal.Len() == 0 && hole == start+1 && strings.HasSuffix(l.cur.parts[start].Literal, "'")
	if alone && len(w) >= 3 && w[len(w)-1] == "PASSWORD" && (w[0] == "ALTER" || w[0] == "CREATE") && (w[1] == "USER" && w[2] != "MAPPING" || w[1] == "ROLE") &&
		l.cur.parts[hole].Hole.Secret() {
		l.cur.verifier = hole
	}
}

// dollar takes a dollar-quoted text, or just the sign.
func (l *lexer) dollar(s string) error {
	end := 1
	for end < len(s) && s[end] != '$' && isWord(s[end]) {
		end++
	}
	if end >= len(s) || s[end] != '$' {
		l.take(1)
		return nil
	}
	tag := s[:end+1]
	body := strings.Index(s[len(tag):], tag)
	if body < 0 {
		return l.fail("expected a closing " + tag + " before the end")
	}
	return l.opaque(len(tag)+body+len(tag), "dollar quotes")
}

// opaque takes n bytes in which nothing can be escaped, so that no hole may stand there.
func (l *lexer) opaque(n int, what string) error {
	for end := l.at + n; l.at < end; {
		if _, width, err := mask.At(l.rest()); width > 0 || err != nil {
			return l.fail("a tag cannot stand in " + what)
		}
		l.take(1)
	}
	return nil
}

// commentLen is the length of a block comment, which may hold others; -1 if it does not end.
func commentLen(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth, i = depth+1, i+1
		case "*/":
			depth, i = depth-1, i+1
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
