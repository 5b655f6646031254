package redis

import (
	"context"
	"fmt"
	"io"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// May asks whether AUTH_USER may run the template's commands, which Redis 7 tells without running them. A secret's place is taken
// by a stand-in, since no rule depends on it.
func (p *program) May(ctx context.Context, s executors.Session) (allowed bool, why string, err error) {
	s, red := s.Guard()
	user, err := s.Resolve(mask.AuthUser)
	if err != nil {
		return false, "", executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthUser, err))
	}
	password, err := s.Resolve(mask.AuthPassword)
	if err != nil {
		return false, "", executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	if err := s.Before("connect"); err != nil {
		return false, "", executors.Fail(executors.ClassRefused, 0, err)
	}
	c, err := logIn(ctx, s, p.plain, mask.AuthUser, password)
	if err != nil {
		return false, "", executors.FailureOf(red, 0, err)
	}
	defer c.HangUp()
	for i := range p.commands {
		no, err := c.rehearse(ctx, user, s.Resolve, &p.commands[i])
		if err != nil {
			return false, "", executors.FailureOf(red, p.commands[i].line, err)
		}
		if no != "" {
			return false, red.Text(no), nil
		}
	}
	return true, "its rules allow every command of the template", nil
}

// rehearse asks about one command; no is what the server has against it.
func (c *client) rehearse(ctx context.Context, user secret.Value, resolve mask.Resolver, cmd *command) (no string, err error) {
	words := []secret.Value{secret.New([]byte("ACL")), secret.New([]byte("DRYRUN")), user}
	for _, parts := range cmd.args {
		word, err := mask.Render(parts, func(n mask.Name) (secret.Value, error) {
			if n.Secret() {
				return secret.New([]byte("x")), nil
			}
			return resolve(n)
		}, mask.Raw)
		if err != nil {
			return "", executors.Fail(executors.ClassTemplate, cmd.line, err)
		}
		words = append(words, word)
	}
	err = c.ask(ctx, words, func() error { no, err = c.verdict(); return err })
	return no, err
}

// verdict reads the answer to ACL DRYRUN: OK, or the reason as text.
func (c *client) verdict() (string, error) {
	kind, err := c.in.Peek(1)
	switch {
	case err != nil:
		return "", err
	case kind[0] == '+':
		return "", c.answer(0)
	}
	n, err := c.head('$')
	if err != nil {
		return "", err
	}
	text := make([]byte, n+2)
	_, err = io.ReadFull(c.in, text)
	return strings.TrimSpace(string(text)), err
}
