package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// AccessProfiles are rights on some credentials, under names.
var AccessProfiles = table.Define(60, "access_profile", func(p *model.AccessProfile) string { return string(p.ID) },
	table.Index[model.AccessProfile]{Name: "name", Unique: true, Keys: func(p *model.AccessProfile) []string { return []string{p.Name} }})

// ProfilesOf lists the enabled profiles of an authorization.
func ProfilesOf(r table.Reader, a *model.Authorization) []model.AccessProfile {
	var out []model.AccessProfile
	for _, id := range a.Profiles {
		if p, ok := AccessProfiles.Look(r, string(id)); ok && p.Enabled {
			out = append(out, *p)
		}
	}
	return out
}
