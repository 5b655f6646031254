// Package redis changes the passwords of Redis users by its own commands, one on each line of a template.
//
// Every argument travels as a string with its length, so a value is never taken for anything else. A password that a template
// adds to a user, as ">[#NEW_PASSWORD#]", leaves as the SHA-256 that the server stores. TLS is verified; a template
// that switches it off runs only on a device that opts out. An error answer means that the command had no effect. The
// protocol (RESP2) is spoken here and not by a driver, because drivers are pools that log in again by themselves, and one
// login must be one attempt. The runner calls it.
package redis

import (
	"context"
	"errors"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "redis"

// DefaultPort is used when the device names none.
const DefaultPort = 6379

// Executor is the Redis engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "redis".
func (Executor) Name() model.ExecutorName { return Name }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) { return compile(source) }

// Verify proves a secret by logging in as USERNAME over TLS.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, false, with)
}

// Verify proves a secret by logging in as USERNAME, over what the template connects by.
func (p *program) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, p.plain, with)
}

// verify says false for the one answer by which the server names name and password wrong; it gives that to users that are
// unknown or switched off as well.
func verify(ctx context.Context, s executors.Session, plain bool, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	c, err := logIn(ctx, s, plain, mask.Username, with)
	if err == nil {
		c.HangUp()
		return true, nil
	}
	var no answerError
	if errors.As(err, &no) && strings.HasPrefix(string(no), "WRONGPASS") {
		return false, nil
	}
	return false, executors.FailureOf(red, 0, err)
}
