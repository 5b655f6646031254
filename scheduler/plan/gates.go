package plan

import (
	"slices"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// gates finds the jump hosts and proxies with a limit of their own that lead to hosts which fit the pattern of an SSH key. It looks once
// in a round.
type gates struct {
	limited []model.DeviceID
	listed  bool
	through map[string][]model.DeviceID // by pattern
}

// searched is how many devices behind one are looked at for a host that fits. Where there are more, one of them is taken to fit: a lane
// too many costs less than a connection too many.
const searched = 1000

// to lists the gates on the ways to hosts that fit a pattern.
func (g *gates) to(r table.Reader, pattern string) []model.DeviceID {
	if through, ok := g.through[pattern]; ok {
		return through
	}
	if !g.listed {
		g.limited, g.listed, g.through = limitedGates(r), true, map[string][]model.DeviceID{}
	}
	var through []model.DeviceID
	for _, id := range g.limited {
		if left := searched; leads(r, id, pattern, model.MaxHops, &left) {
			through = append(through, id)
		}
	}
	g.through[pattern] = through
	return through
}

// limitedGates lists the devices that others are reached through and that say how much they take. It jumps from one to the next, and
// reads none of those behind but the first.
func limitedGates(r table.Reader) (limited []model.DeviceID) {
	for from := ""; ; {
		var via model.DeviceID
		for d := range state.Devices.Range(r, "via", from, "\xff") { // ids are ASCII
			via = d.Via
			break
		}
		if via == "" {
			return limited
		}
		if d, ok := state.Devices.Look(r, string(via)); ok && d.Lanes > 0 {
			limited = append(limited, via)
		}
		from = string(via) + "\x01"
	}
}

// leads tells whether an active device behind another one, directly or through more, fits a pattern; or too many are there to tell.
func leads(r table.Reader, gate model.DeviceID, pattern string, hops int, left *int) bool {
	var further []model.DeviceID
	for d := range state.Devices.By(r, "via", string(gate)) {
		if *left--; *left < 0 || d.Enabled && model.FitsHost(pattern, d.Hostname) {
			return true
		}
		further = append(further, d.ID)
	}
	return hops > 1 && slices.ContainsFunc(further, func(id model.DeviceID) bool { return leads(r, id, pattern, hops-1, left) })
}
