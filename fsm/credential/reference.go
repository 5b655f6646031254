package credential

import (
	"slices"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// references decides on every pointer that is new: a reference is a read. A chain of parents must not be a circle.
func references(tx *table.Tx, m command.Meta, old, c *model.Credential) error {
	if c.Parent != "" && (old == nil || old.Parent != c.Parent) {
		if _, err := command.MayReference(tx, m.Actor, m.At, c.Parent, "parent"); err != nil {
			return err
		}
		if p, ok := state.Credentials.Get(tx, string(c.Parent)); ok && p.Key != nil {
			return model.Errorf(model.Invalid, "an SSH key gives no password to others").WithField("parent")
		}
		for id, n := c.Parent, 0; id != ""; n++ {
			if id == c.ID || n > 32 {
				return model.Errorf(model.Invalid, "a credential cannot be its own ancestor").WithField("parent")
			}
			p, ok := state.Credentials.Get(tx, string(id))
			if !ok {
				break
			}
			id = p.Parent
		}
	}
	auth := c.Execution.Authentication
	if auth != "" && auth == c.ID {
		c.Execution.Authentication, auth = "", "" // its own credential is the default
	}
	if auth != "" && (old == nil || old.Execution.Authentication != auth) {
		if _, err := command.MayReference(tx, m.Actor, m.At, auth, "authentication_credential"); err != nil {
			return err
		}
	}
	if c.JIT != nil && (old == nil || old.JIT == nil || old.JIT.Authentication != c.JIT.Authentication) {
		if _, err := command.MayReference(tx, m.Actor, m.At, c.JIT.Authentication, "jit.authentication"); err != nil {
			return err
		}
	}
	if other := c.Execution.Reconcile.Authentication; other != "" && (old == nil || old.Execution.Reconcile.Authentication != other) {
		if other == c.ID {
			return model.Errorf(model.Invalid, "another credential reconciles: this one may not log in any more").WithField("reconcile.authentication")
		}
		if _, err := command.MayReference(tx, m.Actor, m.At, other, "reconcile.authentication"); err != nil {
			return err
		}
	}
	return nil
}

func sameRoute(a, b *model.Credential) bool {
	x, y := a.Execution.Reconcile, b.Execution.Reconcile
	return sameJIT(a, b) && x.Template == y.Template && x.Authentication == y.Authentication && a.Username == b.Username && a.Device == b.Device &&
		slices.Equal(keyDevices(a), keyDevices(b)) && keyPattern(a) == keyPattern(b) && a.Execution.Executor == b.Execution.Executor &&
		a.Execution.ChangeTemplate == b.Execution.ChangeTemplate && a.Execution.Authentication == b.Execution.Authentication
}

func keyPattern(c *model.Credential) string {
	if c.Key == nil {
		return ""
	}
	return c.Key.Pattern
}

func keyDevices(c *model.Credential) []model.DeviceID {
	if c.Key == nil {
		return nil
	}
	return c.Key.Devices
}
