package ssh

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
	"cofre/executors/script"
	"cofre/fsm/model"
)

// program is a compiled template of a dialect.
type program struct{ *dialogue.Program }

// Run makes one attempt.
func (p program) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	return p.Program.Run(ctx, s, openTerminal)
}

func compile(source string, d dialogue.Dialect) (executors.Program, error) {
	p, err := dialogue.Compile(source, d)
	if err != nil {
		return nil, err
	}
	return program{p}, nil
}

// setting knows set-ssh-version (product.md 1.6.1).
func setting(cmd script.Command) (bool, error) {
	if cmd.Name != "set-ssh-version" {
		return false, nil
	}
	if v, ok := dialogue.Plain(cmd); ok && v == "1" {
		return true, &mask.Error{Line: cmd.Line, Column: cmd.Args[0].Column, Msg: "SSH protocol version 1 is broken and not offered; expected 2"}
	}
	_, err := dialogue.Choose(cmd, map[string]string{"2": ""}, "2")
	return true, err
}

// terminal is a shell.
type terminal struct {
	io.Writer
	client *ssh.Client
	untie  func() bool
	done   chan struct{} // closed when the shell's output has ended
}

// openTerminal logs in as AUTH_USER and starts a shell on a wide terminal without echo.
func openTerminal(ctx context.Context, s executors.Session, limit time.Duration, out *dialogue.Stream) (dialogue.Line, error) {
	client, err := logIn(ctx, s, limit)
	if err != nil {
		return nil, err
	}
	t := &terminal{client: client, done: make(chan struct{})}
	t.untie = context.AfterFunc(ctx, t.Cut)
	if limit <= 0 {
		limit = dialogue.DefaultTimeout
	}
	sctx, cancel := s.Reading(ctx, 3*limit)
	defer cancel()
	stop := context.AfterFunc(sctx, t.Cut) // the library waits for ever
	if err := t.shell(out); err != nil {
		close(t.done)
		t.Close()
		if sctx.Err() != nil {
			err = sctx.Err()
		}
		return nil, fmt.Errorf("open a shell: %w", err)
	}
	if !stop() {
		t.Close()
		return nil, fmt.Errorf("open a shell: %w", sctx.Err())
	}
	return t, nil
}

// logIn connects with the authentication credential.
func logIn(ctx context.Context, s executors.Session, limit time.Duration) (*ssh.Client, error) {
	user, err := dialogue.Text(s.Resolve, mask.AuthUser)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, err)
	}
	password, err := s.Resolve(mask.AuthPassword)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	client, err := dial(ctx, s, user, password, limit)
	if err == nil {
		s.Trace.Step(model.Step{Text: "logged in as " + mask.AuthUser.String()})
	}
	return client, err
}

func (t *terminal) shell(out *dialogue.Stream) error {
	sess, err := t.client.NewSession()
	if err != nil {
		return err
	}
	sess.Stdout, sess.Stderr = out, out
	if t.Writer, err = sess.StdinPipe(); err != nil {
		return err
	}
	if err := sess.RequestPty("dumb", 50, 500, ssh.TerminalModes{ssh.ECHO: 0, ssh.TTY_OP_ISPEED: 38400, ssh.TTY_OP_OSPEED: 38400}); err != nil {
		return err
	}
	if err := sess.Shell(); err != nil {
		return err
	}
	go func() {
		defer close(t.done)
		_ = sess.Wait() // how the shell ended does not matter, only that it did
		out.End()
	}()
	return nil
}

// Cut breaks the connection.
func (t *terminal) Cut() { _ = t.client.Close() }

// Close cuts and waits for the end of the output.
func (t *terminal) Close() {
	t.untie()
	t.Cut()
	<-t.done
	_ = t.client.Wait()
}
