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
