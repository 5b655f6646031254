package authz_test

import (
	"fmt"
	"slices"
	"testing"

	"cofre/fsm/authz"
	"cofre/fsm/model"
)

// Every right on a credential, with and without a profile that gives it, on credentials that the profile is about and on others:
// the profile gives its own rights there, and nothing else.
func TestProfiles(t *testing.T) {
	t.Parallel()
	app := &model.Application{Enabled: true}
	row := func(edit func(*model.Credential)) *model.Credential {
		c := &model.Credential{ID: "c", Device: "d", Type: "Local User", Tags: []string{"red"}}
		edit(c)
		return c
	}
	fits := map[string]*model.Credential{
		"by tag, type and device": row(func(*model.Credential) {}),
		"listed":                  row(func(c *model.Credential) { c.ID, c.Device, c.Tags = "listed", "other", nil }),
	}
	others := map[string]*model.Credential{
		"another tag":    row(func(c *model.Credential) { c.Tags = []string{"blue"} }),
		"no tag":         row(func(c *model.Credential) { c.Tags = nil }),
		"another type":   row(func(c *model.Credential) { c.Type = "Domain user" }),
		"another device": row(func(c *model.Credential) { c.Device = "e" }),
		"new elsewhere":  row(func(c *model.Credential) { c.ID, c.Device = "", "e" }),
	}
	for _, given := range model.ProfileRights {
		p := model.AccessProfile{Enabled: true, Rights: []model.Right{given}, Tags: []string{"red", "green"}, Types: []string{"Local User"}, Devices: []model.DeviceID{"d"}, Credentials: []model.CredentialID{"listed"}}
		a := &model.Authorization{ID: "a", Enabled: true, Write: true, Modules: []model.Module{model.ModulePAM}, Rights: []model.Right{model.CredentialWrite}}
		for _, asked := range append(slices.Clone(model.Rights), "") {
			act := authz.Action{Module: model.ModulePAM, Write: true, Right: asked}
			try := func(name string, c *model.Credential, want bool) {
				o := authz.ObjectOf(c)
				if err := authz.DecideWith(app, a, []model.AccessProfile{p}, act, o, model.Origin{}, 1); (err == nil) != want {
					t.Errorf("%s given, %q asked for, %s: %v", given, asked, name, err)
				}
				if err := authz.Decide(app, a, act, o, model.Origin{}, 1); err == nil {
					t.Errorf("%q on %s without the profile is permitted", asked, name)
				}
			}
			for name, c := range fits {
				try(name, c, asked == given || asked == "")
			}
			for name, c := range others {
				try(name, c, false)
			}
			if err := authz.DecideWith(app, a, []model.AccessProfile{p}, act, nil, model.Origin{}, 1); (err == nil) != slices.Contains([]model.Right{"", model.CredentialWrite}, asked) {
				t.Errorf("%s given, %q asked for without an object: %v", given, asked, err)
			}
		}
		for what, edit := range map[string]func(*model.Authorization){"no module": func(a *model.Authorization) { a.Modules = nil }, "no write": func(a *model.Authorization) { a.Write = false }, "expired": func(a *model.Authorization) { a.ExpiresAt = 1 }} {
			less := *a
			edit(&less)
			if err := authz.DecideWith(app, &less, []model.AccessProfile{p}, authz.Action{Module: model.ModulePAM, Write: true, Right: given}, authz.ObjectOf(fits["listed"]), model.Origin{}, 1); err == nil {
				t.Errorf("%s: a profile gives rights beyond the authorization's limits", what)
			}
		}
	}
}

// Who makes a profile holds what it gives: the rights, and everything that it is about.
func TestCoversProfile(t *testing.T) {
	t.Parallel()
	by := func(f model.Filter) *model.Authorization {
		return &model.Authorization{Rights: []model.Right{model.OperationRun}, Filter: f}
	}
	all, red := by(model.Filter{All: true}), by(model.Filter{Tags: []string{"red"}, Credentials: []model.CredentialID{"c"}})
	run := []model.Right{model.OperationRun}
	for i, c := range []struct {
		by   *model.Authorization
		p    model.AccessProfile
		want bool
	}{
		{all, model.AccessProfile{Rights: run, Devices: []model.DeviceID{"d"}}, true},
		{all, model.AccessProfile{Rights: []model.Right{model.SecretRead}, Tags: []string{"red"}}, false},
		{red, model.AccessProfile{Rights: run, Tags: []string{"red"}}, true},
		{red, model.AccessProfile{Rights: run, Tags: []string{"red"}, Devices: []model.DeviceID{"d"}, Credentials: []model.CredentialID{"c"}}, true},
		{red, model.AccessProfile{Rights: run, Tags: []string{"red", "blue"}}, false},
		{red, model.AccessProfile{Rights: run, Devices: []model.DeviceID{"d"}}, false},
		{red, model.AccessProfile{Types: []string{"Local User"}, Credentials: []model.CredentialID{"c"}}, false},
		{red, model.AccessProfile{Credentials: []model.CredentialID{"c"}}, true},
		{red, model.AccessProfile{Credentials: []model.CredentialID{"c", "d"}}, false},
	} {
		if err := authz.CoversProfile(c.by, &c.p); (err == nil) != c.want {
			t.Errorf("%s: %v", fmt.Sprint(i), err)
		}
	}
}
