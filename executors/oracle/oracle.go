// Package oracle changes the passwords of Oracle Database's users by SQL.
//
// Statements end with a semicolon, blocks of PL/SQL with a line that is a slash, and each commits by itself. A hole outside of quotes
// becomes a name, or a password in quotes after BY and REPLACE. Logins are made by TLS, verified unless the device opts out; a listener
// that sends us on to another place is not followed. An error answer to the first statement means that it had no effect, if it is
// one of a closed list. The tests know the protocol by a double alone: no real server was to be had. The runner calls it.
package oracle

import (
	"context"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "oracle"

// DefaultPort is used when the device names none: the one of TLS.
const DefaultPort = 2484

// Plain is the protocol under which a device lists a listener without TLS. It needs the device's opt-out of verification; Oracle's
// own encryption, which proves nobody's identity, is asked for, and used if the server has it.
const Plain = "ORACLE-TCP"

// Executor is the Oracle engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "oracle".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols is where a device lists the port.
func (Executor) Protocols() []string { return []string{"ORACLE", Plain} }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) { return compile(source) }

// Verify proves a secret by logging in as USERNAME to the service in ADD_INFO.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, login{who: mask.Username, service: defaultService}, with)
}

// Verify proves a secret by logging in as USERNAME to the service that the template names.
func (p *program) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, login{who: mask.Username, service: p.login.service}, with)
}

// verify logs in once. Only the one answer about wrong names and passwords is a no: locked and expired accounts, a missing right to
// log in and the like cannot be told.
func verify(ctx context.Context, s executors.Session, l login, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	c, err := l.open(ctx, s, with)
	if err == nil {
		c.hangUp()
		return true, nil
	}
	if code(err) == loginDenied {
		return false, nil
	}
	return false, failure(red, 0, err)
}
