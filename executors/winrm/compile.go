package winrm

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cofre/executors/mask"
	"cofre/executors/script"
)

// verb is what a line does.
type verb uint8

const (
	powershell verb = iota + 1
	command         // a command line
	change          // the account's own way if it logs in itself, else as reset: two scripts
	reload          // log in again with the new password
	sleep           //
)

// step is one line.
type step struct {
	line   int
	source string
	verb   verb
	script code        // of powershell; of change as reset
	own    code        // of change
	parts  []mask.Part // of command
	single bool        // it does one thing: a known refusal says that nothing was done
	pause  time.Duration
}

// runs tells whether the step runs something on the target.
func (s step) runs() bool { return s.verb != reload && s.verb != sleep }

// program is a compiled template.
type program struct {
	plain   bool
	steps   []step
	masks   []mask.Name
	notices []string
}

// Masks lists the names in the template, and those that the login needs.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *program) Notices() []string { return p.notices }

// maxPause limits one !sleep.
const maxPause = time.Minute

// What !change-password runs. Methods of .NET, unlike cmdlets, leave their arguments in no log of PowerShell.
const (
	resetScript = `([ADSI]"WinNT://./` + userHole + `,user").SetPassword("[#NEW_PASSWORD#]")`
	ownScript   = `([ADSI]"WinNT://./` + userHole + `,user").ChangePassword("[#AUTH_PASSWORD#]", "[#NEW_PASSWORD#]")`
	userHole    = "[#USERNAME#]"
)

func compile(source string) (*program, error) {
	p := &program{}
	parts := []mask.Part{{Hole: mask.AuthUser}, {Hole: mask.AuthPassword}}
	for n, line := range strings.Split(strings.TrimPrefix(source, "\ufeff"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if at := strings.IndexFunc(line, func(r rune) bool { return r == utf8.RuneError || r < ' ' && r != '\t' || r == 0x7f }); at >= 0 {
			return nil, &mask.Error{Line: n + 1, Column: at + 1, Msg: "expected text in UTF-8 without control characters"}
		}
		if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
			continue
		}
		ascii := script.ASCII(line)
		if ascii != line {
			p.notices = append(p.notices, fmt.Sprintf("line %d: typographic quotes were read as ASCII quotes", n+1))
		}
		st, err := p.read(n+1, ascii)
		if err != nil {
			return nil, err
		}
		if st.verb == 0 {
			continue
		}
		p.steps = append(p.steps, st)
		parts = append(append(append(parts, st.script.parts()...), st.own.parts()...), st.parts...)
		if st.verb == reload {
			parts = append(parts, mask.Part{Hole: mask.NewPassword})
		}
	}
	if len(p.steps) == 0 || !p.steps[len(p.steps)-1].runs() {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected something to run at the end, such as !change-password"}
	}
	p.masks = mask.Names(parts)
	return p, nil
}

// read reads one line; a step without a verb sets something for the whole template.
func (p *program) read(n int, line string) (step, error) {
	at := len(line) - len(strings.TrimLeft(line, " \t"))
	text := strings.TrimSpace(line)
	fail := func(msg string) (step, error) { return step{}, &mask.Error{Line: n, Column: at + 1, Msg: msg} }
	st := step{line: n, source: text}
	word, rest := text, ""
	if end := strings.IndexAny(text, " \t"); end > 0 {
		word, rest = text[:end], strings.TrimSpace(text[end:])
	}
	switch strings.ToLower(word) {
	case "!unsecure":
		if rest != "" || len(p.steps) > 0 {
			return fail("expected !unsecure alone, before everything else")
		}
		p.plain = true
		return step{}, nil
	case "!change-password", "!reload-password":
		if rest != "" {
			return fail("expected nothing after " + word)
		}
		if strings.EqualFold(word, "!reload-password") {
			st.verb = reload
			return st, nil
		}
		st.verb, st.single = change, true
		for script, to := range map[string]*code{resetScript: &st.script, ownScript: &st.own} {
			parts, err := lineParts(n, script)
			if err == nil {
				*to, err = shell(parts, n)
			}
			if err != nil {
				return st, err
			}
		}
		return st, nil
	case "!sleep":
		seconds, err := strconv.Atoi(rest)
		if err != nil || seconds < 1 || time.Duration(seconds)*time.Second > maxPause {
			return fail("expected !sleep with 1 to 60 seconds")
		}
		st.verb, st.pause = sleep, time.Duration(seconds)*time.Second
		return st, nil
	}
	if text[0] == '!' {
		return fail("unknown word " + word + "; expected !unsecure, !change-password, !reload-password, !sleep, powershell or a command line")
	}
	parts, err := lineParts(n, line)
	if err != nil {
		return st, err
	}
	if strings.EqualFold(word, "powershell") {
		if rest == "" || rest[0] == '-' {
			return fail("expected a script after powershell, without options")
		}
		st.verb = powershell
		parts[0].Literal = strings.TrimLeft(parts[0].Literal, " \t")[len(word):]
		st.script, err = shell(parts, n)
		st.single = !st.script.several
		return st, err
	}
	st.verb, st.parts, err = command, quoted(parts), nil
	st.single = !strings.ContainsAny(mask.Source(parts), "&|")
	for _, part := range parts {
		if part.Hole != "" && part.Hole.Secret() {
			p.notices = append(p.notices, fmt.Sprintf("line %d: %s stands in a command line, which the target's lists and logs of processes show; powershell hides it", n, part.Hole))
		}
	}
	return st, err
}

// lineParts finds the holes of a line, with their places in the template.
func lineParts(n int, line string) ([]mask.Part, error) {
	parts, err := mask.Parse(line)
	if e, ok := err.(*mask.Error); ok { //nolint:errorlint // the parser's own error, made anew with its line
		return nil, &mask.Error{Line: n, Column: e.Column, Msg: e.Msg}
	}
	for i := range parts {
		parts[i].Line = n
	}
	return parts, err
}
