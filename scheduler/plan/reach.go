package plan

import (
	"slices"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// reach is where an operation goes: its device, and for an SSH key the further ones that it lists. Those that only fit its
// pattern of host names are found by the attempt, so that no look searches all devices; what is known of those are the jump hosts on the
// way that have a limit.
type reach struct {
	devices []model.DeviceID // each once
	hops    []model.DeviceID // jump hosts and proxies on the way to them, each once
	pattern string
}

// reachOf tells where an operation goes; key is its credential, nil: it has none.
func (l *lanes) reachOf(r table.Reader, o *model.Operation, key *model.Credential) reach {
	to, hops := reach{devices: []model.DeviceID{o.Device}}, state.Hops(r, o.Device, key)
	if key != nil && key.Key != nil {
		for _, id := range key.Key.Devices {
			if !slices.Contains(to.devices, id) {
				to.devices = append(to.devices, id)
			}
		}
		to.pattern = key.Key.Pattern
	}
	if to.pattern != "" {
		for _, id := range l.gates.to(r, to.pattern) {
			if !slices.Contains(hops, id) {
				hops = append(hops, id)
			}
		}
	}
	to.hops = slices.DeleteFunc(hops, func(id model.DeviceID) bool { return slices.Contains(to.devices, id) })
	return to
}

// several tells whether more than one device may be changed.
func (to *reach) several() bool { return len(to.devices) > 1 || to.pattern != "" }

// full tells whether a device that is reached has as many operations as it takes, and which. Of two keys whose patterns may fit the
// same host one waits for the other: what both would open is not known here.
func (l *lanes) full(r table.Reader, to reach) Obstacle {
	for _, id := range to.devices {
		if l.taken(r, id) {
			return Obstacle{Block: DeviceFull, Device: id}
		}
	}
	for _, id := range to.hops {
		// The general limit is one of changes on a device, and would make a jump host the narrowest place of all: what passes through
		// is bounded where the device says how much it takes.
		if d, ok := state.Devices.Look(r, string(id)); ok && d.Lanes > 0 && l.taken(r, id) {
			return Obstacle{Block: DeviceFull, Device: id}
		}
	}
	if to.pattern == "" {
		return Obstacle{}
	}
	if slices.ContainsFunc(l.patterns, func(other reach) bool { return model.HostsMeet(to.pattern, other.pattern) }) {
		return Obstacle{Block: PatternsMeet}
	}
	for id := range l.devices {
		if d, ok := state.Devices.Look(r, string(id)); ok && model.FitsHost(to.pattern, d.Hostname) && l.taken(r, id) {
			return Obstacle{Block: DeviceFull, Device: id}
		}
	}
	return Obstacle{}
}

// taken tells whether a device has as many operations as it takes.
func (l *lanes) taken(r table.Reader, id model.DeviceID) bool {
	n := l.devices[id]
	if n+l.passing[id] == 0 && len(l.patterns) == 0 {
		return false
	}
	d, ok := state.Devices.Look(r, string(id))
	if !ok {
		return n >= l.general
	}
	if d.Lanes > 0 {
		n += l.passing[id]
	}
	for _, other := range l.patterns {
		if !slices.Contains(other.devices, id) && model.FitsHost(other.pattern, d.Hostname) {
			n++
		}
	}
	return n >= d.Most(l.general)
}
