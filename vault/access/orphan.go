package access

import (
	"context"
	"slices"
	"strconv"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Orphan is an account without an owner, with the names of what belongs to it.
type Orphan struct {
	Row      model.Orphan
	Profile  string
	Hostname string
	User     model.DynamicUser // as which it is being removed; the zero value if it is not
}

// OrphanFilter narrows a list of orphans. After is the last number of the page before.
type OrphanFilter struct {
	Profile model.ProfileID
	Device  model.DeviceID
	After   uint64
	Limit   int
}

// Orphans lists the accounts without an owner of the profiles that the caller reaches, in the order of their numbers.
func (s *Service) Orphans(actor model.Actor, at model.Time, f OrphanFilter) ([]Orphan, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, readPAM, nil)
	if err != nil {
		return nil, err
	}
	out := []Orphan{}
	for row := range state.Orphans.All(v, table.NumberKey(f.After+1)) {
		if f.Profile != "" && f.Profile != row.Profile || f.Device != "" && f.Device != row.Device || !seesSearch(v, p, row.Profile, row.Device) {
			continue
		}
		o := Orphan{Row: *row}
		o.Profile, o.Hostname = searchNames(v, row.Profile, row.Device)
		if u, ok := state.DynamicUsers.Get(v, string(row.User)); ok {
			o.User = *u
			o.User.Secret = model.Sealed{}
		}
		if out = append(out, o); f.Limit > 0 && len(out) == f.Limit {
			break
		}
	}
	return out, nil
}

func seesSearch(r table.Reader, p *command.Principal, profile model.ProfileID, d model.DeviceID) bool {
	if p.Authorization.Filter.All {
		return true
	}
	c, ok := state.SearchDoor(r, &model.OrphanSearch{Profile: profile, Device: d})
	return ok && p.Reaches(authz.ObjectOf(c))
}

func searchNames(r table.Reader, profile model.ProfileID, d model.DeviceID) (identifier, hostname string) {
	if p, ok := state.Profiles.Get(r, string(profile)); ok {
		identifier = p.Identifier
	}
	if dev, ok := state.Devices.Get(r, string(d)); ok {
		hostname = dev.Hostname
	}
	return identifier, hostname
}

// OrphanSearch is what was found out about a profile on a device, with names and the last operation.
type OrphanSearch struct {
	Row       model.OrphanSearch
	Profile   string
	Hostname  string
	Operation model.Operation
}

// OrphanSearches lists the searches of the profiles that the caller reaches, and when the next round is.
func (s *Service) OrphanSearches(actor model.Actor, at model.Time) ([]OrphanSearch, model.OrphanPlan, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, readPAM, nil)
	if err != nil {
		return nil, model.OrphanPlan{}, err
	}
	out := []OrphanSearch{}
	for row := range state.OrphanSearches.All(v, "") {
		if !seesSearch(v, p, row.Profile, row.Device) {
			continue
		}
		one := OrphanSearch{Row: *row}
		one.Profile, one.Hostname = searchNames(v, row.Profile, row.Device)
		if o, ok := state.Operations.Get(v, string(row.Operation)); ok {
			one.Operation = *o
		}
		out = append(out, one)
	}
	return out, state.OrphanPlanOf(v), nil
}

// AwaitOrphanSearches gives the searches when none of these operations is open any more, or as they are when ctx ends.
func (s *Service) AwaitOrphanSearches(ctx context.Context, actor model.Actor, at model.Time, ids []model.OperationID) ([]OrphanSearch, error) {
	rows := make([]table.Place, len(ids))
	for i, id := range ids {
		rows[i] = state.Operations.Place(string(id))
	}
	return table.Await(ctx, s.views, func() (mine []OrphanSearch, over bool, err error) {
		all, _, err := s.OrphanSearches(actor, at)
		mine, over = []OrphanSearch{}, true
		for _, one := range all {
			if slices.Contains(ids, one.Row.Operation) {
				mine = append(mine, one)
				over = over && one.Operation.State.Final()
			}
		}
		return mine, over, err
	}, rows...)
}

// SearchOrphans looks for accounts without an owner: of a profile on a device, or wherever any works if neither is named.
func (s *Service) SearchOrphans(ctx context.Context, actor model.Actor, profile model.ProfileID, d model.DeviceID) ([]model.OperationID, error) {
	r, err := command.Propose(ctx, s.proposer, dynamic.SearchOrphans, actor, dynamic.SearchArgs{Profile: profile, Device: d})
	return r.Operations, err
}

// RemoveOrphan orders the removal of an account without an owner, and gives the number of the dynamic user as which it goes.
func (s *Service) RemoveOrphan(ctx context.Context, actor model.Actor, number uint64) (string, error) {
	r, err := command.Propose(ctx, s.proposer, dynamic.RemoveOrphan, actor, dynamic.OrphanArgs{Number: number})
	return strconv.FormatUint(r.User.Number, 10), err
}

// ScheduleOrphans sets how often all targets are searched, in milliseconds; 0: never by itself.
func (s *Service) ScheduleOrphans(ctx context.Context, actor model.Actor, every int64) (model.OrphanPlan, error) {
	return command.Propose(ctx, s.proposer, dynamic.ScheduleOrphans, actor, dynamic.ScheduleArgs{Every: every})
}
