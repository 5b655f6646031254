package ldap

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	directory "github.com/go-ldap/ldap/v3"

	"cofre/executors/mask"
	"cofre/executors/script"
)

// step is one command that talks to the server.
type step struct {
	line   int
	source string
	verb   string      // bind, find, add, delete, mod-add, mod-del, mod-replace, set-bits, clear-bits, password-modify
	name   []mask.Part // DN of bind, add and delete, base of find
	filter []mask.Part
	attr   string // of the verbs that change one
	values []value
	bits   int64 // of set-bits and clear-bits
	old    int   // a mod-del and the mod-add after it: so many of the values are the deleted ones
}

// value is one value of an attribute.
type value struct {
	attr  string
	parts []mask.Part
	wide  bool // u(...): UTF-16LE in double quotes
}

// password tells whether servers may take the value as a hash.
func (v value) password() bool { return strings.EqualFold(v.attr, "userPassword") }

// writes tells whether the step changes the directory.
func (s step) writes() bool { return s.verb != "bind" && s.verb != "find" }

// program is a compiled template.
type program struct {
	steps    []step
	account  []mask.Part // how USERNAME is bound; nil: the template does not say
	startTLS bool
	masks    []mask.Name
	notices  []string
}

// Masks lists the names in the template, and those that bind needs.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *program) Notices() []string { return p.notices }

