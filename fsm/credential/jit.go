package credential

import (
	"cofre/fsm/model"
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

// checkJIT keeps accounts that are opened for sessions out of what they cannot do, and one that is open where it is: the
// inactivation must find it.
func checkJIT(old, c *model.Credential) error {
	if old != nil && old.JIT != nil && old.JIT.State == model.AccountOpen && (!sameEnd(old.JIT, c.JIT) || old.Device != c.Device || old.Username != c.Username) {
		return model.Errorf(model.Conflict, "the account is open on its target: end its sessions first, and wait until it is inactivated").WithField("jit")
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

// sameEnd tells whether an account that is open is still inactivated by the same kind of operation. With which template, and by whose login,
// may be corrected: an inactivation that fails is tried for ever, and nothing else would help it.
func sameEnd(a, b *model.JIT) bool { return b != nil && a.AccessKind(false) == b.AccessKind(false) }

func sameJIT(a, b *model.Credential) bool {
	if a.JIT == nil || b.JIT == nil {
		return a.JIT == b.JIT
	}
	return a.JIT.Activate == b.JIT.Activate && a.JIT.Deactivate == b.JIT.Deactivate && a.JIT.Authentication == b.JIT.Authentication
}
