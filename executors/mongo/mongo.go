// Package mongo changes the passwords of MongoDB users by database commands, one JSON document on each line of a template.
//
// A tag stands inside a JSON string and becomes part of a BSON string with its length, so no value is ever read as part of a document.
// Logins are SCRAM-SHA-256 over verified TLS, which proves the server too. The messages (OP_MSG) are spoken here and not by the driver,
// which is a pool that watches a cluster and logs in again by itself; its BSON is used. New passwords go to the server as they are, inside
// of TLS: it derives what it stores. Proven against a double of the protocol, never against MongoDB. The runner calls it.
package mongo

import (
	"context"
	"errors"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "mongodb"

// DefaultPort is used when the device names none.
const DefaultPort = 27017

// DefaultTimeout limits connecting with the login, and each command, when the session sets nothing.
const DefaultTimeout = 10 * time.Second

// Executor is the engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "mongodb".
func (Executor) Name() model.ExecutorName { return Name }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) { return compile(source) }

// Verify proves a secret by a login of a user of the database admin.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, place{}, with)
}

// Verify proves a secret by a login of a user of the template's database.
func (p *program) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, p.last, with)
}

// ManagerVerifier proves a manager's login: that one is a user of admin.
func (p *program) ManagerVerifier() executors.Verifier { return Executor{} }

// verify says false for the one code by which the server refuses a login; it gives that to unknown users as well.
func verify(ctx context.Context, s executors.Session, database place, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	in, err := func() (bool, error) {
		db, err := database.name(s.Resolve)
		if err != nil {
			return false, executors.Fail(executors.ClassTemplate, 0, err)
		}
		who, err := user(s, mask.Username, with)
		if err != nil {
			return false, err
		}
		c, err := dial(ctx, s)
		if err != nil {
			return false, err
		}
		defer c.HangUp()
		if err := c.login(ctx, who, db); err != nil {
			return false, err
		}
		return true, nil
	}()
	var no *refusal
	switch {
	case errors.As(err, &no) && no.code == authenticationFailed:
		return false, nil
	case err != nil:
		return false, executors.FailureOf(red, 0, err)
	}
	return in, nil
}
