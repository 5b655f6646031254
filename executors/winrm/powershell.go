package winrm

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"cofre/executors/mask"
)

// code is a PowerShell script whose holes are variables, and what goes into them, in order.
type code struct {
	text    string
	holes   []mask.Part
	several bool // it may do more than one thing
}

func (c code) parts() []mask.Part { return c.holes }

// bootstrap is the one script that stands in a command line. It reads a script and its values from standard input, one base64 on each
// line, with an end mark so that half of it is never run, makes variables of the values, and runs the script. Only methods of .NET
// touch the values: what cmdlets are given may be logged.
const bootstrap = `$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue'
$cofre=@($input)
try{
if($cofre.Count -lt 2 -or $cofre[-1] -ne '.'){throw 'the script did not arrive whole'}
for($cofreAt=1;$cofreAt -lt $cofre.Count-1;$cofreAt++){$ExecutionContext.SessionState.PSVariable.Set('cofre'+$cofreAt,[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($cofre[$cofreAt])))}
. ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($cofre[0]))))
if($LASTEXITCODE){exit $LASTEXITCODE}
}catch{
$cofreWhy=$_.Exception.GetBaseException()
[Console]::Error.WriteLine('{0} {1:X8} {2}',$cofreWhy.GetType().FullName,$cofreWhy.HResult,$cofreWhy.Message)
exit 1
}
exit 0`

