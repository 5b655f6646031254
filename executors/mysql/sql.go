package mysql

import (
	"strings"

	"cofre/executors/mask"
)

// Where a hole stands in SQL.
const (
	identifier = iota + 1 // bare: becomes a quoted name
	inName                // inside backticks
	inSingle              // inside single quotes
	inDouble              // inside double quotes, which are literals too
	inPassword            // all that stands inside the single quotes after IDENTIFIED BY
)

// statement is one SQL statement with its holes.
type statement struct {
	line  int
	parts []mask.Part
	words []string // bare words in upper case, in order: enough to know the statement
	list  bool     // it has a comma outside of quotes: it may act on several accounts, one by one
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
	for l.at < len(l.src) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	l.finish()
	return l.out, nil
}

// finish closes the current statement, if it says anything.
func (l *lexer) finish() {
	l.flush()
	if len(l.cur.words) > 0 || len(mask.Names(l.cur.parts)) > 0 {
		l.out = append(l.out, l.cur)
	}
	l.cur = statement{}
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
	case s[0] == '#', strings.HasPrefix(s, "--") && (len(s) == 2 || s[2] <= ' '):
		end := strings.IndexByte(s, '\n')
		if end < 0 {
			end = len(s)
		}
		return l.comment(end)
	case strings.HasPrefix(s, "/*!"), strings.HasPrefix(s, "/*M!"), strings.HasPrefix(s, "/*m!"):
		return l.fail("comments that the server runs are not offered; expected the statement itself")
	case strings.HasPrefix(s, "/*"):
		end := strings.Index(s[2:], "*/")
		if end < 0 {
			return l.fail("expected */ before the end")
		}
		return l.comment(end + 4)
	case s[0] == '\\':
		return l.fail("a backslash has no meaning outside of quotes")
	case s[0] == '\'':
		return l.quoted('\'', inSingle)
	case s[0] == '"':
		return l.quoted('"', inDouble)
	case s[0] == '`':
		return l.quoted('`', inName)
	case s[0] == ';':
		l.finish()
		l.skip(1)
		return nil
	case isWord(s[0]):
		return l.word(s)
	case s[0] == ',':
		l.cur.list = true
	}
	return l.bare()
}

// bare takes a hole where a name stands, or one other byte.
func (l *lexer) bare() error {
	glued := l.at > 0 && (isWord(l.src[l.at-1]) || l.src[l.at-1] == ']' && l.endsWithHole())
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

func (l *lexer) endsWithHole() bool {
	n := len(l.cur.parts)
	return l.literal.Len() == 0 && n > 0 && l.cur.parts[n-1].Hole != ""
}

// word takes a bare word. In front of a quote some words change what the quote means.
func (l *lexer) word(s string) error {
	n := 1
	for n < len(s) && isWord(s[n]) {
		n++
	}
	w := strings.ToUpper(s[:n])
	if l.cur.line == 0 {
		l.cur.line = l.line
	}
	next := strings.TrimLeft(s[n:], " \t\r\n")
	quote := next != "" && (next[0] == '\'' || next[0] == '"')
	if quote && (w[0] == '_' || len(next) == len(s)-n && len(w) == 1) {
		return l.fail(s[:n] + " in front of a quote is not offered; expected plain quotes")
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
		case s[0] == quote && len(s) > 1 && s[1] == quote, context != inName && s[0] == '\\' && len(s) > 1:
			l.take(2)
		case s[0] == quote:
			l.password(start, context)
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

// password notes that the literal which just ends is the whole password of an account: a single hole after IDENTIFIED BY.
func (l *lexer) password(start, context int) {
	w := l.cur.words
	hole := len(l.cur.parts) - 1
	// The opening quote was flushed as the end of the part before the hole.
	alone := context == inSingle && l.literal.Len() == 0 && hole == start+1 && strings.HasSuffix(l.cur.parts[start].Literal, "'")
	if alone && len(w) >= 4 && w[len(w)-2] == "IDENTIFIED" && w[len(w)-1] == "BY" && (w[0] == "ALTER" || w[0] == "CREATE") && w[1] == "USER" &&
		l.cur.parts[hole].Hole.Secret() {
		l.cur.parts[hole].Context = inPassword
	}
}

// comment takes n bytes in which no hole may stand.
func (l *lexer) comment(n int) error {
	for end := l.at + n; l.at < end; {
		if _, width, err := mask.At(l.rest()); width > 0 || err != nil {
			return l.fail("a tag cannot stand in a comment")
		}
		l.take(1)
	}
	return nil
}
