package winrpc

import (
	"errors"
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
	change  verb = iota + 1 // the account's own way if it logs in itself, else as reset
	reset                   // by somebody with the right
	create                  // with a password, enabled
	remove                  // an account that is not there is as good
	enable                  //
	disable                 //
	reload                  // log in again with the new password
	sleep                   //
)

// step is one line.
type step struct {
	line     int
	source   string
	verb     verb
	name     []mask.Part
	password []mask.Part
	pause    time.Duration
}

// writes tells whether the step changes something on the server.
func (s step) writes() bool { return s.verb != reload && s.verb != sleep }

// program is a compiled template.
type program struct {
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

var (
	username    = []mask.Part{{Hole: mask.Username}}
	newPassword = []mask.Part{{Hole: mask.NewPassword}}
)

func compile(source string) (*program, error) {
	sc, err := script.Parse(source)
	if err != nil {
		return nil, err
	}
	p := &program{notices: sc.Notices}
	parts := []mask.Part{{Hole: mask.AuthUser}, {Hole: mask.AuthPassword}}
	for _, cmd := range sc.Commands {
		st, err := p.read(cmd)
		if err != nil {
			return nil, err
		}
		st.line, st.source = cmd.Line, cmd.Source
		p.steps = append(p.steps, st)
		parts = append(append(parts, st.name...), st.password...)
	}
	if len(p.steps) == 0 || !p.steps[len(p.steps)-1].writes() {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected a change at the end, such as !netsmb-password"}
	}
	p.masks = mask.Names(parts)
	return p, nil
}

func (p *program) read(cmd script.Command) (step, error) {
	fail := func(msg string) (step, error) {
		return step{}, &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: msg}
	}
	switch cmd.Name {
	case "!netsmb-password":
		if len(cmd.Args) > 0 {
			return fail("expected nothing after !netsmb-password")
		}
		return step{verb: change, name: username, password: newPassword}, nil
	case "!reload-password":
		if len(cmd.Args) > 0 {
			return fail("expected nothing after !reload-password")
		}
		return step{verb: reload, password: newPassword}, nil
	case "!sleep":
		seconds := ""
		if len(cmd.Args) == 1 {
			seconds, _ = cmd.Args[0].Text()
		}
		n, err := strconv.Atoi(seconds)
		if err != nil || n < 1 || time.Duration(n)*time.Second > maxPause {
			return fail("expected !sleep with 1 to 60 seconds")
		}
		return step{verb: sleep, pause: time.Duration(n) * time.Second}, nil
	case "net", "net.exe":
		return p.net(cmd)
	}
	return fail("expected net user, !netsmb-password, !reload-password or !sleep: other command lines need the executor winrm")
}

// net reads net user NAME [PASSWORD] with its switches.
func (p *program) net(cmd script.Command) (step, error) {
	fail := func(column int, msg string) (step, error) {
		return step{}, &mask.Error{Line: cmd.Line, Column: column, Msg: msg}
	}
	var words []script.Arg
	st := step{verb: reset}
	for _, a := range cmd.Args {
		text, plain := a.Text()
		if !plain || a.Quoted || !strings.HasPrefix(text, "/") {
			words = append(words, a)
			continue
		}
		as := verb(0)
		switch strings.ToLower(text) {
		case "/domain":
			p.notices = append(p.notices, fmt.Sprintf("line %d: /domain has no effect: accounts are those of the device, and a domain controller's are its domain's", cmd.Line))
			continue
		case "/add":
			as = create
		case "/delete", "/del":
			as = remove
		case "/active", "/active:yes":
			as = enable
		case "/active:no":
			as = disable
		default:
			return fail(a.Column, "unknown switch "+text+"; expected /add, /delete, /active:yes, /active:no or /domain")
		}
		if st.verb != reset {
			return fail(a.Column, "expected one of /add, /delete, /active:yes and /active:no")
		}
		st.verb = as
	}
	if len(words) < 2 {
		return fail(cmd.Column, "expected net user with the name of an account")
	}
	if what, _ := words[0].Text(); !strings.EqualFold(what, "user") {
		return fail(words[0].Column, "expected net user: nothing else of net is offered")
	}
	passwords := 0
	if st.verb == reset || st.verb == create {
		passwords = 1
	}
	if len(words) != 2+passwords {
		return fail(cmd.Column, "expected a new password after the name with /add or without a switch, and none else")
	}
	st.name = words[1].Parts
	for _, part := range st.name {
		if part.Hole != "" && part.Hole.Secret() {
			return fail(words[1].Column, "expected a name that holds no secret")
		}
	}
	if passwords == 1 {
		st.password = words[2].Parts
	}
	return st, nil
}

// fitName lets no value pass that is no name of an account. They are arguments, so nothing in them has a meaning.
func fitName(_ mask.Part, value []byte) ([]byte, error) {
	if len(value) == 0 || !utf8.Valid(value) || strings.ContainsFunc(string(value), func(r rune) bool { return r < ' ' }) {
		return nil, errors.New("expected a name in UTF-8 without control characters")
	}
	return value, nil
}

func asIs(_ mask.Part, value []byte) ([]byte, error) { return value, nil }

// maxName is how long names of new accounts may be: older parts of Windows know no longer ones.
const maxName = 20

// fitNew lets a name pass that Windows takes for a new account.
func fitNew(name string) error {
	if utf8.RuneCountInString(name) > maxName || strings.ContainsAny(name, `"/\[]:;|=,+*?<>@`) || strings.Trim(name, ". ") == "" {
		return fmt.Errorf(`expected a name of at most %d characters without "/\[]:;|=,+*?<>@`, maxName)
	}
	return nil
}
