// Package sqlserver changes the passwords of Microsoft SQL Server's logins by Transact-SQL.
//
// Statements are separated by semicolons, or by GO on a line of its own, and commit one by one. A hole inside of quotes becomes
// Unicode text, a bare one a name in brackets. TLS is always on and verified unless the device opts out; a server that
// sends us on to another place is not followed. An error answer to the first statement means that it had no effect, if
// it does one thing only. The tests know the protocol by a double alone: no real server was to be had. The runner calls it.
package sqlserver

import (
	"context"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "sqlserver"

// DefaultPort is used when the device names none.
const DefaultPort = 1433

// Executor is the SQL Server engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "sqlserver".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols is where a device lists the port, or that of SQL Server Browser, which is asked for it.
func (Executor) Protocols() []string { return []string{"SQLSERVER", "MSSQL", "TDS", browserProtocol} }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) { return compile(source) }

// Verify proves a secret by logging in as USERNAME. Only the one answer about wrong names and passwords, and nothing beside it,
// is a no: locked and expired logins, a changed default database and the like cannot be told.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	c, err := logIn(ctx, s, mask.Username, with)
	if err == nil {
		c.hangUp()
		return true, nil
	}
	if only(err, loginFailed) {
		return false, nil
	}
	return false, failure(red, 0, err)
}
