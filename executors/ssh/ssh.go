// Package ssh changes secrets over SSH: with the vendor's expect dialect, with its older one (ssh-legacy), and with the command
// lines of VMware ESXi (esxi).
//
// The executors log in with the authentication credential, by password or by private key. The host key is checked against
// the device's pins before authentication. The two expect dialects run on a terminal without echo, by the engine of
// package dialogue, whose outcomes they have; ESXi's commands answer with an exit status. The runner calls them through
// the contract; `cofre device trust` calls ScanHostKeys.
package ssh

import (
	"context"
	"errors"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// The names of the executors in templates and operations.
const (
	Name       model.ExecutorName = "ssh"
	LegacyName model.ExecutorName = "ssh-legacy"
	ESXiName   model.ExecutorName = "esxi"
)

// Weak is the protocol under which a device lists its SSH port when it speaks outdated algorithms only. It is the one way
// to them: a device's route, guarded and audited like every other.
const Weak = "SSH-WEAK"

// DefaultPort is used when the device names none.
const DefaultPort = 22

// Executor is the SSH engine.
type Executor struct {
	name    model.ExecutorName
	dialect dialogue.Dialect
}

// New makes the executor of the expect dialect (product.md 1.6.1).
func New() Executor {
	return Executor{Name, dialogue.Dialect{
		Words: map[string]dialogue.Word{
			"exec": dialogue.Exec, "write": dialogue.Write, "read": dialogue.Read, "expect": dialogue.Expect, "expect-regex": dialogue.Regex,
			"no-expect": dialogue.Forbid, "noexpect": dialogue.Forbid,
		},
		Listed: "exec, write, read, expect, expect-regex, no-expect", NewLine: "unix", Setting: setting,
	}}
}

// Legacy makes the executor of the older dialect (product.md 1.6.2), in which write and exec are one command, and read,
// expect and expect-regex another: a regular expression between slashes, else text in which * stands for anything.
func Legacy() Executor {
	return Executor{LegacyName, dialogue.Dialect{
		Words: map[string]dialogue.Word{
			"exec": dialogue.Exec, "write": dialogue.Exec, "read": dialogue.Search, "expect": dialogue.Search, "expect-regex": dialogue.Search,
			"not-expect": dialogue.Forbid, "no-expect": dialogue.Forbid, "noexpect": dialogue.Forbid,
		},
		Listed: "exec, write, read, expect, expect-regex, not-expect", NewLine: "unix", Setting: setting,
	}}
}

// Protocols is where a device lists the port of every executor over SSH.
func (Executor) Protocols() []string { return []string{"SSH", Weak} }

// Name is the executor's name.
func (e Executor) Name() model.ExecutorName { return e.name }

// Compile checks a template.
func (e Executor) Compile(source string) (executors.Program, error) {
	return compile(source, e.dialect)
}

// Verify proves a secret by logging in as USERNAME.
func (Executor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, with)
}

func verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	user, err := dialogue.Text(s.Resolve, mask.Username)
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
	return false, dialogue.Failure(red, 0, err)
}