// launch is the command line that waits for a script.
var launch = func() string {
	var wide []byte
	for _, u := range utf16.Encode([]rune(bootstrap)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	return "powershell.exe -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand " + base64.StdEncoding.EncodeToString(wide)
}()

// variable is how a script writes the n-th value, from 1.
func variable(n int) string { return "${cofre" + strconv.Itoa(n) + "}" }

// scanner reads a script. Holes are single bytes to it, which no script may hold.
type scanner struct {
	line  int
	src   string
	at    int
	out   strings.Builder
	holes []mask.Part // by their order in src
	used  int
	code
}

const hole = '\x00'

// shell makes code of a script: every hole becomes a variable. In quotes it is one anyhow; a word with holes in it becomes a quoted
// string, and so does a string in single quotes. Nothing that a value holds is ever read as code.
func shell(parts []mask.Part, line int) (code, error) {
	s := &scanner{line: line}
	var src strings.Builder
	for _, p := range parts {
		if p.Hole != "" {
			src.WriteByte(hole)
			s.holes = append(s.holes, p)
			continue
		}
		src.WriteString(strings.ReplaceAll(p.Literal, "[nl]", "\n"))
	}
	s.src = strings.TrimSpace(src.String())
	if err := s.script(false); err != nil {
		return code{}, err
	}
	s.text = s.out.String()
	return s.code, nil
}

func (s *scanner) fail(msg string) error {
	column := 1
	if s.used < len(s.holes) {
		column = s.holes[s.used].Column
	}
	return &mask.Error{Line: s.line, Column: column, Msg: msg}
}

func (s *scanner) peek(text string) bool { return strings.HasPrefix(s.src[s.at:], text) }

// copy takes over n bytes.
func (s *scanner) copy(n int) {
	s.out.WriteString(s.src[s.at : s.at+n])
	s.at += n
}

// fill writes the variable of the next hole.
func (s *scanner) fill() {
	h := s.holes[s.used]
	s.used++
	s.code.holes = append(s.code.holes, h)
	s.out.WriteString(variable(len(s.code.holes)))
}

// script reads code up to its end, or, inside of a string, up to the parenthesis that closes it.
func (s *scanner) script(inside bool) error {
	calls := make([]bool, 0, 8) // for each open parenthesis, whether a method is called
	if inside {
		calls = append(calls, false)
	}
	for s.at < len(s.src) {
		c := s.src[s.at]
		var err error
		switch {
		case c == '`':
			s.copy(min(2, len(s.src)-s.at))
		case s.peek("@'\n"), s.peek("@\"\n"):
			err = s.here(c == '@' && s.src[s.at+1] == '"', inside)
		case c == '\'':
			err = s.single(inside)
		case c == '"':
			err = s.double(inside)
		case s.peek("<#"):
			err = s.comment("#>")
		case c == '#' && s.starts():
			err = s.comment("\n")
		case wordByte(c):
			err = s.word(inside)
		case c == ';' || c == '\n':
			s.copy(1)
			s.several = s.several || strings.TrimSpace(s.src[s.at:]) != ""
		case c == '(':
			// A method's arguments are one thing, a list may be many.
			calls = append(calls, s.at > 0 && s.src[s.at-1] != '@' && wordByte(s.src[s.at-1]))
			s.copy(1)
		case c == ')':
			s.copy(1)
			if calls = calls[:max(len(calls)-1, 0)]; inside && len(calls) == 0 {
				return nil
			}
		default:
			s.several = s.several || c == '{' || c == '|' || c == ',' && (len(calls) == 0 || !calls[len(calls)-1])
			s.copy(1)
		}
		if err != nil {
			return err
		}
	}
	if inside {
		return s.fail("expected a closing ) in $( )")
	}
	return nil
}

// starts tells whether a new word starts here.
func (s *scanner) starts() bool {
	return s.at == 0 || strings.IndexByte(" \t\n;(){}|,=", s.src[s.at-1]) >= 0
}

func wordByte(c byte) bool {
	return c == hole || c == '_' || c >= 0x80 || strings.IndexByte(`\/:@.%+~*?[]-`, c) >= 0 || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// word reads a run of plain characters.
func (s *scanner) word(inside bool) error {
	end := s.at
	for end < len(s.src) && wordByte(s.src[end]) {
		end++
	}
	text := s.src[s.at:end]
	if strings.IndexByte(text, hole) < 0 {
		s.copy(len(text))
		return nil
	}
	before := strings.TrimRight(s.src[:s.at], " \t")
	switch {
	case inside:
		return s.fail("a tag cannot stand inside $( ) in quotes")
	case !s.starts() || end < len(s.src) && strings.IndexByte(" \t\n;)}|,", s.src[end]) < 0, text[0] == '-' || strings.ContainsAny(text, "[]*?"):
		return s.fail("expected the tag in double quotes")
	case strings.HasSuffix(before, "&"):
		return s.fail("a tag cannot name what is called")
	}
	s.out.WriteByte('"')
	s.mixed(text)
	s.at = end
	s.out.WriteByte('"')
	return nil
}

// comment passes over one.
func (s *scanner) comment(until string) error {
	n := strings.Index(s.src[s.at:], until)
	switch {
	case n < 0 && until == "\n":
		n = len(s.src) - s.at
	case n < 0:
		return s.fail("expected #> at the end of the comment")
	case until != "\n":
		n += len(until)
	}
	if strings.IndexByte(s.src[s.at:s.at+n], hole) >= 0 {
		return s.fail("a tag cannot stand in a comment")
	}
	s.copy(n)
	return nil
}

// literal writes text so that it means itself in double quotes.
var literal = strings.NewReplacer("`", "``", "$", "`$", `"`, "`\"")

// single reads a string in single quotes; with holes it is written in double ones.
func (s *scanner) single(inside bool) error {
	end := s.at + 1
	for ; end < len(s.src); end++ {
		if s.src[end] != '\'' {
			continue
		}
		if !strings.HasPrefix(s.src[end:], "''") {
			break
		}
		end++
	}
	if end >= len(s.src) {
		return s.fail("expected a closing '")
	}
	text := s.src[s.at+1 : end]
	if strings.IndexByte(text, hole) < 0 {
		s.copy(end + 1 - s.at)
		return nil
	}
	if inside {
		return s.fail("a tag cannot stand inside $( ) in quotes")
	}
	s.out.WriteByte('"')
	s.mixed(strings.ReplaceAll(text, "''", "'"))
	s.out.WriteByte('"')
	s.at = end + 1
	return nil
}

// mixed writes plain text with holes for a place in double quotes.
func (s *scanner) mixed(text string) {
	for i, piece := range strings.Split(text, string(rune(hole))) {
		if i > 0 {
			s.fill()
		}
		s.out.WriteString(literal.Replace(piece))
	}
}

// double reads a string in double quotes.
func (s *scanner) double(inside bool) error {
	s.copy(1)
	for s.at < len(s.src) {
		c := s.src[s.at]
		switch {
		case c == hole && inside:
			return s.fail("a tag cannot stand inside $( ) in quotes")
		case c == hole:
			s.fill()
			s.at++
		case c == '`' && s.at+1 < len(s.src):
			if s.src[s.at+1] == hole {
				return s.fail("expected no ` before a tag")
			}
			s.copy(2)
		case s.peek("$("):
			s.copy(2)
			if err := s.script(true); err != nil {
				return err
			}
		case s.peek("$\x00"), s.peek("${\x00"):
			return s.fail("expected no $ before a tag")
		case s.peek(`""`):
			s.copy(2)
		case c == '"':
			s.copy(1)
			return nil
		default:
			s.copy(1)
		}
	}
	return s.fail(`expected a closing "`)
}

// here reads a here-string; with holes one in single quotes is written in double ones.
func (s *scanner) here(double, inside bool) error {
	mark := "\n'@"
	if double {
		mark = "\n\"@"
	}
	n := strings.Index(s.src[s.at+2:], mark)
	if n < 0 {
		return s.fail("expected the end of the here-string at the start of a line")
	}
	text, end := s.src[s.at+3:max(s.at+2+n, s.at+3)], s.at+2+n+len(mark)
	if strings.IndexByte(text, hole) < 0 {
		s.copy(end - s.at)
		return nil
	}
	if double || inside {
		return s.fail("expected the tag in a string of one line: here-strings hold none")
	}
	s.out.WriteByte('"')
	s.mixed(text)
	s.out.WriteByte('"')
	s.at = end
	return nil
}

// fitValue lets no value pass that a string of PowerShell cannot carry, nor an empty secret.
func fitValue(p mask.Part, value []byte) ([]byte, error) {
	switch {
	case !utf8.Valid(value) || strings.IndexByte(string(value), 0) >= 0:
		return nil, errors.New("expected text in UTF-8, without NUL")
	case len(value) == 0 && p.Hole.Candidate():
		return nil, errors.New("an empty password would let everybody in")
	case p.Hole.Candidate() && len(utf16.Encode([]rune(string(value)))) > maxPassword:
		return nil, errors.New("a password of Windows has at most 127 characters")
	}
	return value, nil
}

// maxPassword is how long local accounts' passwords may be.
const maxPassword = 127
