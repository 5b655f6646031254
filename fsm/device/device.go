// Package device is the feature of target systems: registration, the route to them, pinned host keys, and status.
// Where a secret is sent is guarded like the secret (RULES 8).
package device

import (
	"cmp"
	"slices"
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "device", Commands: []command.Erased{Put, Trust, SetStatus}}

var (
	write = authz.Action{Module: model.ModulePAM, Write: true, Right: model.CredentialWrite}
	route = authz.Action{Module: model.ModulePAM, Write: true, Right: model.RouteWrite}
)

// PutArgs are a device as it shall be, found by ID, else by Hostname. Host keys are not set here. Revision 0 does not check;
// the vendor's API is an upsert by host name. Create refuses to change what it finds.
type PutArgs struct {
	Create bool         `cbor:"create,omitempty"`
	Device model.Device `cbor:"device"`
}

// PutResult tells what became of it.
type PutResult struct {
	Device    model.Device `cbor:"device"`
	Created   bool         `cbor:"created"`
	Unchanged bool         `cbor:"unchanged,omitempty"`
}

// Put creates or changes a device.
var Put = command.Define("device.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (PutResult, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, write, nil)
	if err != nil {
		return PutResult{}, err
	}
	d := a.Device
	if err := check(&d); err != nil {
		return PutResult{}, err
	}
	byName, taken := state.DeviceNamed(tx, d.Hostname)
	var old *model.Device
	if d.ID != "" {
		if old, _ = state.Devices.Get(tx, string(d.ID)); old == nil {
			return PutResult{}, model.Errorf(model.NotFound, "Device not found").WithCode(1011)
		}
		if taken && byName.ID != d.ID {
			return PutResult{}, model.Errorf(model.Conflict, "there is a device with this hostname already").WithField("hostname")
		}
	} else if taken {
		if a.Create {
			return PutResult{}, model.Errorf(model.Conflict, "there is a device with this hostname already").WithField("hostname")
		}
		old, d.Hostname = byName, byName.Hostname // as it is spelt already
	}
	if err := way(tx, m, old, &d); err != nil {
		return PutResult{}, err
	}
	if old == nil {
		d.ID, d.Number = model.DeviceID(m.NewID(0)), state.Next(tx, "device")
		d.HostKeys, d.Enabled, d.CreatedBy, d.CreatedAt, d.Revision = nil, true, p.Authorization.ID, m.At, 1
		state.Devices.Put(tx, &d)
		tx.Emit(audit.DevicePut.With("device", string(d.ID), "hostname", d.Hostname, "change", "created"))
		return PutResult{Device: d, Created: true}, nil
	}
	if d.Revision != 0 && d.Revision != old.Revision {
		return PutResult{}, model.Errorf(model.Conflict, "the device changed meanwhile: it is at revision %d", old.Revision).WithField("revision")
	}
	rerouted := !sameRoute(old, &d)
	if rerouted && carriesSecrets(tx, old.ID) {
		if _, err := command.Authorize(tx, m.Actor, m.At, route, nil); err != nil {
			return PutResult{}, err
		}
		if err := reaches(tx, m, route, old.ID); err != nil {
			return PutResult{}, err
		}
	}
	if !sameFacts(old, &d) {
		if err := governs(tx, m, write, old.ID); err != nil {
			return PutResult{}, err
		}
	}
	d.ID, d.Number, d.HostKeys, d.Enabled = old.ID, old.Number, old.HostKeys, old.Enabled
	d.CreatedBy, d.CreatedAt, d.Revision = old.CreatedBy, old.CreatedAt, old.Revision
	if state.Devices.Holds(tx, &d) {
		tx.Emit(audit.DevicePut.With("device", string(d.ID), "hostname", d.Hostname, "change", string(model.Unchanged)))
		return PutResult{Device: d, Unchanged: true}, nil
	}
	d.Revision++
	state.Devices.Put(tx, &d)
	for c := range collect(tx, d.ID) { // the device's facts decide which policy fits
		governed := c.Governed
		if state.Plan(tx, c); c.Governed != governed {
			c.Revision++
			state.Credentials.Put(tx, c)
		}
	}
	changed := ""
	if rerouted {
		changed = "yes"
	}
	tx.Emit(audit.DevicePut.With("device", string(d.ID), "hostname", d.Hostname, "change", "changed", "route", changed))
	return PutResult{Device: d}, nil
}).AuditDenials()

