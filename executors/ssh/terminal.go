package ssh

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
	"cofre/executors/script"
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
	in    executors.Borrowed[*link]
	shell *ssh.Session
	untie func() bool
	done  chan struct{} // closed when the shell's output has ended
}

// openTerminal logs in as AUTH_USER, or goes on over a connection where that has been done, and starts a shell on a wide terminal
// without echo.
func openTerminal(ctx context.Context, s executors.Session, limit time.Duration, out *dialogue.Stream) (dialogue.Line, error) {
	in, err := borrow(ctx, s, limit)
	if err != nil {
		return nil, err
	}
	t, err := startShell(ctx, s, limit, in, out)
	if err != nil && t == nil && in.Reused { // many a device gives one shell to a connection
		s.Sessions = nil
		if in, err = borrow(ctx, s, limit); err != nil {
			return nil, err
		}
		t, err = startShell(ctx, s, limit, in, out)
	}
	if err != nil {
		return nil, fmt.Errorf("open a shell: %w", err)
	}
	return t, nil
}

// startShell gives no terminal if none was started; out has ended if one was, and not in time.
func startShell(ctx context.Context, s executors.Session, limit time.Duration, in executors.Borrowed[*link], out *dialogue.Stream) (*terminal, error) {
	t := &terminal{in: in, done: make(chan struct{})}
	t.untie = context.AfterFunc(ctx, t.Cut)
	if limit <= 0 {
		limit = dialogue.DefaultTimeout
	}
	sctx, cancel := s.Reading(ctx, 3*limit)
	defer cancel()
	stop := context.AfterFunc(sctx, t.Cut) // the library waits for ever
	began := time.Now()
	late := func() error { return executors.Late(sctx, "open a shell", time.Since(began).Round(time.Second/10)) }
	if err := t.start(sctx, out); err != nil {
		close(t.done)
		if sctx.Err() != nil {
			err = late()
		}
		t.Close(err)
		return nil, err
	}
	if !stop() {
		t.Close(sctx.Err())
		return t, late()
	}
	return t, nil
}

func (t *terminal) start(ctx context.Context, out *dialogue.Stream) (err error) {
	if t.shell, err = openSession(ctx, t.in.Conn.Client); err != nil {
		return err
	}
	t.shell.Stdout, t.shell.Stderr = out, out
	if t.Writer, err = t.shell.StdinPipe(); err != nil {
		return err
	}
	if err := t.shell.RequestPty("dumb", 50, 500, ssh.TerminalModes{ssh.ECHO: 0, ssh.TTY_OP_ISPEED: 38400, ssh.TTY_OP_OSPEED: 38400}); err != nil {
		return err
	}
	if err := t.shell.Shell(); err != nil {
		return err
	}
	go func() {
		defer close(t.done)
		_ = t.shell.Wait() // how the shell ended does not matter, only that it did
		out.End()
	}()
	return nil
}

// Cut breaks the connection.
func (t *terminal) Cut() { _ = t.in.Conn.Close() }

// hangUpTime is how long a shell may take to end before its connection is cut.
const hangUpTime = time.Second

// Close ends the shell, and the connection unless it stays for the next attempt.
func (t *terminal) Close(err error) {
	if !t.untie() || !t.in.Stays() {
		err = cmp.Or(err, net.ErrClosed)
	}
	if err == nil {
		slow := time.AfterFunc(hangUpTime, t.Cut)
		_ = t.shell.Close()
		<-t.done
		if !slow.Stop() {
			err = net.ErrClosed
		}
	}
	t.in.Return(err)
	<-t.done
}
