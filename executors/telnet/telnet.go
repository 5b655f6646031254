// Package telnet changes secrets over Telnet (RFC 854) with the vendor's dialect (product.md 1.6.3), on the engine of package
// dialogue, whose outcomes it has.
//
// Telnet hides nothing: the executor refuses to connect, for changes and for proofs alike, unless the device's audited
// opt-out of TLS verification says that clear text is meant. It logs in by the questions that it sees; a login counts as
// refused only when the target asks for it again. A terminal line carries ASCII only, so other values are refused
// before dialing. The runner calls it through the contract.
package telnet

import (
	"context"
	"errors"
	"regexp"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
	"cofre/executors/script"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "telnet"

// DefaultPort is used when the device names none.
const DefaultPort = 23

// Executor is the Telnet engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "telnet".
func (Executor) Name() model.ExecutorName { return Name }

// program is a compiled template.
type program struct {
	*dialogue.Program
	prompts   prompts
	anonymous bool // set-no-authenticate: the template logs in by itself, or nobody asks
}

// Run makes one attempt.
func (p *program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	return p.Program.Run(ctx, s, p.open)
}

// Compile checks a template. read, expect-regex and no-expect are Cofre's addition to the vendor's words.
func (Executor) Compile(source string) (executors.Program, error) {
	p := &program{prompts: usual}
	var err error
	p.Program, err = dialogue.Compile(source, dialogue.Dialect{
		Words: map[string]dialogue.Word{
			"exec": dialogue.Exec, "send": dialogue.Write, "expect": dialogue.Expect,
			"read": dialogue.Read, "expect-regex": dialogue.Regex, "no-expect": dialogue.Forbid, "noexpect": dialogue.Forbid,
		},
		Listed: "exec, send, expect, expect-regex, read, no-expect", NewLine: "windows", Setting: p.setting, Carry: carry,
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// setting knows the commands about the login.
func (p *program) setting(cmd script.Command) (bool, error) {
	switch cmd.Name {
	case "set-no-authenticate":
		p.anonymous = true
		if len(cmd.Args) > 0 {
			return true, &mask.Error{Line: cmd.Line, Column: cmd.Args[0].Column, Msg: cmd.Name + " takes no argument"}
		}
		return true, nil
	case "set-username-prompt", "set-password-prompt":
		text, ok := dialogue.Plain(cmd)
		if !ok || text == "" {
			return true, &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: cmd.Name + " expects the text of the question, without tags"}
		}
		if cmd.Name == "set-username-prompt" {
			p.prompts.username = literal(text)
		} else {
			p.prompts.passwords = []*regexp.Regexp{literal(text)}
		}
		return true, nil
	}
	return false, nil
}

// carry lets a value pass if it is ASCII and a terminal line carries it unchanged: without the binary option, which would
// change the ends of lines too, targets may cut every byte to seven bits.
func carry(p mask.Part, value []byte) ([]byte, error) {
	for _, c := range value {
		if c >= 0x80 {
			return nil, errors.New("the value is not ASCII, and a Telnet line carries nothing else")
		}
	}
	return dialogue.TerminalLine(p, value)
}

// Verify proves a secret by logging in as USERNAME, by the questions that the template names.
func (p *program) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, p.prompts, with)
}

// Verify proves a secret by logging in as USERNAME, by the usual questions.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, usual, with)
}

// verify says true when a prompt of a shell stands there after the login, false when the target asks for the login again.
func verify(ctx context.Context, s executors.Session, p prompts, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	in, err := tryLogin(ctx, s, p, with)
	var refused *wrongSecret
	switch {
	case errors.As(err, &refused):
		return false, nil
	case err != nil:
		return false, dialogue.Failure(red, 0, err)
	case !in:
		return false, &executors.Failure{Class: executors.ClassProtocol, Msg: "after the password the target showed neither a prompt nor the login again"}
	}
	return true, nil
}

func tryLogin(ctx context.Context, s executors.Session, p prompts, with secret.Value) (bool, error) {
	user, err := loginName(s, mask.Username)
	if err != nil {
		return false, err
	}
	if err := loginSecret("the secret", with); err != nil {
		return false, err
	}
	limit := limitOr(s.ConnectTimeout)
	conn, err := connect(ctx, s, limit)
	if err != nil {
		return false, err
	}
	out := dialogue.NewStream(s.Capture)
	t := newTerminal(ctx, conn, out)
	defer t.Close(nil)
	return t.logIn(ctx, p, user, with, 3*limit, out)
}
