package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
	"cofre/executors/script"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// commandTimeout is how long an ESXi command may take; they are slow.
const commandTimeout = 30 * time.Second

// maxAnswer bounds what is kept of a command's output.
const maxAnswer = 4 << 10

// ESXiExecutor runs the command lines of esxcli over SSH (product.md 1.6.12), each by itself.
type ESXiExecutor struct{}

// ESXi makes the executor.
func ESXi() ESXiExecutor { return ESXiExecutor{} }

// Name is "esxi".
func (ESXiExecutor) Name() model.ExecutorName { return ESXiName }

// Protocols is where a device lists the port.
func (ESXiExecutor) Protocols() []string { return []string{"SSH", Weak} }

// Verify proves a secret by logging in as USERNAME.
func (ESXiExecutor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, with)
}

// Compile checks a template: one esxcli command on each line, with or without that word at its start.
func (ESXiExecutor) Compile(source string) (executors.Program, error) {
	sc, err := script.Parse(source)
	if err != nil {
		return nil, err
	}
	p := &esxcli{notices: sc.Notices}
	var all []mask.Part
	for _, cmd := range sc.Commands {
		c := command{line: cmd.Line, source: cmd.Source}
		if cmd.Name != "esxcli" {
			c.args = append(c.args, []mask.Part{{Literal: cmd.Name}})
		}
		for _, a := range cmd.Args {
			c.args = append(c.args, a.Parts)
			all = append(all, a.Parts...)
			for _, n := range mask.Names(a.Parts) {
				c.secret = c.secret || n.Candidate()
			}
		}
		if len(c.args) == 0 {
			return nil, &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: "expected an esxcli command such as system account set"}
		}
		if c.secret {
			p.notices = append(p.notices, fmt.Sprintf("line %d: the new secret stands in a command line, which the target's process list shows; an ssh template can let esxcli ask for it", cmd.Line))
		}
		p.commands = append(p.commands, c)
	}
	if len(p.commands) == 0 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected at least one esxcli command"}
	}
	p.masks = mask.Names(all)
	return p, nil
}

// command is one line.
type command struct {
	line   int
	source string
	args   [][]mask.Part
	secret bool // carries NEW_PASSWORD
}

// render writes the line for the shell of the target, with every argument in single quotes.
func (c *command) render(resolve mask.Resolver) (secret.Value, error) {
	parts := []mask.Part{{Literal: "esxcli"}}
	for _, arg := range c.args {
		parts = append(parts, mask.Part{Literal: " '"})
		for i, p := range arg {
			if p.Hole == "" {
				p.Literal = strings.ReplaceAll(p.Literal, "'", `'\''`)
			} else if i == 0 {
				p.Context = atStart
			}
			parts = append(parts, p)
		}
		parts = append(parts, mask.Part{Literal: "'"})
	}
	return mask.Render(append(parts, mask.Part{Literal: " 2>&1"}), resolve, shellQuoted)
}

// atStart marks a hole that begins an argument, where a value could be taken for an option.
const atStart = 1

// shellQuoted is how a value stands between single quotes.
func shellQuoted(p mask.Part, value []byte) ([]byte, error) {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return nil, errors.New("the value holds a line break or another control character, which a command line does not carry")
		}
	}
	switch {
	case !utf8.Valid(value):
		return nil, errors.New("the value is not UTF-8 text")
	case len(value) > maxAnswer:
		return nil, fmt.Errorf("the value is longer than %d bytes", maxAnswer)
	case p.Context == atStart && (len(value) == 0 || value[0] == '-'):
		return nil, errors.New("an empty value, or one that begins with a hyphen, would be taken for an option")
	}
	return bytes.ReplaceAll(value, []byte("'"), []byte(`'\''`)), nil
}

// esxcli is a compiled template.
type esxcli struct {
	commands []command
	masks    []mask.Name
	notices  []string
}

// Masks lists the names in the template.
func (p *esxcli) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *esxcli) Notices() []string { return p.notices }

// refused is a command's own no.
type refused struct{ *executors.Failure }

// Unwrap gives the failure.
func (e *refused) Unwrap() error { return e.Failure }

// Run makes one attempt. A command that was refused changed nothing; of several that carry the new secret, that is sure for
// the first alone.
func (p *esxcli) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	s, red := s.Guard()
	exposed, done, line := false, false, 0
	err := func() error {
		for i := range p.commands {
			text, err := p.commands[i].render(s.Resolve)
			text.Wipe()
			if err != nil {
				return executors.Fail(executors.ClassTemplate, p.commands[i].line, err)
			}
		}
		if err := s.Before("connect"); err != nil {
			return executors.Fail(executors.ClassRefused, 0, err)
		}
		client, err := logIn(ctx, s, s.ConnectTimeout)
		if err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = client.Close() })
		defer func() {
			stop()
			_ = client.Close()
			_ = client.Wait()
		}()
		for i := range p.commands {
			c := &p.commands[i]
			line = c.line
			if err := s.Before(c.source); err != nil {
				return executors.Fail(executors.ClassRefused, line, err)
			}
			exposed = exposed || c.secret
			if err := c.run(ctx, client, s, red); err != nil {
				return err
			}
			done = done || c.secret
		}
		return nil
	}()
	if err == nil {
		return executors.Applied, nil
	}
	f := dialogue.Failure(red, line, err)
	s.Trace.Step(model.Step{Line: line, Text: "stopped", Error: f.Msg})
	var no *refused
	switch {
	case !exposed:
		return executors.NotStarted, f
	case !done && errors.As(err, &no):
		return executors.Rejected, f
	}
	return executors.Uncertain, f
}

// unsettled are words of esxcli after which nobody knows whether the host did what it was told.
var unsettled = regexp.MustCompile(`(?i)connect|connection|timed? ?out|unreachable`)

// run executes one command and reads its exit status.
func (c *command) run(ctx context.Context, client *ssh.Client, s executors.Session, red *executors.Redactor) error {
	text, err := c.render(s.Resolve)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, c.line, err)
	}
	defer text.Wipe()
	ctx, cancel := s.Reading(ctx, commandTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	sess, err := openSession(ctx, client)
	if err != nil {
		return err
	}
	var said bytes.Buffer
	sess.Stdout = &limited{&said, maxAnswer}
	began := time.Now()
	err = text.Reveal(func(b []byte) error { return sess.Run(string(b)) })
	s.Capture.Hear(said.Bytes())
	note := model.Step{Line: c.line, Text: c.source, Sent: text.Len(), Got: said.Len()}
	defer func() { s.Trace.Step(note) }()
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = executors.Late(ctx, "wait for the command", time.Since(began).Round(time.Second/10))
	case errors.As(err, &exit) && exit.Signal() == "":
		f := &executors.Failure{Class: executors.ClassPolicy, Line: c.line, Msg: fmt.Sprintf("esxcli ended with status %d: %s", exit.ExitStatus(), red.Text(said.String()))}
		note.Error = f.Msg
		if exit.ExitStatus() >= 126 || unsettled.Match(said.Bytes()) {
			return f
		}
		return &refused{f}
	default:
		err = &executors.Failure{Class: executors.ClassNetwork, Line: c.line, Msg: "the connection was lost before the command told its status"}
	}
	note.Error = err.Error()
	return err
}

// limited keeps the start of what is written and takes the rest.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	_, err := l.w.Write(p[:n])
	return len(p), err
}
