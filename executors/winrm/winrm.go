// Package winrm runs PowerShell and command lines on Windows machines by remote management (WS-Management, MS-WSMV), with the
// vendor's Windows RM dialect (product.md 1.6.4).
//
// The service is asked over TLS that is verified unless the device opts out; plain HTTP (!unsecure) needs that opt-out. Who logs in
// does so by NTLM, or by Basic where the service offers nothing better. A PowerShell script never holds a value: its tags are
// variables, whose values travel on the standard input of a fixed command, so that neither the list of processes nor the script log of
// the target shows them. One own connection, on which nothing is sent twice. Proven against a double of the protocol, never against
// Windows. The only package that knows the library of messages. The runner calls it.
package winrm

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
const Name model.ExecutorName = "winrm"

// The ports of the service over TLS and without, used when the device names none.
const (
	DefaultPort = 5986
	plainPort   = 5985
)

// DefaultTimeout limits connecting with the login, and DefaultReadTimeout each command, when the session sets nothing.
const (
	DefaultTimeout     = 15 * time.Second
	DefaultReadTimeout = time.Minute
)

const (
	domain     mask.Name = "DOMAIN"
	authDomain mask.Name = "AUTH_DOMAIN"
)

// Executor is the engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "winrm".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols are the names under which a device lists the port of the service.
func (Executor) Protocols() []string { return []string{"WINRM", "WINDOWS-RM"} }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) { return compile(source) }

// Verify proves a secret by a login over TLS.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, false, with)
}

// Verify proves a secret by a login as the template's.
func (p *program) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, p.plain, with)
}

// verify logs in as USERNAME, of DOMAIN if there is one. The service answers a wrong password, an unknown account and one that may not
// log in alike.
func verify(ctx context.Context, s executors.Session, plain bool, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	who, err := login(s, mask.Username, domain, with)
	if err != nil {
		return false, err
	}
	c, err := open(ctx, s, red, plain)
	if err != nil {
		return false, failure(red, err)
	}
	defer c.hangUp()
	first, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	if err := c.login(first, who); err != nil {
		if errors.Is(err, errWrong) {
			return false, nil
		}
		return false, failure(red, err)
	}
	return true, nil
}

// failure makes a Failure of any error. Our own words stay; what the target or a library says passes the redactor.
func failure(red *executors.Redactor, err error) *executors.Failure {
	var f *executors.Failure
	if errors.As(err, &f) {
		return f
	}
	return &executors.Failure{Class: executors.ClassOf(err), Msg: executors.Said(red, err), Spared: executors.IsSpared(err)}
}

func limit(d, standard time.Duration) time.Duration {
	if d <= 0 {
		return standard
	}
	return d
}
