package device

import (
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// way checks the jump host or proxy of a device: it exists, leads in no circle, and who logs in there is one of its own credentials,
// which the caller may read (a reference is a read).
func way(tx *table.Tx, m command.Meta, old, d *model.Device) error {
	if d.Via == "" {
		if d.ViaLogin != "" {
			return model.Errorf(model.Invalid, "who logs in at a jump host or proxy needs one: via is missing").WithField("via_login")
		}
		return nil
	}
	for id, n := d.Via, 1; id != ""; n++ {
		hop, ok := state.Devices.Get(tx, string(id))
		switch {
		case !ok:
			return model.Errorf(model.Invalid, "Device not found").WithCode(1011).WithField("via")
		case old != nil && id == old.ID:
			return model.Errorf(model.Invalid, "the way to a device cannot lead through itself").WithField("via")
		case n > model.MaxHops:
			return model.Errorf(model.Invalid, "at most %d jump hosts and proxies stand one behind the other", model.MaxHops).WithField("via")
		}
		id = hop.Via
	}
	if d.ViaLogin == "" {
		return nil
	}
	login, ok := state.Credentials.Get(tx, string(d.ViaLogin))
	if ok && login.Device != d.Via {
		return model.Errorf(model.Invalid, "who logs in at a jump host or proxy is one of its own credentials").WithField("via_login")
	}
	if ok && old != nil && old.ViaLogin == d.ViaLogin {
		return nil
	}
	_, err := command.MayReference(tx, m.Actor, m.At, d.ViaLogin, "via_login")
	return err
}
