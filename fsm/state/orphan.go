package state

import (
	"strings"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// The tables of accounts that nobody owns.
var (
	Orphans = table.Define(70, "orphan", func(o *model.Orphan) string { return table.NumberKey(o.Number) },
		table.Index[model.Orphan]{Name: "name", Unique: true, Keys: func(o *model.Orphan) []string { return []string{OrphanKey(o.Device, o.Username)} }},
		table.Index[model.Orphan]{Name: "search", Keys: func(o *model.Orphan) []string { return []string{model.OrphanSearchID(o.Profile, o.Device)} }})
	OrphanSearches = table.Define(71, "orphan_search", (*model.OrphanSearch).ID)
	OrphanPlans    = table.Define(72, "orphan_plan", func(*model.OrphanPlan) string { return SystemKey })
)

// OrphanKey names an account on a device.
func OrphanKey(d model.DeviceID, username string) string { return string(d) + "/" + username }

// OrphanCount counts the orphans, those that are being removed among them.
func OrphanCount(r table.Reader) int {
	n := 0
	for range Orphans.All(r, "") {
		n++
	}
	return n
}

// OrphanPlanOf is when all targets are searched next.
func OrphanPlanOf(r table.Reader) model.OrphanPlan {
	if p, ok := OrphanPlans.Get(r, SystemKey); ok {
		return *p
	}
	return model.OrphanPlan{Every: model.OrphansEvery.Milliseconds()}
}

// OwnerOf finds the dynamic user that has a name of a profile, wherever it was made: names are never given twice.
func OwnerOf(r table.Reader, p *model.DynamicProfile, name string) (*model.DynamicUser, bool) {
	id, ok := model.DynamicNamed(p.Executor, p.Identifier, name)
	if !ok {
		return nil, false
	}
	for u := range DynamicUsers.All(r, id) {
		if len(u.ID) < len(id) || string(u.ID[:len(id)]) != id {
			break
		}
		if strings.EqualFold(u.Username, name) {
			return u, true
		}
	}
	return nil, false
}

// Owned tells whether an account with a name of a profile is accounted for: a dynamic user has it, or had it until the search
// that began at a moment, or is it being removed as one.
func Owned(r table.Reader, p *model.DynamicProfile, name string, began model.Time) bool {
	u, ok := OwnerOf(r, p, name)
	return ok && (u.Live() || u.RemovedAt >= began)
}

// SearchDoor is the credential that logs in to look for the users of a profile on a device.
func SearchDoor(r table.Reader, s *model.OrphanSearch) (*model.Credential, bool) {
	p, ok := Profiles.Get(r, string(s.Profile))
	if !ok {
		return nil, false
	}
	return ProfileDoor(r, p, s.Device)
}

// ForgetOrphans drops what is known of the users of a profile that is gone.
func ForgetOrphans(tx *table.Tx, p model.ProfileID) {
	var searches []string
	var orphans []uint64
	for s := range OrphanSearches.All(tx, string(p)+"/") {
		if s.Profile != p {
			break
		}
		searches = append(searches, s.ID())
		for o := range Orphans.By(tx, "search", s.ID()) {
			orphans = append(orphans, o.Number)
		}
	}
	for _, n := range orphans {
		Orphans.Delete(tx, table.NumberKey(n))
	}
	for _, id := range searches {
		OrphanSearches.Delete(tx, id)
	}
}