func check(d *model.Device) error {
	if d.Hostname == "" {
		return model.Errorf(model.Invalid, "The device's hostname was not informed").WithCode(1004).WithField("hostname")
	}
	if strings.Trim(d.Hostname, "0123456789") == "" {
		return model.Errorf(model.Invalid, "a host name must not be purely numeric: it would be mistaken for an id").WithField("hostname")
	}
	for _, f := range []struct{ name, value string }{{"hostname", d.Hostname}, {"ip", d.IP}} {
		if strings.ContainsAny(f.value, " /@,;") {
			return model.Errorf(model.Invalid, "%s is an address or a name, without blanks and the signs / @ , ;", f.name).WithField(f.name)
		}
	}
	for _, f := range []struct{ name, value string }{{"hostname", d.Hostname}, {"ip", d.IP}, {"domain", d.Domain}, {"type", d.Type}, {"vendor", d.Vendor}, {"model", d.Model}, {"site", d.Site}, {"manifest", d.Manifest}} {
		if err := model.CheckText(f.name, f.value, model.MaxName); err != nil {
			return err
		}
	}
	if len(d.CA) > 64<<10 {
		return model.Errorf(model.Invalid, "ca is longer than 64 KiB").WithField("ca")
	}
	if err := model.CheckTags("tags", d.Tags); err != nil {
		return err
	}
	if len(d.Connectivities) > 32 {
		return model.Errorf(model.Invalid, "a device has at most 32 connectivities").WithField("connectivities")
	}
	if d.Lanes < 0 || d.Lanes > model.MaxLanes {
		return model.Errorf(model.Invalid, "lanes is between 1 and %d, or 0 for the general limit", model.MaxLanes).WithField("lanes")
	}
	for i, c := range d.Connectivities {
		if d.Connectivities[i].Protocol = strings.ToUpper(strings.TrimSpace(c.Protocol)); d.Connectivities[i].Protocol == "" || c.Port == 0 {
			return model.Errorf(model.Invalid, "a connectivity is a protocol and a port such as SSH:22").WithField("connectivities")
		}
	}
	return nil
}

func sameRoute(a, b *model.Device) bool {
	return a.Hostname == b.Hostname && a.IP == b.IP && a.Site == b.Site && a.CA == b.CA && a.InsecureTLS == b.InsecureTLS &&
		a.Via == b.Via && a.ViaLogin == b.ViaLogin && a.Lanes == b.Lanes &&
		slices.Equal(a.Connectivities, b.Connectivities)
}

// sameFacts compares what policies and execution profiles choose by.
func sameFacts(a, b *model.Device) bool {
	return a.Domain == b.Domain && a.Type == b.Type && a.Vendor == b.Vendor && a.Model == b.Model && slices.Equal(a.Tags, b.Tags)
}

// governs refuses who does not reach every credential of a device: what is said of it decides which policy and which profile they take.
func governs(tx *table.Tx, m command.Meta, act authz.Action, id model.DeviceID) error {
	for c := range state.Credentials.By(tx, "device", string(id)) {
		if _, err := command.Authorize(tx, m.Actor, m.At, act, authz.ObjectOf(c)); err != nil {
			return err
		}
	}
	return nil
}

func carriesSecrets(tx *table.Tx, id model.DeviceID) bool {
	if _, ok := state.Profiles.First(tx, "device", string(id)); ok {
		return true // its users are made with a secret
	}
	if _, ok := state.DynamicUsers.First(tx, "device", string(id)); ok {
		return true // and removed with one
	}
	for c := range state.Credentials.By(tx, "device", string(id)) {
		if c.CarriesSecret() {
			return true
		}
	}
	for d := range state.Devices.By(tx, "via", string(id)) {
		if carriesSecrets(tx, d.ID) {
			return true // what is sent there passes here
		}
	}
	return false
}

// reaches refuses who does not reach every credential whose secret is sent to a device or passes it: where a secret goes, and
// whether it is there at all, is decided by who could have it.
func reaches(tx *table.Tx, m command.Meta, act authz.Action, id model.DeviceID) error {
	if err := governs(tx, m, act, id); err != nil {
		return err
	}
	for d := range state.Devices.By(tx, "via", string(id)) {
		if err := reaches(tx, m, act, d.ID); err != nil {
			return err
		}
	}
	return nil
}

