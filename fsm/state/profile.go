package state

import (
	"strings"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// ExecutionProfiles are how new credentials are managed, in the order in which they are tried.
var ExecutionProfiles = table.Define(41, "execution_profile", func(p *model.ExecutionProfile) string { return string(p.ID) },
	table.Index[model.ExecutionProfile]{Name: "name", Unique: true, Keys: func(p *model.ExecutionProfile) []string { return []string{p.Name} }},
	table.Index[model.ExecutionProfile]{Name: "order", Keys: profileOrder})

// profileOrder puts the profiles of devices before those that are taken by criteria, of which the highest priority comes
// first, then the first name.
func profileOrder(p *model.ExecutionProfile) []string {
	switch {
	case !p.Enabled:
		return nil
	case p.Device != "":
		return []string{strings.Join([]string{"0", string(p.Device), p.Name}, "/")}
	}
	return []string{strings.Join([]string{"1", table.NumberKey(uint64(255 - p.Priority)), p.Name}, "/")}
}

// ProfileFor finds the enabled profile that a new credential takes; false if there is none.
func ProfileFor(r table.Reader, c *model.Credential) (*model.ExecutionProfile, bool) {
	for p := range ExecutionProfiles.Range(r, "order", "0/"+string(c.Device)+"/", "0/"+string(c.Device)+"/\xff") {
		return p, true
	}
	var d *model.Device
	for p := range ExecutionProfiles.Range(r, "order", "1/", "1/\xff") {
		if d == nil {
			var ok bool
			if d, ok = Devices.Look(r, string(c.Device)); !ok {
				d = &model.Device{}
			}
		}
		if p.Misfit(c, d) == "" {
			return p, true
		}
	}
	return nil, false
}

// ForSessions checks two templates that open an account and close it: they are of one executor, and enable and disable
// it, or create and delete it. What it gives says that, without who logs in.
func ForSessions(r table.Reader, activate, deactivate model.TemplateID) (model.JIT, *model.Error) {
	j := model.JIT{Activate: activate, Deactivate: deactivate}
	on, found := Templates.Get(r, string(activate))
	off, also := Templates.Get(r, string(deactivate))
	switch {
	case !found || !also:
		return j, model.Errorf(model.Invalid, "an account that is opened for sessions needs two templates: one that activates it, and one that inactivates it")
	case on.Kind == model.TemplateCreate && off.Kind == model.TemplateDelete:
		j.Creates = true
	case on.Kind != model.TemplateEnable || off.Kind != model.TemplateDisable:
		return j, model.Errorf(model.Invalid, "the templates are of the types %q and %q, or %q and %q", model.TemplateEnable, model.TemplateDisable, model.TemplateCreate, model.TemplateDelete)
	}
	if on.Executor != off.Executor {
		return j, model.Errorf(model.Invalid, "both templates are of one executor")
	}
	j.Executor = on.Executor
	return j, nil
}
