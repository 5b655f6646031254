package dynamic

import (
	"cmp"
	"slices"
	"time"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// SearchArgs ask for a search: for the users of a profile on a device; without a device on all that the profile lists, and
// without a profile wherever any works, as in the daily round.
type SearchArgs struct {
	Profile model.ProfileID `cbor:"profile,omitempty"`
	Device  model.DeviceID  `cbor:"device,omitempty"`
}

// SearchResult lists the searches that are open now; none when a round begins.
type SearchResult struct {
	Operations []model.OperationID `cbor:"operations,omitempty"`
}

const (
	searchSome = 50   // searches that one command orders in a round
	lookSome   = 1000 // devices that one command of a round looks at
	roundPause = time.Minute
)

var errListsNone = model.Errorf(model.Invalid, "the profile's executor cannot list the accounts of its targets").WithField("profile")

// SearchOrphans looks for accounts that no dynamic user owns. It is for those who may read the credential that logs in.
var SearchOrphans = command.Define("orphan.search", 1, func(tx *table.Tx, m command.Meta, a SearchArgs) (SearchResult, error) {
	by, err := command.Authorize(tx, m.Actor, m.At, configure, nil)
	if err != nil {
		return SearchResult{}, err
	}
	if a.Profile == "" {
		if err := mayPlan(tx, m); err != nil {
			return SearchResult{}, err
		}
		plan := state.OrphanPlanOf(tx)
		plan.NextAt, plan.Profile, plan.Device = m.At, "", ""
		putPlan(tx, &plan)
		return SearchResult{}, nil
	}
	p, ok := state.Profiles.Get(tx, string(a.Profile))
	switch {
	case !ok:
		return SearchResult{}, model.Errorf(model.NotFound, "there is no such profile").WithField("profile")
	case !model.ListsAccounts(p.Executor):
		return SearchResult{}, errListsNone
	}
	devices := []model.DeviceID{a.Device}
	if a.Device == "" {
		devices = p.Devices
		if d, ok := only(tx, p); ok {
			devices = []model.DeviceID{d}
		}
	}
	if len(devices) == 0 || len(devices) > searchSome {
		return SearchResult{}, model.Errorf(model.Invalid, "the profile works on many devices: say which").WithField("device")
	}
	var r SearchResult
	for i, id := range devices {
		if err := maySearch(tx, m, p, id); err != nil {
			return SearchResult{}, err
		}
		d, err := operation.Reachable(tx, p, id)
		if err != nil {
			return SearchResult{}, err
		}
		o, _ := operation.Search(tx, m, i, p, d, by.Authorization.ID, "request")
		r.Operations = append(r.Operations, o.ID)
	}
	return r, nil
}).AuditDenials()

// RoundResult counts the searches that were ordered. More says that the round goes on with another command.
type RoundResult struct {
	Searches int  `cbor:"searches"`
	More     bool `cbor:"more,omitempty"`
}

// OrphanRound orders the searches of a round, some with each command; the first one of a cluster only plans the round. It
// goes on after a minute, so that it never fills the queue.
var OrphanRound = command.Define("orphan.round", 1, func(tx *table.Tx, m command.Meta, _ Nothing) (RoundResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return RoundResult{}, err
	}
	plan := state.OrphanPlanOf(tx)
	if plan.Every < 0 && plan.NextAt == 0 || plan.NextAt > m.At || state.SystemRow(tx).Frozen {
		return RoundResult{}, model.Errorf(model.Conflict, "no search is due")
	}
	var r RoundResult
	if plan.NextAt != 0 {
		walk(tx, m, &plan, &r)
	}
	switch {
	case r.More:
		plan.NextAt = m.At.Add(roundPause)
	case plan.Every < 0: // a round that somebody asked for
		plan.NextAt, plan.Profile, plan.Device = 0, "", ""
	default:
		plan.NextAt, plan.Profile, plan.Device = m.At.Add(model.Span(plan.Every)), "", ""
	}
	state.OrphanPlans.Put(tx, &plan)
	return r, nil
})

// walk orders searches from where the round stands.
func walk(tx *table.Tx, m command.Meta, plan *model.OrphanPlan, r *RoundResult) {
	looked := 0
	for p := range state.Profiles.All(tx, string(plan.Profile)) {
		if p.ID != plan.Profile {
			plan.Device = ""
		}
		plan.Profile = p.ID
		if !model.ListsAccounts(p.Executor) {
			continue
		}
		for _, id := range worksOn(tx, p, plan.Device, lookSome+1) {
			if r.More = looked == lookSome || r.Searches == searchSome; r.More {
				return
			}
			looked++
			plan.Device = id
			d, err := operation.Reachable(tx, p, id)
			if err != nil {
				continue
			}
			if _, created := operation.Search(tx, m, r.Searches, p, d, "", "daily"); created {
				r.Searches++
			}
		}
	}
}

// worksOn lists devices on which a profile may work, in the order of their ids, behind one.
func worksOn(tx *table.Tx, p *model.DynamicProfile, behind model.DeviceID, most int) []model.DeviceID {
	devices := slices.Clone(p.Devices)
	switch {
	case len(devices) > 0:
		slices.SortFunc(devices, func(a, b model.DeviceID) int { return cmp.Compare(a, b) })
	case p.AuthUser == "":
		if d, ok := only(tx, p); ok {
			devices = append(devices, d)
		}
	default:
		for d := range state.Devices.All(tx, string(behind)) {
			if len(devices) == most {
				break
			}
			if d.ID != behind {
				devices = append(devices, d.ID)
			}
		}
	}
	return slices.DeleteFunc(devices, func(d model.DeviceID) bool { return d <= behind })
}