// TrustArgs pin host keys; Replace drops the pins that are there.
type TrustArgs struct {
	ID      model.DeviceID  `cbor:"id"`
	Keys    []model.HostKey `cbor:"keys"`
	Replace bool            `cbor:"replace,omitempty"`
}

// Trust pins SSH host keys of a device, explicitly and audited.
var Trust = command.Define("device.trust", 1, func(tx *table.Tx, m command.Meta, a TrustArgs) (model.Device, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, route, nil)
	if err != nil {
		return model.Device{}, err
	}
	d, ok := state.Devices.Get(tx, string(a.ID))
	if !ok {
		return model.Device{}, model.Errorf(model.NotFound, "Device not found").WithCode(1011)
	}
	if len(a.Keys) == 0 || len(a.Keys) > 16 {
		return model.Device{}, model.Errorf(model.Invalid, "between 1 and 16 host keys are pinned at once").WithField("keys")
	}
	if err := reaches(tx, m, route, d.ID); err != nil {
		return model.Device{}, err
	}
	if a.Replace {
		d.HostKeys = nil
	}
	var prints []string
	for _, k := range a.Keys {
		if !strings.HasPrefix(k.Fingerprint, "SHA256:") || len(k.Fingerprint) > 64 || len(k.Line) > 8<<10 {
			return model.Device{}, model.Errorf(model.Invalid, "a host key is named by its fingerprint SHA256:...").WithField("keys")
		}
		k.At, k.By = m.At, p.Authorization.ID
		d.HostKeys = slices.DeleteFunc(d.HostKeys, func(o model.HostKey) bool { return o.Fingerprint == k.Fingerprint })
		d.HostKeys = append(d.HostKeys, k)
		prints = append(prints, k.Fingerprint)
	}
	slices.SortFunc(d.HostKeys, func(a, b model.HostKey) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	d.Revision++
	state.Devices.Put(tx, d)
	tx.Emit(audit.DeviceTrusted.With("device", string(d.ID), "hostname", d.Hostname, "fingerprints", strings.Join(prints, ",")))
	return *d, nil
}).AuditDenials()

// StatusArgs enable or disable a device.
type StatusArgs struct {
	ID      model.DeviceID `cbor:"id"`
	Enabled bool           `cbor:"enabled"`
}

// SetStatus enables a device, or disables it together with its credentials, whose sessions end; enabling does not bring those back.
var SetStatus = command.Define("device.status", 1, func(tx *table.Tx, m command.Meta, a StatusArgs) (model.Device, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, write, nil); err != nil {
		return model.Device{}, err
	}
	d, ok := state.Devices.Get(tx, string(a.ID))
	switch {
	case !ok || (!a.Enabled && !d.Enabled):
		return model.Device{}, model.Errorf(model.NotFound, "Device not found").WithCode(1011)
	case a.Enabled && d.Enabled:
		return model.Device{}, model.Errorf(model.Invalid, "Device is already activated").WithCode(1044)
	}
	if !a.Enabled {
		if err := reaches(tx, m, write, d.ID); err != nil {
			return model.Device{}, err
		}
	}
	d.Enabled = a.Enabled
	d.Revision++
	state.Devices.Put(tx, d)
	word := "yes"
	if !a.Enabled {
		word = "no"
		n := 0
		for c := range collect(tx, d.ID) {
			c.Enabled, c.RotateAt, c.VerifyAt = false, 0, 0
			c.Revision++
			state.Credentials.Put(tx, c)
			var err error
			if n, err = operation.EndSessions(tx, m, n, c, "disabled"); err != nil {
				return model.Device{}, err
			}
		}
	}
	tx.Emit(audit.DeviceStatus.With("device", string(d.ID), "hostname", d.Hostname, "enabled", word))
	return *d, nil
}).AuditDenials()

// collect reads the credentials of a device before they are changed: a scan does not survive writes to its index.
func collect(tx *table.Tx, id model.DeviceID) func(func(*model.Credential) bool) {
	return slices.Values(slices.Collect(state.Credentials.By(tx, "device", string(id))))
}
