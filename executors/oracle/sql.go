package oracle

import (
	"regexp"
	"strings"

	"cofre/executors/mask"
)

// Where a hole stands in Oracle's SQL.
const (
	identifier = iota + 1 // bare: becomes a name
	password              // bare, after BY or REPLACE: becomes a password in quotes
	inName                // inside "..."
	inLiteral             // inside '...'
	inBlock               // inside '...' in PL/SQL, which may take it for SQL once more
)

// statement is one statement or one block, with its holes.
type statement struct {
	line  int
	parts []mask.Part
	block bool // of PL/SQL: it may do several things
	drops bool // it is DROP USER
}

// program is a compiled template.
type program struct {
	login      login
	statements []statement
	masks      []mask.Name
}

// Masks lists the names in the template, and those that the login needs.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author; there are none.
func (p *program) Notices() []string { return nil }

var (
	connect   = regexp.MustCompile(`(?i)^[ \t]*(?:conn|connect)[ \t]+(\S+?)@(\S+?)([ \t]+as[ \t]+sysdba)?[ \t]*;?[ \t]*\r?(?:\n|$)`)
	connWord  = regexp.MustCompile(`(?i)^[ \t]*(?:conn|connect)\b`)
	blank     = regexp.MustCompile(`^(?:[ \t]*(?:--[^\n]*)?\r?\n)*`)
	slashLine = regexp.MustCompile(`^[ \t]*/[ \t]*\r?(?:\n|$)`)
	spaces    = regexp.MustCompile(`^\s+`)
	comment   = regexp.MustCompile(`^--[^\n]*`)
	word      = regexp.MustCompile(`^[A-Za-z_\x80-\xff][A-Za-z0-9_$#\x80-\xff]*`)
)

func compile(source string) (*program, error) {
	source = strings.TrimPrefix(source, "\ufeff")
	l := lexer{src: source}
	p := &program{login: login{who: mask.AuthUser, password: mask.AuthPassword, service: defaultService}}
	l.at = len(blank.FindString(source))
	if connWord.MatchString(source[l.at:]) {
		if err := l.conn(&p.login); err != nil {
			return nil, err
		}
	}
	for l.at < len(l.src) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	l.finish()
	if p.statements = l.out; len(l.out) == 0 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected at least one statement"}
	}
	parts := append([]mask.Part{{Hole: p.login.who}, {Hole: p.login.password}}, p.login.service...)
	for _, st := range l.out {
		parts = append(parts, st.parts...)
	}
	p.masks = mask.Names(parts)
	return p, nil
}

// lexer walks through the text once. It knows just enough of the grammar to tell where a hole stands.
type lexer struct {
	src  string
	at   int
	cur  statement
	text strings.Builder
	last [2]string // words of the statement, the last one first
	out  []statement
}

func (l *lexer) position(at int) (line, column int) {
	return strings.Count(l.src[:at], "\n") + 1, at - strings.LastIndex(l.src[:at], "\n")
}

func (l *lexer) fail(at int, msg string) error {
	line, column := l.position(at)
	return &mask.Error{Line: line, Column: column, Msg: msg}
}

// conn reads the line CONN user@service, as SQL*Plus knows it. Who logs in is one of two, since their passwords are the only ones.
func (l *lexer) conn(to *login) error {
	line, column := l.position(l.at)
	m := connect.FindStringSubmatch(l.src[l.at:])
	if m == nil {
		return l.fail(l.at, "expected CONN [#AUTH_USER#]@service or CONN [#USERNAME#]@service, and AS SYSDBA after it if that is meant")
	}
	switch who, width, err := mask.At(m[1]); {
	case err != nil:
		return l.fail(l.at, err.Error())
	case who == mask.AuthUser && width == len(m[1]):
	case who == mask.Username && width == len(m[1]):
		to.who, to.password = mask.Username, mask.CurrentPassword
	default:
		return l.fail(l.at, "expected [#AUTH_USER#] or [#USERNAME#] before the @, and no password: it is the credential's")
	}
	service, err := mask.Parse(m[2])
	if err != nil {
		return l.fail(l.at, err.Error())
	}
	for i := range service {
		service[i].Line, service[i].Column = line, column
		if service[i].Hole.Secret() && service[i].Hole != "" {
			return l.fail(l.at, "expected a service without "+service[i].Hole.String()+", which is secret")
		}
	}
	to.line, to.service, to.sysdba = line, service, m[3] != ""
	l.at += len(m[0])
	return nil
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
	l.cur, l.last = statement{}, [2]string{}
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
	if l.at == 0 || l.src[l.at-1] == '\n' {
		if n := len(slashLine.FindString(s)); n > 0 {
			l.finish()
			l.at += n
			return nil
		}
	}
	if n := len(spaces.FindString(s)); n > 0 {
		n = max(strings.LastIndexByte(s[:n], '\n')+1, 1) // a slash may stand on the line that follows
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
		end := strings.Index(s[2:], "*/")
		if end < 0 {
			return l.fail(l.at, "expected a comment that ends")
		}
		return l.skip(end + 4)
	case s[0] == ';' && !l.cur.block:
		l.finish()
		l.at++
		return nil
	case s[0] == '\'' && l.cur.block:
		return l.quoted('\'', inBlock)
	case s[0] == '\'':
		return l.quoted('\'', inLiteral)
	case s[0] == '"':
		return l.quoted('"', inName)
	}
	return l.bare()
}

// bare takes a hole outside of quotes, or one byte of anything else.
func (l *lexer) bare() error {
	at, context := l.at, identifier
	name, width, err := mask.At(l.src[l.at:])
	if err == nil && width > 0 && name.Secret() {
		if context = password; l.last[0] != "BY" && l.last[0] != "REPLACE" {
			return l.fail(at, "expected "+name.String()+" after BY or REPLACE, or inside quotes: it is a value, not a name")
		}
	}
	found, err := l.hole(context)
	switch {
	case err != nil:
		return err
	case !found:
		l.take(1)
	case at > 0 && glues(l.src[at-1]), l.at < len(l.src) && glues(l.src[l.at]):
		return l.fail(at, "expected a tag that stands alone as a name, or inside quotes")
	}
	return nil
}

// glues tells whether a name would go on there.
func glues(c byte) bool {
	return word.Match([]byte{c}) || '0' <= c && c <= '9' || strings.IndexByte(`$#[]"'`, c) >= 0
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

// word takes a bare word. Some words say what the statement is.
func (l *lexer) word(n int) error {
	w := strings.ToUpper(l.src[l.at : l.at+n])
	if (w == "Q" || w == "NQ") && strings.HasPrefix(l.src[l.at+n:], "'") {
		return l.fail(l.at, "expected plain quotes: '...'")
	}
	if l.cur.line == 0 && (w == "BEGIN" || w == "DECLARE") {
		l.cur.block = true
	}
	if l.last == [2]string{"DROP", ""} && w == "USER" {
		l.cur.drops = true
	}
	l.last = [2]string{w, l.last[0]}
	l.take(n)
	return nil
}

// quoted takes everything up to the closing quote. Only a single one may be doubled.
func (l *lexer) quoted(quote byte, context int) error {
	opened := l.at
	l.take(1)
	for l.at < len(l.src) {
		s := l.src[l.at:]
		switch {
		case s[0] == 0:
			return l.fail(l.at, "expected text without NUL")
		case s[0] == '\'' && quote == '\'' && strings.HasPrefix(s, "''"):
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
