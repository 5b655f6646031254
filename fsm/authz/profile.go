package authz

import (
	"slices"

	"cofre/fsm/model"
)

// ByProfile tells whether one of the enabled profiles permits an action on an object.
func ByProfile(profiles []model.AccessProfile, act Action, o *Object) bool {
	return slices.ContainsFunc(profiles, func(p model.AccessProfile) bool {
		switch {
		case act.Right != "" && !slices.Contains(p.Rights, act.Right):
			return false
		case o == nil:
			return act.Somewhere && act.Right != ""
		}
		return o.Row != nil && p.Fits(o.Row)
	})
}

// Gains names a right that a change of a credential would give the one who makes it: by a profile that fits only afterwards.
// "": none. Otherwise who may write a credential could read it by writing a tag.
func Gains(a *model.Authorization, profiles []model.AccessProfile, before, after *model.Credential) model.Right {
	for _, r := range model.ProfileRights {
		act := Action{Right: r}
		had := slices.Contains(a.Rights, r) && Reaches(a, ObjectOf(before)) || ByProfile(profiles, act, ObjectOf(before))
		if !had && ByProfile(profiles, act, ObjectOf(after)) {
			return r
		}
	}
	return ""
}

// CoversProfile tells whether a grantor may give a profile by his own rights and filter: nobody grants what he does not hold.
// What he has by profiles he does not hand on in another form.
func CoversProfile(grantor *model.Authorization, p *model.AccessProfile) *model.Error {
	for _, r := range p.Rights {
		if !slices.Contains(grantor.Rights, r) {
			return model.Errorf(model.Denied, "the right %s cannot be granted by a caller that does not hold it", r).WithField("rights")
		}
	}
	f := &grantor.Filter
	lists := len(p.Devices)+len(p.Tags)+len(p.Types) > 0
	if f.All || within(*f, model.Filter{Tags: p.Tags, Credentials: p.Credentials}) && (len(p.Tags) > 0 || !lists) {
		return nil
	}
	return model.Errorf(model.Denied, "the profile reaches credentials that the caller does not reach").WithField("tags")
}
