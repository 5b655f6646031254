package oracle

import (
	"regexp"
	"slices"
	"strings"

	"cofre/executors/mask"
	"cofre/executors/script"
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
	block bool     // of PL/SQL: it may do several things
	words []string // bare words in capital letters, in order: enough to know the statement
}

// is tells whether a statement begins with words.
func (st *statement) is(words ...string) bool {
	return len(st.words) >= len(words) && slices.Equal(st.words[:len(words)], words)
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
	l := lexer{Text: script.Text{Src: source}}
	p := &program{login: login{who: mask.AuthUser, password: mask.AuthPassword, service: defaultService}}
	l.At = len(blank.FindString(source))
	if connWord.MatchString(source[l.At:]) {
		if err := l.conn(&p.login); err != nil {
			return nil, err
		}
	}
	for l.At < len(l.Src) {
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
	script.Text
	block bool
	words []string // of the statement, in capital letters
	out   []statement
}

// conn reads the line CONN user@service, as SQL*Plus knows it. Who logs in is one of two, since their passwords are the only ones.
func (l *lexer) conn(to *login) error {
	line, column := l.Position(l.At)
	m := connect.FindStringSubmatch(l.Src[l.At:])
	if m == nil {
		return l.Fail(l.At, "expected CONN [#AUTH_USER#]@service or CONN [#USERNAME#]@service, and AS SYSDBA after it if that is meant")
	}
	switch who, width, err := mask.At(m[1]); {
	case err != nil:
		return l.Fail(l.At, err.Error())
	case who == mask.AuthUser && width == len(m[1]):
	case who == mask.Username && width == len(m[1]):
		to.who, to.password = mask.Username, mask.CurrentPassword
	default:
		return l.Fail(l.At, "expected [#AUTH_USER#] or [#USERNAME#] before the @, and no password: it is the credential's")
	}
	service, err := mask.Parse(m[2])
	if err != nil {
		return l.Fail(l.At, err.Error())
	}
	for i := range service {
		service[i].Line, service[i].Column = line, column
		if service[i].Hole.Secret() && service[i].Hole != "" {
			return l.Fail(l.At, "expected a service without "+service[i].Hole.String()+", which is secret")
		}
	}
	to.line, to.service, to.sysdba = line, service, m[3] != ""
	l.At += len(m[0])
	return nil
}

// finish closes the statement, if it says anything.
func (l *lexer) finish() {
	if line, parts := l.Piece(); line > 0 {
		l.out = append(l.out, statement{line: line, parts: parts, block: l.block, words: l.words})
	}
	l.block, l.words = false, nil
}

// next takes one token.
func (l *lexer) next() error {
	s := l.Src[l.At:]
	if l.At == 0 || l.Src[l.At-1] == '\n' {
		if n := len(slashLine.FindString(s)); n > 0 {
			l.finish()
			l.At += n
			return nil
		}
	}
	if n := len(spaces.FindString(s)); n > 0 {
		n = max(strings.LastIndexByte(s[:n], '\n')+1, 1) // a slash may stand on the line that follows
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
		return l.word(n)
	}
	switch {
	case s[0] == 0:
		return l.Fail(l.At, "expected text without NUL")
	case strings.HasPrefix(s, "/*"):
		end := strings.Index(s[2:], "*/")
		if end < 0 {
			return l.Fail(l.At, "expected a comment that ends")
		}
		return l.Skip(end + 4)
	case s[0] == ';' && !l.block:
		l.finish()
		l.At++
		return nil
	case s[0] == '\'' && l.block:
		return l.Quoted('\'', true, inBlock)
	case s[0] == '\'':
		return l.Quoted('\'', true, inLiteral)
	case s[0] == '"':
		return l.Quoted('"', false, inName)
	}
	return l.bare()
}

// bare takes a hole outside of quotes, or one byte of anything else.
func (l *lexer) bare() error {
	at, context := l.At, identifier
	name, width, err := mask.At(l.Src[l.At:])
	if err == nil && width > 0 && name.Secret() {
		if context = password; !slices.Contains([]string{"BY", "REPLACE"}, l.last()) {
			return l.Fail(at, "expected "+name.String()+" after BY or REPLACE, or inside quotes: it is a value, not a name")
		}
	}
	took, err := l.Hole(context)
	switch {
	case err != nil:
		return err
	case took == "":
		l.Take(1)
	case at > 0 && glues(l.Src[at-1]), l.At < len(l.Src) && glues(l.Src[l.At]):
		return l.Fail(at, "expected a tag that stands alone as a name, or inside quotes")
	}
	return nil
}

// last is the word that was read last.
func (l *lexer) last() string {
	if len(l.words) == 0 {
		return ""
	}
	return l.words[len(l.words)-1]
}

// glues tells whether a name would go on there.
func glues(c byte) bool {
	return word.Match([]byte{c}) || '0' <= c && c <= '9' || strings.IndexByte(`$#[]"'`, c) >= 0
}

// word takes a bare word. Some words say what the statement is.
func (l *lexer) word(n int) error {
	w := strings.ToUpper(l.Src[l.At : l.At+n])
	if (w == "Q" || w == "NQ") && strings.HasPrefix(l.Src[l.At+n:], "'") {
		return l.Fail(l.At, "expected plain quotes: '...'")
	}
	if !l.Begun() && (w == "BEGIN" || w == "DECLARE") {
		l.block = true
	}
	l.words = append(l.words, w)
	l.Take(n)
	return nil
}
