package state

import (
	"slices"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// WayLogins names the credentials that log in at the jump hosts and proxies on the way to a device, each once, and to the further ones
// that an SSH key lists; nil: there is no key. Those that only fit its pattern are found by the attempt.
func WayLogins(r table.Reader, own model.DeviceID, key *model.Credential) (logins []model.CredentialID) {
	add := func(d *model.Device, ok bool) {
		for n := 0; ok && d.Via != "" && n < model.MaxHops; n++ {
			if d.ViaLogin != "" && !slices.Contains(logins, d.ViaLogin) {
				logins = append(logins, d.ViaLogin)
			}
			d, ok = Devices.Look(r, string(d.Via))
		}
	}
	add(Devices.Look(r, string(own)))
	if key == nil || key.Key == nil {
		return logins
	}
	for _, id := range key.Key.Devices {
		d, ok := Devices.Look(r, string(id))
		add(d, ok && d.Enabled)
	}
	return logins
}
