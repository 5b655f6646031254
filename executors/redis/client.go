package redis

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

const (
	defaultTimeout = 10 * time.Second // of connecting, and of each answer
	maxAnswer      = 1 << 20
	maxDepth       = 8
)

// answerError is what the server said no with: a word, then text.
type answerError string

func (e answerError) Error() string { return string(e) }

func (e answerError) Class() executors.Class {
	switch word, _, _ := strings.Cut(string(e), " "); word {
	case "WRONGPASS", "NOAUTH":
		return executors.ClassAuth
	case "LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN":
		return executors.ClassNetwork
	}
	return executors.ClassPolicy
}

// Spared: to a login there is one answer that says that it is wrong. Some come before anybody is asked who he is, such as "ERR max
// number of clients reached".
func (e answerError) Spared() bool { return !strings.HasPrefix(string(e), "WRONGPASS") }

// client is one connection.
type client struct {
	conn  net.Conn
	in    *bufio.Reader
	bound *io.LimitedReader // under in: what one answer may take
	limit time.Duration     // of each answer
}

// untold adds to an error of a handshake with a server that speaks no TLS at its port, as most do that were not set up for it, what
// connects to it: nobody would find that by himself. Such a server answers in its own words, or waits for the end of a line.
func untold(err error) error {
	why := ""
	if f, ok := errors.AsType[*executors.Failure](err); ok {
		why = f.Msg
	} else if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		why = "the server does not speak TLS at this port."
	} else {
		return err
	}
	return &executors.Failure{Class: executors.ClassTLS, Msg: why + " Let the device list the port where it does. If there is none, a template that begins with set-tls off connects without: " +
		"cofre template clone makes one, and cofre device update HOST --insecure-tls lets it, and is audited"}
}

// dial connects and encrypts. Without TLS it connects only where the device says that clear text is meant.
func dial(ctx context.Context, s executors.Session, plain bool) (*client, error) {
	if plain && !s.Target.InsecureTLS {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: "the template connects without TLS, which the device does not allow: cofre device update HOST --insecure-tls lets it, and is audited"}
	}
	limit, answer := s.ConnectTimeout, s.ReadTimeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	if answer <= 0 {
		answer = defaultTimeout
	}
	cfg, err := executors.TLSConfig(s.Target)
	if err != nil {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := s.Dial(ctx, "tcp", s.Address(DefaultPort))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.Address(DefaultPort), err)
	}
	if !plain {
		encrypted, err := executors.Encrypt(ctx, conn, cfg)
		if err != nil {
			_ = conn.Close()
			return nil, untold(fmt.Errorf("connect to %s: %w", s.Address(DefaultPort), err))
		}
		conn = encrypted
	}
	c := &client{conn: conn, bound: &io.LimitedReader{R: conn}, limit: answer}
	c.in = bufio.NewReader(c.bound)
	return c, nil
}

// logIn connects as the user that a name resolves to.
func logIn(ctx context.Context, s executors.Session, plain bool, who mask.Name, with secret.Value) (*client, error) {
	user, err := s.Resolve(who)
	if err != nil {
		return nil, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", who, err))
	}
	c, err := dial(ctx, s, plain)
	if err != nil {
		return nil, err
	}
	auth := secret.New([]byte("AUTH"))
	if err := c.do(ctx, []secret.Value{auth, user, with}); err != nil {
		c.HangUp()
		return nil, err
	}
	return c, nil
}

// do sends one command and reads its answer: an answerError if the server says no.
func (c *client) do(ctx context.Context, args []secret.Value) error {
	return c.ask(ctx, args, func() error { return c.answer(0) })
}

// ask sends one command and has its answer read.
func (c *client) ask(ctx context.Context, args []secret.Value, read func() error) error {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	conn := c.conn
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })() // whoever waits for the target wakes up
	line := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		_ = a.Reveal(func(b []byte) error {
			next := append(fmt.Appendf(make([]byte, 0, len(line)+len(b)+32), "%s$%d\r\n", line, len(b)), b...)
			clear(line)
			line = append(next, "\r\n"...)
			return nil
		})
	}
	defer func() { clear(line) }()
	_, err := conn.Write(line)
	if err == nil {
		c.bound.N = maxAnswer
		err = read()
	}
	if err != nil && ctx.Err() != nil {
		return executors.Late(ctx, "wait for the server", c.limit)
	}
	return err
}

var errProtocol = &executors.Failure{Class: executors.ClassProtocol, Msg: "the answer is not of Redis"}

// answer reads one answer of RESP2 and keeps nothing of it but an error.
func (c *client) answer(depth int) error {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return err
	}
	line, ok := strings.CutSuffix(line, "\r\n")
	if !ok || line == "" || depth > maxDepth {
		return errProtocol
	}
	switch kind, rest := line[0], line[1:]; kind {
	case '+', ':':
		return nil
	case '-':
		return answerError(rest)
	case '$', '*':
		n, err := strconv.Atoi(rest)
		if err != nil || n > maxAnswer {
			return errProtocol
		}
		if kind == '$' && n >= 0 {
			_, err = c.in.Discard(n + 2)
			return err
		}
		for ; kind == '*' && n > 0; n-- {
			if err := c.answer(depth + 1); err != nil && !errors.As(err, new(answerError)) {
				return err
			}
		}
		return nil
	}
	return errProtocol
}

// Restore asks whether the server is there. The commands of templates leave nothing in a session, as none of them is about it.
func (c *client) Restore(ctx context.Context) error {
	err := c.do(ctx, []secret.Value{secret.New([]byte("PING"))})
	if errors.As(err, new(answerError)) { // whoever may not even that has a server to say so
		return nil
	}
	return err
}

// HangUp ends the connection.
func (c *client) HangUp() {
	_ = c.conn.SetDeadline(time.Now().Add(time.Second))
	_ = c.conn.Close()
}
