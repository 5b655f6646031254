// Package ssh changes secrets over SSH with the vendor's expect dialect.
//
// The executor logs in with the authentication credential, opens a shell on a terminal without echo, and runs the
// commands of the template. The host key is checked against the device's pins before authentication. Until the first
// byte of a step that carries NEW_PASSWORD leaves, every failure is NotStarted; afterwards only a refusal that the
// target spelled out over a live connection is Rejected, the end of the script after an answer is Applied, and
// everything else is Uncertain. The runner calls it through the contract; `cofre device trust` calls ScanHostKeys.
package ssh

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
const Name model.ExecutorName = "ssh"

// DefaultPort is used when the device names none.
const DefaultPort = 22

// DefaultTimeout limits connecting and each wait when neither session nor template says otherwise (product.md 1.6.1).
const DefaultTimeout = 5 * time.Second

// Executor is the SSH engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "ssh".
func (Executor) Name() model.ExecutorName { return Name }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) { return compile(source) }

// Verify proves a secret by logging in as USERNAME.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	user, err := text(s.Resolve, mask.Username)
	if err != nil {
		return false, executors.Fail(executors.ClassTemplate, 0, err)
	}
	c, err := dial(ctx, s, user, with, s.ConnectTimeout)
	if err == nil {
		c.Close()
		return true, nil
	}
	var refused *wrongSecret
	if errors.As(err, &refused) {
		return false, nil
	}
	return false, failure(red, 0, err)
}

// text resolves a name that is no secret.
func text(resolve mask.Resolver, n mask.Name) (string, error) {
	v, err := resolve(n)
	if err != nil {
		return "", fmt.Errorf("%s: %w", n, err)
	}
	var s string
	err = v.Reveal(func(b []byte) error { s = string(b); return nil })
	return s, err
}

// failure makes a Failure of any error. Our own words stay; everything else passes the redactor.
func failure(red *executors.Redactor, line int, err error) *executors.Failure {
	var f *executors.Failure
	if errors.As(err, &f) {
		return executors.Fail(f.Class, line, f)
	}
	return &executors.Failure{Class: executors.ClassOf(err), Line: line, Msg: red.Text(err.Error())}
}
