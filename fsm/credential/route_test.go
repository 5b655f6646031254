package credential

import (
	"testing"

	"cofre/fsm/model"
)

// Everything that decides where a secret is sent, as whom, and by what is part of a credential's route (RULES 8); nothing else is.
func TestRoute(t *testing.T) {
	t.Parallel()
	base := func() *model.Credential {
		return &model.Credential{Username: "root", Device: "d", Domain: "x", Tags: []string{"t"}, Type: "Local User", Policy: "p", Key: &model.KeyPair{Pattern: "web*", Devices: []model.DeviceID{"d1"}},
			JIT:       &model.JIT{Activate: "t1", Deactivate: "t2", Authentication: "c1"},
			Execution: model.Execution{Executor: "ssh", ChangeTemplate: "t3", Authentication: "c2", Automatic: true, Reconcile: model.Reconciliation{Template: "t4", Authentication: "c3"}}}
	}
	for name, c := range map[string]struct {
		change func(*model.Credential)
		same   bool
	}{
		"nothing":                   {func(*model.Credential) {}, true},
		"tags":                      {func(c *model.Credential) { c.Tags = nil }, true},
		"policy":                    {func(c *model.Credential) { c.Policy = "q" }, true},
		"automatic":                 {func(c *model.Credential) { c.Execution.Automatic = false }, true},
		"user name":                 {func(c *model.Credential) { c.Username = "other" }, false},
		"device":                    {func(c *model.Credential) { c.Device = "e" }, false},
		"devices of a key":          {func(c *model.Credential) { c.Key.Devices = []model.DeviceID{"d1", "d2"} }, false},
		"pattern of a key":          {func(c *model.Credential) { c.Key.Pattern = "*" }, false},
		"executor":                  {func(c *model.Credential) { c.Execution.Executor = "telnet" }, false},
		"template":                  {func(c *model.Credential) { c.Execution.ChangeTemplate = "t9" }, false},
		"who logs in":               {func(c *model.Credential) { c.Execution.Authentication = "" }, false},
		"template that reconciles":  {func(c *model.Credential) { c.Execution.Reconcile.Template = "t9" }, false},
		"who reconciles":            {func(c *model.Credential) { c.Execution.Reconcile.Authentication = "c9" }, false},
		"template that activates":   {func(c *model.Credential) { c.JIT.Activate = "t9" }, false},
		"template that deactivates": {func(c *model.Credential) { c.JIT.Deactivate = "t9" }, false},
		"who opens and closes it":   {func(c *model.Credential) { c.JIT.Authentication = "c9" }, false},
		"no sessions":               {func(c *model.Credential) { c.JIT = nil }, false},
	} {
		now := base()
		if c.change(now); sameRoute(base(), now) != c.same {
			t.Errorf("%s: the same route is %v", name, !c.same)
		}
	}
}
