// Package postgres changes secrets on PostgreSQL with SQL templates.
//
// Holes are filled by their place in the SQL: doubled quotes in a literal, a quoted identifier where a name stands;
// in comments and dollar quotes they are refused. A new password in ALTER or CREATE USER ... PASSWORD leaves as a
// SCRAM-SHA-256 verifier made here, so that no log and no activity view of the server ever sees it. Several statements
// run as one transaction. TLS is verified unless the device opts out. The runner calls it through the contract.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "postgres"

// DefaultPort is used when the device names none.
const DefaultPort = 5432

// DefaultDatabase is connected to when the credential's additional information names none.
const DefaultDatabase = "postgres"

// DefaultTimeout limits connecting, and DefaultReadTimeout each statement, when the session sets nothing.
const (
	DefaultTimeout     = 10 * time.Second
	DefaultReadTimeout = 30 * time.Second
)

// Executor is the PostgreSQL engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "postgres".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols are the names under which a device lists the port of its server.
func (Executor) Protocols() []string { return []string{"POSTGRESQL", "POSTGRES"} }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) { return compile(source) }

// Verify proves a secret by logging in as USERNAME.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	user, err := s.Resolve(mask.Username)
	if err != nil {
		return false, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.Username, err))
	}
	c, err := connect(ctx, s, user, with)
	if err == nil {
		c.HangUp()
		return true, nil
	}
	switch sqlState(err) {
	case "28P01": // the password is wrong
		return false, nil
	case "3D000", "42501": // after authentication: the database is missing, or this role may not use it
		return true, nil
	}
	return false, failure(red, err)
}

// failure makes a Failure of any error. Our own words stay; what the server or the driver says passes the redactor.
func failure(red *executors.Redactor, err error) *executors.Failure {
	var f *executors.Failure
	if errors.As(err, &f) {
		return f
	}
	class := executors.ClassOf(err)
	if state := sqlState(err); state != "" {
		class = executors.ClassPolicy
		if len(state) > 1 && state[:2] == "28" {
			class = executors.ClassAuth
		}
		if unlisted(err) {
			class = executors.ClassNetwork
		}
	}
	return &executors.Failure{Class: class, Msg: executors.Said(red, err), Spared: executors.IsSpared(err) || spared(err)}
}
