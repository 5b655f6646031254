// Package winrpc changes, makes and removes accounts of Windows machines and domains by remote procedure calls: the security
// accounts manager (MS-SAMR) on the named pipe of SMB 3.
//
// A template's lines look like command lines of Windows; a closed list of them has a meaning here, and each becomes calls with
// arguments, so no value is ever part of a line. Every byte after the login is encrypted by SMB 3.1.1; the server must prove that it
// knows the account's password, which NTLM does by itself, so guests and impostors are refused. Proven against Samba's domain
// controller, never against Windows. The only package that knows the RPC library. The runner calls it.
package winrpc

import (
	"context"
	"errors"
	"time"

	smb "github.com/oiweiwei/go-smb2.fork"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "windows-rpc"

// DefaultPort is that of SMB, used when the device names none.
const DefaultPort = 445

// DefaultTimeout limits connecting with the login, and DefaultReadTimeout each call, when the session sets nothing.
const (
	DefaultTimeout     = 15 * time.Second
	DefaultReadTimeout = 30 * time.Second
)

const (
	domain     mask.Name = "DOMAIN"
	authDomain mask.Name = "AUTH_DOMAIN"
)

// Executor is the engine. The zero value is ready.
type Executor struct{}

// New makes the executor.
func New() Executor { return Executor{} }

// Name is "windows-rpc".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols are the names under which a device lists the port of SMB.
func (Executor) Protocols() []string { return []string{"WINDOWS-RPC", "SMB"} }

// Compile checks a template.
func (Executor) Compile(source string) (executors.Program, error) { return compile(source) }

// Verify proves a secret by a login as USERNAME, of DOMAIN if there is one. An account that does not exist counts as a wrong
// password, as the server says itself; one that is locked, disabled, expired or must change its password is "cannot tell".
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	who, err := login(s, mask.Username, domain, with)
	if err != nil {
		return false, err
	}
	err = prove(ctx, s, who)
	if err == nil {
		return true, nil
	}
	if status(err).wrong() {
		return false, nil
	}
	return false, failure(red, err)
}

// failure makes a Failure of any error. Our own words stay; what the library says passes the redactor.
func failure(red *executors.Redactor, err error) *executors.Failure {
	var f *executors.Failure
	if errors.As(err, &f) {
		return f
	}
	if s := status(err); s != 0 {
		return &executors.Failure{Class: s.class(), Msg: s.String()}
	}
	class := executors.ClassOf(err)
	var lost *smb.TransportError
	var late *smb.ContextError
	switch {
	case errors.As(err, &late):
		class = executors.ClassTimeout
	case errors.As(err, &lost) && class == executors.ClassProtocol:
		class = executors.ClassNetwork
	}
	return &executors.Failure{Class: class, Msg: red.Text(err.Error()), Spared: executors.IsSpared(err)}
}
