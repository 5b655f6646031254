package runner

import (
	"cmp"
	"fmt"
	"slices"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// doors lists the devices that a secret opens: the credential's own, and for an SSH key the further active ones, which are listed or fit
// its pattern, in the order of their numbers.
func doors(v *table.View, c *model.Credential, own *model.Device) ([]*model.Device, error) {
	all := []*model.Device{own}
	if c.Key == nil {
		return all, nil
	}
	for _, id := range c.Key.Devices {
		if d, ok := state.Devices.Get(v, string(id)); ok && d.Enabled {
			all = append(all, d)
		}
	}
	if c.Key.Pattern != "" {
		auth, ok := state.Authorizations.Look(v, string(c.Key.PatternBy))
		if !ok || !auth.Enabled {
			return all, missing("the authorization that set the host pattern is gone or inactive: somebody sets the pattern again")
		}
		by := &command.Principal{Authorization: auth, Profiles: state.ProfilesOf(v, auth)}
		for d := range state.Devices.All(v, "") {
			listed := slices.ContainsFunc(all, func(o *model.Device) bool { return o.ID == d.ID })
			if listed || !d.Enabled || !model.FitsHost(c.Key.Pattern, d.Hostname) || !reachesDevice(v, by, d.ID) {
				continue
			}
			if all = append(all, d); len(all) > model.MaxKeyDevices+1 {
				return all, missing(fmt.Sprintf("the host pattern fits more than %d devices", model.MaxKeyDevices))
			}
		}
	}
	slices.SortFunc(all[1:], func(a, b *model.Device) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}

// reachesDevice tells whether a client reaches something on a device.
func reachesDevice(v *table.View, p *command.Principal, id model.DeviceID) bool {
	if p.Authorization.Filter.All {
		return true
	}
	for c := range state.Credentials.By(v, "device", string(id)) {
		if p.Reaches(authz.ObjectOf(c)) {
			return true
		}
	}
	return false
}
