package credential

import (
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// takeProfile manages a new credential as the profile says that fits it, as far as its registration says nothing else. A
// credential that logs in is taken over only if whoever registers may read it: a reference is a read, and otherwise a new
// account would be a way to let a foreign one work. Then nothing of the profile is taken, and the trail says so.
func takeProfile(tx *table.Tx, m command.Meta, c *model.Credential, a *PutArgs) (taken, left *model.ExecutionProfile) {
	p, ok := state.ProfileFor(tx, c)
	if !ok {
		return nil, nil
	}
	e := a.Execution
	if e == nil {
		e = &ExecutionPatch{}
	}
	x := c.Execution
	if e.Authentication == nil {
		x.Authentication = p.Authentication
		if p.AuthUser != "" && p.AuthUser != c.Username { // its own credential is the default
			door, ok := state.Credentials.First(tx, "account", state.AccountKey(c.Device, p.AuthUser))
			if !ok {
				return nil, p
			}
			x.Authentication = door.ID
		}
		if x.Authentication != "" {
			if _, err := command.MayReference(tx, m.Actor, m.At, x.Authentication, "authentication_credential"); err != nil {
				return nil, p
			}
		}
	}
	t, ok := state.Templates.Get(tx, string(p.Change))
	if !ok || x.Executor != "" && x.Executor != t.Executor {
		return nil, p // registered for another executor
	}
	if x.Executor = t.Executor; x.ChangeTemplate == "" {
		x.ChangeTemplate = t.ID
	}
	if e.Automatic == nil {
		x.Automatic = p.Automatic
	}
	if p.Immediate && (e.Automatic == nil || *e.Automatic) {
		x.FirstAt = m.At.Add(model.Span(p.FirstAfter))
	}
	if p.Activate != "" && a.JIT == nil && c.Key == nil && c.Parent == "" && x.Authentication != "" { // the one that logs in is always open
		j, err := state.ForSessions(tx, p.Activate, p.Deactivate)
		if err != nil {
			return nil, p // a template is gone
		}
		j.Authentication = x.Authentication
		c.JIT = &j
	}
	c.Execution, c.Profile = x, p.ID
	return p, nil
}
