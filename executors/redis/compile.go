package redis

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"cofre/executors/mask"
	"cofre/executors/script"
)

// hashed is the context of a password that leaves as what the server stores of it.
const hashed = 1

// command is one line.
type command struct {
	line   int
	source string
	args   [][]mask.Part
}

// program is a compiled template.
type program struct {
	commands []command
	plain    bool // without TLS
	masks    []mask.Name
	notices  []string
}

// Masks lists the names in the template, and those that the login needs.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *program) Notices() []string { return p.notices }

// offered are the commands that have to do with accounts: others wait for ever, change what answers mean, or are programs.
var offered = map[string]bool{"acl": true, "config": true, "ping": true}

func compile(source string) (*program, error) {
	sc, err := script.Parse(source)
	if err != nil {
		return nil, err
	}
	p := &program{notices: sc.Notices}
	parts := []mask.Part{{Hole: mask.AuthUser}, {Hole: mask.AuthPassword}}
	ended := false
	for _, cmd := range sc.Commands {
		fail := func(msg string) error { return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: msg} }
		switch {
		case ended:
			return nil, fail("expected nothing after end")
		case cmd.Name == "end" && len(cmd.Args) == 0:
			ended = true
		case cmd.Name == "set-tls":
			if word, ok := only(cmd); !ok || word != "on" && word != "off" {
				return nil, fail("set-tls expects on or off")
			} else if len(p.commands) > 0 {
				return nil, fail("expected set-tls before the first command")
			} else {
				p.plain = word == "off"
			}
		case offered[cmd.Name]:
			c := command{line: cmd.Line, source: cmd.Source, args: [][]mask.Part{{{Literal: cmd.Name}}}}
			for _, a := range cmd.Args {
				c.args = append(c.args, password(a.Parts))
				parts = append(parts, a.Parts...)
			}
			p.commands = append(p.commands, c)
		default:
			return nil, fail("unknown command " + cmd.Name + "; expected acl, config, ping, set-tls or end")
		}
	}
	if len(p.commands) == 0 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected at least one command, such as acl setuser"}
	}
	p.masks = mask.Names(parts)
	return p, nil
}

func only(cmd script.Command) (string, bool) {
	if len(cmd.Args) != 1 {
		return "", false
	}
	word, ok := cmd.Args[0].Text()
	return strings.ToLower(word), ok
}

// password turns the rules >password and <password of a user into #hash and !hash.
func password(parts []mask.Part) []mask.Part {
	if len(parts) != 2 || parts[1].Hole == "" || !parts[1].Hole.Secret() || parts[0].Literal != ">" && parts[0].Literal != "<" {
		return parts
	}
	out := append([]mask.Part(nil), parts...)
	out[0].Literal = map[string]string{">": "#", "<": "!"}[parts[0].Literal]
	out[1].Context = hashed
	return out
}

// escape lets every value pass as it is, since arguments have a length; a password must not be empty.
func escape(p mask.Part, value []byte) ([]byte, error) {
	if p.Hole.Secret() && len(value) == 0 {
		return nil, errors.New("an empty password would let everybody in")
	}
	if p.Context != hashed {
		return value, nil
	}
	sum := sha256.Sum256(value)
	return []byte(hex.EncodeToString(sum[:])), nil
}
