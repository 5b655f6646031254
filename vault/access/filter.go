package access

import (
	"slices"
	"strings"

	"cofre/fsm/model"
)

func (f *ListFilter) matches(c *model.Credential, d *model.Device) bool {
	switch {
	case f.Device != "" && c.Device != f.Device:
		return false
	case f.Tag != "" && !slices.Contains(c.Tags, f.Tag):
		return false
	case f.Type != "" && !strings.EqualFold(f.Type, c.Type):
		return false
	case !f.Exact.matches(c, d):
		return false
	case f.Search != "":
		needle := strings.ToLower(f.Search)
		return slices.ContainsFunc([]string{c.Identifier, c.Username, d.Hostname}, func(s string) bool {
			return strings.Contains(strings.ToLower(s), needle)
		})
	}
	return true
}

func (e *Exact) matches(c *model.Credential, d *model.Device) bool {
	owner := ""
	if c.Settings != nil {
		owner = c.Settings.Owner
	}
	return (e.Username == "" || e.Username == c.Username) && (e.Active == nil || *e.Active == c.Enabled) && (e.Device == 0 || e.Device == d.Number) &&
		(e.Hostname == "" || strings.EqualFold(e.Hostname, d.Hostname)) && (e.Domain == "" || strings.EqualFold(e.Domain, d.Domain)) &&
		(e.JIT == nil || *e.JIT == (c.JIT != nil)) && (e.Reconciled == nil || *e.Reconciled == c.Execution.Reconcile.Possible()) &&
		(e.Criticality == "" || e.Criticality == c.Critical()) && (e.Owner == "" || e.Owner == owner) &&
		!slices.ContainsFunc(e.Tags, func(any []string) bool {
			return !slices.ContainsFunc(any, func(t string) bool { return slices.Contains(c.Tags, t) })
		})
}
