package command

import (
	"slices"

	"cofre/fsm/authz"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Reaches tells whether the client sees an object, by its filter or by a profile.
func (p *Principal) Reaches(o *authz.Object) bool {
	return authz.Reaches(p.Authorization, o) || authz.ByProfile(p.Profiles, authz.Action{}, o)
}

// Covers tells whether a grantor may give what an authorization has: its access profiles are those that he has himself, or
// that he could have made. One that is gone gives nothing.
func Covers(r table.Reader, grantor, granted *model.Authorization) *model.Error {
	g := *granted
	g.Profiles = slices.DeleteFunc(slices.Clone(g.Profiles), func(id model.AccessProfileID) bool {
		p, ok := state.AccessProfiles.Look(r, string(id))
		return !ok || authz.CoversProfile(grantor, p) == nil
	})
	return authz.Covers(grantor, &g)
}
