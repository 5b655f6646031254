package dialogue

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cofre/executors/mask"
	"cofre/executors/script"
)

// verb is what a step does.
type verb uint8

const (
	send   verb = iota + 1 // write to the terminal
	await                  // wait for a pattern
	forbid                 // fail if a pattern shows up before the next awaited one
	pause
)

// step is one compiled command. Settings such as the read timeout are folded into the steps that follow them.
type step struct {
	verb     verb
	line     int
	source   string
	parts    []mask.Part
	newline  string        // sent after the parts
	regex    bool          // the parts are a regular expression
	flags    string        // of the regular expression
	wildcard bool          // "*" in literals stands for any text
	timeout  time.Duration // 0: the session's
	secret   bool          // carries NEW_PASSWORD
}

// Program is a compiled template.
type Program struct {
	steps          []step
	masks          []mask.Name
	notices        []string
	connectTimeout time.Duration // 0: the session's
	carry          mask.Escape
}

// Masks lists the names in the template.
func (p *Program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *Program) Notices() []string { return p.notices }

// compiler is the state while commands are read one after the other.
type compiler struct {
	Program
	dialect Dialect
	newline string
	timeout time.Duration
	quotes  quotes // of the terminal line that is being put together
	ended   bool
}

// Compile checks a template of a dialect.
func Compile(source string, d Dialect) (*Program, error) {
	s, err := script.Parse(source)
	if err != nil {
		return nil, err
	}
	c := compiler{dialect: d, newline: newlines[d.NewLine], Program: Program{notices: s.Notices, carry: d.Carry}}
	if c.carry == nil {
		c.carry = TerminalLine
	}
	var parts []mask.Part
	for _, cmd := range s.Commands {
		if c.ended {
			c.notices = append(c.notices, fmt.Sprintf("line %d: nothing runs after end", cmd.Line))
			break
		}
		if err := c.command(cmd); err != nil {
			return nil, err
		}
		for _, a := range cmd.Args {
			parts = append(parts, a.Parts...)
		}
	}
	c.masks = mask.Names(parts)
	if last, answered := c.answered(); last > 0 && !answered {
		c.notices = append(c.notices, fmt.Sprintf("line %d: nothing is awaited after the new secret was sent, so the outcome will be uncertain", last))
	} else if n := len(c.steps); n > 0 && c.steps[n-1].verb == send && !leaving.MatchString(mask.Source(c.steps[n-1].parts)) {
		c.notices = append(c.notices, fmt.Sprintf("line %d: nothing is awaited behind it: the session ends at once, and the target may not have done it yet", c.steps[n-1].line))
	}
	return &c.Program, nil
}

// leaving are lines that end a session, behind which nothing comes.
var leaving = regexp.MustCompile(`^\s*(exit|logout|logoff|quit)\s*$`)

// shows is the first secret that a step sends and that is not the new one; "" if it sends none.
func (st *step) shows() mask.Name {
	for _, n := range mask.Names(st.parts) {
		if st.verb == send && n.Secret() && !n.Candidate() {
			return n
		}
	}
	return ""
}

// answered finds the line of the last step that sends the new secret and whether something is awaited after it.
func (p *Program) answered() (line int, answered bool) {
	for _, st := range p.steps {
		switch {
		case st.verb == send && st.secret:
			line, answered = st.line, false
		case st.verb == await:
			answered = true
		}
	}
	return line, answered
}

func (c *compiler) command(cmd script.Command) error {
	st := step{line: cmd.Line, source: cmd.Source, timeout: c.timeout}
	word := c.dialect.Words[cmd.Name]
	switch {
	case word == Exec, word == Write:
		arg, err := one(cmd, "text", word == Exec)
		if err != nil {
			return err
		}
		st.verb, st.parts = send, c.quotes.place(arg.Parts)
		if word == Exec {
			st.newline, c.quotes = c.newline, quotes{}
		}
		for _, n := range mask.Names(arg.Parts) {
			st.secret = st.secret || n.Candidate()
		}
	case word != 0:
		if err := c.pattern(cmd, word, &st); err != nil {
			return err
		}
	case cmd.Name == "sleep":
		d, err := seconds(cmd)
		if err != nil {
			return err
		}
		st.verb, st.timeout = pause, d
	case cmd.Name == "end":
		c.ended = true
		return none(cmd)
	default:
		return c.setting(cmd)
	}
	c.steps = append(c.steps, st)
	return nil
}

