package state

import (
	"slices"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// WayLogins names the credentials that log in at the jump hosts and proxies on the way to a device, each once.
func WayLogins(r table.Reader, id model.DeviceID) []model.CredentialID {
	var logins []model.CredentialID
	d, ok := Devices.Get(r, string(id))
	for n := 0; ok && d.Via != "" && n < model.MaxHops; n++ {
		if d.ViaLogin != "" && !slices.Contains(logins, d.ViaLogin) {
			logins = append(logins, d.ViaLogin)
		}
		d, ok = Devices.Get(r, string(d.Via))
	}
	return logins
}