var attribute = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.;-]*$`)

func compile(source string) (*program, error) {
	sc, err := script.Parse(source)
	if err != nil {
		return nil, err
	}
	p := &program{notices: sc.Notices}
	bound, found, ended := false, false, false
	for _, cmd := range sc.Commands {
		fail := func(msg string) error { return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: msg} }
		if ended {
			return nil, fail("expected nothing after end")
		}
		st := step{line: cmd.Line, source: cmd.Source, verb: cmd.Name}
		switch cmd.Name {
		case "end":
			ended = true
			continue
		case "connect":
			err = p.connect(cmd, bound)
		case "set-option":
			err = p.option(cmd)
		case "bind":
			bound = true
			err = st.bind(cmd)
		case "find":
			if !bound {
				return nil, fail("expected bind before find")
			}
			found = true
			err = st.find(cmd)
		case "add", "delete":
			if !bound {
				return nil, fail("expected bind before " + cmd.Name)
			}
			err = st.whole(cmd)
			p.remark(st)
		case "mod-add", "mod-del", "mod-replace", "password-modify":
			if !found {
				return nil, fail("expected find before " + cmd.Name)
			}
			err = st.change(cmd)
			p.remark(st)
		case "set-bits", "clear-bits":
			if !found {
				return nil, fail("expected find before " + cmd.Name)
			}
			err = st.flags(cmd)
		default:
			return nil, fail("unknown command " + cmd.Name + "; expected connect, set-option, bind, find, add, delete, mod-add, mod-del, mod-replace, set-bits, clear-bits, password-modify or end")
		}
		if err != nil {
			return nil, err
		}
		if cmd.Name != "connect" && cmd.Name != "set-option" && !p.join(st) {
			p.steps = append(p.steps, st)
		}
	}
	if len(p.steps) == 0 || !p.steps[len(p.steps)-1].writes() {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected bind, find, and at least one change at the end"}
	}
	p.collect()
	return p, nil
}

// join makes a mod-add that follows the mod-del of the same attribute a part of it: the server does both or none, and
// a user changes an own password that way in Active Directory.
func (p *program) join(st step) bool {
	if len(p.steps) == 0 || st.verb != "mod-add" {
		return false
	}
	last := &p.steps[len(p.steps)-1]
	if last.verb != "mod-del" || last.old > 0 || len(last.values) == 0 || !strings.EqualFold(last.attr, st.attr) {
		return false
	}
	last.old = len(last.values)
	last.values = append(last.values, st.values...)
	last.source += "; " + st.source
	return true
}

// remark warns of values that a directory keeps as they are.
func (p *program) remark(st step) {
	if st.verb != "mod-del" && slices.ContainsFunc(st.values, value.password) {
		p.notices = append(p.notices, fmt.Sprintf("line %d: many servers store userPassword as it is sent; password-modify lets the server hash it", st.line))
	}
}

func (p *program) collect() {
	var parts []mask.Part
	for _, st := range p.steps {
		parts = append(append(parts, st.name...), st.filter...)
		if st.verb == "bind" {
			parts = append(parts, mask.Part{Hole: mask.AuthPassword})
		}
		for _, v := range st.values {
			parts = append(parts, v.parts...)
		}
	}
	p.masks = mask.Names(parts)
}

// connect may name the device only: where secrets go is the device's matter, not the template's.
func (p *program) connect(cmd script.Command, bound bool) error {
	fail := func(msg string) error { return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: msg} }
	if bound || len(cmd.Args) != 2 {
		return fail(`expected connect null "target" before bind`)
	}
	target := mask.Source(cmd.Args[1].Parts)
	if rest, ok := strings.CutPrefix(target, "ldap://"); ok {
		p.startTLS, target = true, rest
	}
	switch strings.TrimPrefix(target, "ldaps://") {
	case deviceIP.String(), deviceName.String(), "null":
		return nil
	}
	return fail("expected the device as target: " + deviceIP.String() + " or " + deviceName.String() + ", with ldap:// or ldaps:// in front of it or without")
}

func (p *program) option(cmd script.Command) error {
	fail := func(msg string) error { return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: msg} }
	var arg [2]string
	for i := range arg {
		var plain bool
		if len(cmd.Args) != 2 {
			return fail("expected set-option NAME VALUE")
		}
		if arg[i], plain = cmd.Args[i].Text(); !plain {
			return fail("expected a name and a value without tags")
		}
	}
	switch name := strings.ToUpper(arg[0]); {
	case name == "LDAP_OPT_PROTOCOL_VERSION" && arg[1] == "3":
	case name == "LDAP_OPT_REFERRALS":
		if arg[1] != "0" {
			p.notices = append(p.notices, fmt.Sprintf("line %d: referrals are never followed", cmd.Line))
		}
	case name == "LDAP_OPT_PROTOCOL_VERSION":
		return fail("only version 3 is offered")
	default:
		return fail("unknown option " + arg[0] + "; expected LDAP_OPT_PROTOCOL_VERSION or LDAP_OPT_REFERRALS: TLS and time limits belong to the device")
	}
	return nil
}

func (s *step) bind(cmd script.Command) (err error) {
	if len(cmd.Args) != 1 {
		return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: `expected bind "dn"; the password is that of the authentication credential`}
	}
	s.name, err = nameParts(cmd.Args[0])
	return err
}

func (s *step) find(cmd script.Command) (err error) {
	if len(cmd.Args) != 2 {
		return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: `expected find "base" "filter"`}
	}
	if s.name, err = nameParts(cmd.Args[0]); err != nil {
		return err
	}
	s.filter = cmd.Args[1].Parts
	var sample, before strings.Builder
	for _, p := range s.filter {
		if p.Hole == "" {
			sample.WriteString(p.Literal)
			before.WriteString(p.Literal)
			continue
		}
		open, equals := strings.LastIndex(before.String(), "("), strings.LastIndex(before.String(), "=")
		if p.Hole.Secret() || equals < open || open < 0 {
			return &mask.Error{Line: p.Line, Column: p.Column, Msg: "expected the tag of a value that is no secret, after ( attribute ="}
		}
		sample.WriteString("x")
	}
	if _, err := directory.CompileFilter(sample.String()); err != nil {
		return &mask.Error{Line: cmd.Line, Column: cmd.Args[1].Column, Msg: "expected a filter such as (uid=" + mask.Username.String() + ")"}
	}
	return nil
}

func (s *step) change(cmd script.Command) error {
	fail := func(msg string) error { return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: msg} }
	args := cmd.Args
	if s.verb == "password-modify" {
		if len(args) != 1 || len(args[0].Parts) == 0 {
			return fail(`expected password-modify "` + mask.NewPassword.String() + `"`)
		}
	} else {
		if len(args) == 0 || len(args) == 1 && s.verb == "mod-add" {
			return fail("expected " + s.verb + ` "attribute" "value"`)
		}
		name, plain := args[0].Text()
		if !plain || !attribute.MatchString(name) {
			return fail("expected the name of an attribute, without tags")
		}
		s.attr, args = name, args[1:]
	}
	for _, a := range args {
		s.value(s.attr, a)
	}
	return nil
}

// flags reads set-bits and clear-bits: an attribute and a number.
func (s *step) flags(cmd script.Command) error {
	if len(cmd.Args) == 2 {
		name, plain := cmd.Args[0].Text()
		number, also := cmd.Args[1].Text()
		n, err := strconv.ParseInt(number, 10, 64)
		if plain && also && attribute.MatchString(name) && err == nil && n > 0 {
			s.attr, s.bits = name, n
			return nil
		}
	}
	return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: "expected " + s.verb + " attribute number, without tags, such as " + s.verb + " userAccountControl 2"}
}

// whole reads add, which names an entry and pairs of attribute and value, and delete, which names an entry.
func (s *step) whole(cmd script.Command) (err error) {
	fail := func(msg string) error { return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: msg} }
	if s.verb == "delete" && len(cmd.Args) != 1 {
		return fail(`expected delete "dn"`)
	}
	if s.verb == "add" && (len(cmd.Args) < 3 || len(cmd.Args)%2 == 0) {
		return fail(`expected add "dn" "attribute" "value" "attribute" "value" ...`)
	}
	if s.name, err = nameParts(cmd.Args[0]); err != nil {
		return err
	}
	if !strings.Contains(mask.Source(literals(s.name)), "=") {
		return &mask.Error{Line: cmd.Line, Column: cmd.Args[0].Column, Msg: "expected a DN that names its attributes, such as uid=" + mask.Username.String() + "," + mask.AddInfo.String()}
	}
	for i := 1; i < len(cmd.Args); i += 2 {
		name, plain := cmd.Args[i].Text()
		if !plain || !attribute.MatchString(name) {
			return &mask.Error{Line: cmd.Line, Column: cmd.Args[i].Column, Msg: "expected the name of an attribute, without tags"}
		}
		s.value(name, cmd.Args[i+1])
	}
	return nil
}

func (s *step) value(attr string, a script.Arg) {
	parts, wide := unwide(a.Parts)
	s.values = append(s.values, value{attr: attr, parts: parts, wide: wide})
}

// unwide takes u( and ) off a value.
func unwide(parts []mask.Part) ([]mask.Part, bool) {
	if len(parts) == 0 {
		return parts, false
	}
	last := len(parts) - 1
	if !strings.HasPrefix(parts[0].Literal, "u(") || !strings.HasSuffix(parts[last].Literal, ")") {
		return parts, false
	}
	out := append([]mask.Part(nil), parts...)
	out[0].Literal = strings.TrimPrefix(out[0].Literal, "u(")
	out[last].Literal = strings.TrimSuffix(out[last].Literal, ")")
	return out, true
}
