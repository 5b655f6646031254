package redis

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Accounts lists the users that begin with a prefix, over TLS.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) ([]string, bool, error) {
	return accounts(ctx, s, false, prefix)
}

// Accounts lists the users that begin with a prefix, over what the template connects by.
func (p *program) Accounts(ctx context.Context, s executors.Session, prefix string) ([]string, bool, error) {
	return accounts(ctx, s, p.plain, prefix)
}

// accounts asks for all users, since the server knows no filter: an answer of more than 1 MiB is an error.
func accounts(ctx context.Context, s executors.Session, plain bool, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	password, err := s.Resolve(mask.AuthPassword)
	if err != nil {
		return nil, false, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	if err := s.Before("connect"); err != nil {
		return nil, false, executors.Fail(executors.ClassRefused, 0, err)
	}
	c, err := logIn(ctx, s, plain, mask.AuthUser, password)
	if err != nil {
		return nil, false, executors.FailureOf(red, 0, err)
	}
	defer c.HangUp()
	var all []string
	words := []secret.Value{secret.New([]byte("ACL")), secret.New([]byte("USERS"))}
	if err := c.ask(ctx, words, func() (err error) { all, err = c.texts(); return err }); err != nil {
		return nil, false, executors.FailureOf(red, 0, err)
	}
	for _, n := range all {
		if len(n) < len(prefix) || !strings.EqualFold(n[:len(prefix)], prefix) {
			continue
		}
		if more = len(names) == executors.MaxAccounts; more {
			break
		}
		names = append(names, n)
	}
	s.Trace.Step(model.Step{Text: "listed the users that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	return names, more, nil
}

// texts reads an answer that is a list of texts.
func (c *client) texts() ([]string, error) {
	n, err := c.head('*')
	if err != nil {
		return nil, err
	}
	var out []string
	for range n {
		length, err := c.head('$')
		if err != nil {
			return nil, err
		}
		text := make([]byte, length+2)
		if _, err := io.ReadFull(c.in, text); err != nil {
			return nil, err
		}
		out = append(out, string(text[:length]))
	}
	return out, nil
}

// head reads the line that begins an answer of a kind, and gives its number.
func (c *client) head(kind byte) (int, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	line, ok := strings.CutSuffix(line, "\r\n")
	switch {
	case ok && line != "" && line[0] == '-':
		return 0, answerError(line[1:])
	case !ok || line == "" || line[0] != kind:
		return 0, errProtocol
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < 0 || n > maxAnswer {
		return 0, errProtocol
	}
	return n, nil
}
