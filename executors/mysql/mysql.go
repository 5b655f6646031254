// Package mysql changes secrets on MySQL and MariaDB with SQL templates.
//
// Holes are filled by their place in the SQL: escaped in a literal, a quoted name where a name stands; in comments and
// in text that the server would read as SQL once more they are refused. A new password in ALTER or CREATE USER ...
// IDENTIFIED BY leaves for MariaDB as the hash that the server would store, so that neither its logs nor its process
// list ever see it. Account statements commit by themselves here, so there is no transaction. TLS is verified unless
// the device opts out. The runner calls it through the contract.
package mysql

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
const Name model.ExecutorName = "mysql"

// DefaultPort is used when the device names none.
const DefaultPort = 3306

// DefaultTimeout limits connecting, and DefaultReadTimeout each statement, when the session sets nothing.
const (
	DefaultTimeout     = 10 * time.Second
	DefaultReadTimeout = 30 * time.Second
)

// Executor is the engine for MySQL and MariaDB. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "mysql".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols are the names under which a device lists the port of its server.
func (Executor) Protocols() []string { return []string{"MYSQL", "MARIADB"} }

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
	switch number(err) {
	case erAccessDenied:
		return false, nil
	case erMustChangeLogin: // the password is right and has expired
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
	if n := number(err); n != 0 {
		class = classOf(n)
	}
	return &executors.Failure{Class: class, Msg: executors.Said(red, err), Spared: executors.IsSpared(err) || sparing[number(err)]}
}
