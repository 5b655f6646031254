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
	on, found := state.Templates.Get(tx, string(j.Activate))
	off, also := state.Templates.Get(tx, string(j.Deactivate))
	switch {
	case !found || !also:
		return model.Errorf(model.Invalid, "an account that is opened for sessions needs two templates: one that activates it, and one that inactivates it").WithField("jit")
	case on.Kind == model.TemplateEnable && off.Kind == model.TemplateDisable:
		j.Creates = false
	case on.Kind == model.TemplateCreate && off.Kind == model.TemplateDelete:
		j.Creates = true
	default:
		return model.Errorf(model.Invalid, "the templates are of the types %q and %q, or %q and %q", model.TemplateEnable, model.TemplateDisable, model.TemplateCreate, model.TemplateDelete).WithField("jit")
	}
	if on.Executor != off.Executor {
		return model.Errorf(model.Invalid, "both templates are of one executor").WithField("jit")
	}
	j.Executor = on.Executor
	if j.Authentication == "" || j.Authentication == c.ID {
		return model.Errorf(model.Invalid, "another credential activates the account: this one is closed").WithField("jit.authentication")
	}
	c.JIT = &j
	return nil
}

// checkJIT keeps accounts that are opened for sessions out of what they cannot do, and one that is open where it is: the
// inactivation must find it.
func checkJIT(old, c *model.Credential) error {
	if old != nil && old.JIT != nil && old.JIT.State == model.AccountOpen && (!sameJIT(old, c) || old.Device != c.Device || old.Username != c.Username) {
		return model.Errorf(model.Conflict, "the account is open on its target: end its sessions first").WithField("jit")
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

func sameJIT(a, b *model.Credential) bool {
	if a.JIT == nil || b.JIT == nil {
		return a.JIT == b.JIT
	}
	return a.JIT.Activate == b.JIT.Activate && a.JIT.Deactivate == b.JIT.Deactivate && a.JIT.Authentication == b.JIT.Authentication
}