// pattern compiles the words that wait.
func (c *compiler) pattern(cmd script.Command, word Word, st *step) error {
	arg, err := one(cmd, "pattern", false)
	if err != nil {
		return err
	}
	st.verb, st.parts = await, arg.Parts
	st.regex = word == Regex || word == Search && delimited.MatchString(mask.Source(arg.Parts))
	st.wildcard = word == Expect || word == Search
	if word == Forbid {
		st.verb = forbid
	} else {
		c.quotes = quotes{}
	}
	if st.regex {
		st.parts, st.flags = undelimited(arg.Parts)
	}
	if _, err := st.pattern(mask.Source); err != nil {
		return &mask.Error{Line: cmd.Line, Column: arg.Column, Msg: "expected a regular expression (RE2): " + err.Error()}
	}
	return nil
}

var newlines = map[string]string{"unix": "\n", "windows": "\r\n", "mac": "\r"}

// setting handles the set-... commands.
func (c *compiler) setting(cmd script.Command) (err error) {
	switch cmd.Name {
	case "set-read-timeout":
		c.timeout, err = seconds(cmd)
	case "set-connect-timeout":
		c.connectTimeout, err = seconds(cmd)
	case "set-new-line-mode":
		c.newline, err = Choose(cmd, newlines, "unix, windows or mac")
	default:
		known := false
		if known, err = c.dialect.Setting(cmd); !known {
			return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: fmt.Sprintf("unknown command %q; expected %s, sleep, end or a set- command", cmd.Name, c.dialect.Listed)}
		}
	}
	return err
}

func one(cmd script.Command, what string, empty bool) (script.Arg, error) {
	if len(cmd.Args) != 1 {
		return script.Arg{}, &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: fmt.Sprintf("%s expects exactly one %s, in quotes if it holds spaces", cmd.Name, what)}
	}
	if !empty && len(cmd.Args[0].Parts) == 0 {
		return script.Arg{}, &mask.Error{Line: cmd.Line, Column: cmd.Args[0].Column, Msg: fmt.Sprintf("%s expects a %s that is not empty", cmd.Name, what)}
	}
	return cmd.Args[0], nil
}

func none(cmd script.Command) error {
	if len(cmd.Args) > 0 {
		return &mask.Error{Line: cmd.Line, Column: cmd.Args[0].Column, Msg: cmd.Name + " takes no argument"}
	}
	return nil
}

// Plain is the one argument of a setting, if it is one and has no hole.
func Plain(cmd script.Command) (string, bool) {
	if len(cmd.Args) != 1 {
		return "", false
	}
	return cmd.Args[0].Text()
}

// Choose finds the value of the one word that a setting takes.
func Choose(cmd script.Command, choices map[string]string, expected string) (string, error) {
	word, ok := Plain(cmd)
	value, known := choices[strings.ToLower(word)]
	if !ok || !known {
		return "", &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: cmd.Name + " expects " + expected}
	}
	return value, nil
}

func seconds(cmd script.Command) (time.Duration, error) {
	word, _ := Plain(cmd)
	n, err := strconv.ParseFloat(word, 64)
	if err != nil || !(n >= 0 && n <= 3600) || n == 0 && cmd.Name != "sleep" {
		return 0, &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: cmd.Name + " expects a number of seconds up to 3600"}
	}
	return time.Duration(n * float64(time.Second)), nil
}

// delimited is a regular expression as libraries write it, between slashes with flags behind.
var delimited = regexp.MustCompile(`(?s)^/(.*)/([ims]*)$`)

// undelimited takes the slashes off a regular expression, if there are any.
func undelimited(parts []mask.Part) ([]mask.Part, string) {
	m := delimited.FindStringSubmatch(mask.Source(parts))
	if m == nil {
		return parts, ""
	}
	out := append([]mask.Part(nil), parts...)
	first, last := &out[0], &out[len(out)-1]
	first.Literal = strings.TrimPrefix(first.Literal, "/")
	last.Literal = strings.TrimSuffix(last.Literal, "/"+m[2])
	return out, m[2]
}

// pattern builds the expression of a waiting step; fill gives the text of one hole, which is always taken literally.
func (st *step) pattern(fill func([]mask.Part) string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString("(?" + st.flags + ")")
	if st.flags == "" {
		b.Reset()
	}
	for i, p := range st.parts {
		switch {
		case p.Hole != "":
			b.WriteString(regexp.QuoteMeta(fill(st.parts[i : i+1])))
		case st.regex:
			b.WriteString(p.Literal)
		case st.wildcard:
			for j, piece := range strings.Split(p.Literal, "*") {
				if j > 0 {
					b.WriteString("(?s:.*?)")
				}
				b.WriteString(regexp.QuoteMeta(piece))
			}
		default:
			b.WriteString(regexp.QuoteMeta(p.Literal))
		}
	}
	return regexp.Compile(b.String())
}
