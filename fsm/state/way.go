package state

import (
	"iter"
	"slices"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// WayLogins names the credentials that log in at the jump hosts and proxies on the way to a device, each once, and to the further ones
// that an SSH key lists; nil: there is no key. Those that only fit its pattern are found by the attempt.
func WayLogins(r table.Reader, own model.DeviceID, key *model.Credential) (logins []model.CredentialID) {
	for d := range legs(r, own, key) {
		if d.ViaLogin != "" && !slices.Contains(logins, d.ViaLogin) {
			logins = append(logins, d.ViaLogin)
		}
	}
	return logins
}

// Hops names those jump hosts and proxies, each once.
func Hops(r table.Reader, own model.DeviceID, key *model.Credential) (hops []model.DeviceID) {
	for d := range legs(r, own, key) {
		if !slices.Contains(hops, d.Via) {
			hops = append(hops, d.Via)
		}
	}
	return hops
}

// legs are the devices on those ways that are reached through another one.
func legs(r table.Reader, own model.DeviceID, key *model.Credential) iter.Seq[*model.Device] {
	return func(yield func(*model.Device) bool) {
		add := func(d *model.Device, ok bool) bool {
			for n := 0; ok && d.Via != "" && n < model.MaxHops; n++ {
				if !yield(d) {
					return false
				}
				d, ok = Devices.Look(r, string(d.Via))
			}
			return true
		}
		if !add(Devices.Look(r, string(own))) || key == nil || key.Key == nil {
			return
		}
		for _, id := range key.Key.Devices {
			if d, ok := Devices.Look(r, string(id)); !add(d, ok && d.Enabled) {
				return
			}
		}
	}
}
