package credential

import (
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// JITPatch changes how the account is opened for sessions; nil leaves a field as it is. Without templates it is always open.
type JITPatch struct {
	Activate       *model.TemplateID   `cbor:"activate,omitempty"`
	Deactivate     *model.TemplateID   `cbor:"deactivate,omitempty"`
	Authentication *model.CredentialID `cbor:"authentication,omitempty"`
}

func patchJIT(tx *table.Tx, c *model.Credential, p *JITPatch) error {
	if p == nil {
		return nil
	}
	j := model.JIT{}
	if c.JIT != nil {
		j = *c.JIT
	}
	if p.Activate != nil {
		j.Activate = *p.Activate
	}
	if p.Deactivate != nil {
		j.Deactivate = *p.Deactivate
	}
	if p.Authentication != nil {
		j.Authentication = *p.Authentication
	}
	if j.Activate == "" && j.Deactivate == "" {
		c.JIT = nil
		return nil
	}
	pair, err := state.ForSessions(tx, j.Activate, j.Deactivate)
	if err != nil {
		return err.WithField("jit")
	}
	j.Executor, j.Creates = pair.Executor, pair.Creates
	if j.Authentication == "" || j.Authentication == c.ID {
		return model.Errorf(model.Invalid, "another credential activates the account: this one is closed").WithField("jit.authentication")
	}
	c.JIT = &j
	return nil
}

// checkJIT keeps accounts that are opened for sessions out of what they cannot do, and one that was opened or closed on its target from
// being forgotten so.
func checkJIT(tx *table.Tx, old, c *model.Credential) error {
	if old != nil && old.JIT != nil {
		if err := checkLeft(tx, old, c); err != nil {
			return err.WithField("jit")
		}
	}
	switch {
	case c.JIT == nil:
		return nil
	case c.Key != nil:
		return model.Errorf(model.Invalid, "an SSH key is not opened for sessions").WithField("jit")
	case c.Parent != "":
		return model.Errorf(model.Invalid, "an account that is opened for sessions has no parent: it could not follow it while it is closed").WithField("jit")
	}
	return nil
}

// checkLeft decides whether an account may be left as it is on its target. One that is open is left to the inactivation that must find it, and
// stays open for good only if the templates are taken away while a session has it open. One that is closed would be closed for good. Of
// another account that takes its place nothing is known.
func checkLeft(tx *table.Tx, old, c *model.Credential) *model.Error {
	moved := old.Device != c.Device || old.Username != c.Username
	kept := c.JIT == nil && !moved
	switch {
	case !moved && sameEnd(old.JIT, c.JIT), kept && operation.HasOpen(tx, old):
		return nil
	case old.JIT.State == model.AccountOpen:
		return model.Errorf(model.Conflict, "the account is open on its target: end its sessions first, and wait until it is inactivated")
	case operation.InAccess(tx, old):
		return model.Errorf(model.Conflict, "the account is being opened on its target: wait until its session is active, or end it")
	case kept && c.Enabled && old.JIT.State == model.AccountClosed:
		return model.Errorf(model.Conflict, "the account is closed on its target, and nothing would open it any more: begin a session, and take the templates away while it is active; or disable the credential")
	case moved && c.JIT != nil:
		j := *c.JIT // rows in views are shared
		j.State, j.Failures = model.AccountUnknown, 0
		c.JIT = &j
	}
	return nil
}

// sameEnd tells whether an account that is open is still inactivated by the same kind of operation. With which template, and by whose login,
// may be corrected: an inactivation that fails is tried for ever, and nothing else would help it.
func sameEnd(a, b *model.JIT) bool { return b != nil && a.AccessKind(false) == b.AccessKind(false) }

func sameJIT(a, b *model.Credential) bool {
	if a.JIT == nil || b.JIT == nil {
		return a.JIT == b.JIT
	}
	return a.JIT.Activate == b.JIT.Activate && a.JIT.Deactivate == b.JIT.Deactivate && a.JIT.Authentication == b.JIT.Authentication
}
