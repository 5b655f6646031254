package access

import (
	"context"
	"slices"
	"strconv"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// DSMAutomation is an automation of secrets with the names of what it points at, by id.
type DSMAutomation struct {
	Row     model.DSMAutomation
	Names   map[string]string
	Devices []AutomationDevice
}

// AutomationDevice is where an automation runs: the device of a credential that logs in.
type AutomationDevice struct{ Hostname, Credential string }

// FindDSMAutomation resolves a number, a name or an object id.
func (s *Service) FindDSMAutomation(ctx context.Context, name string) (*model.DSMAutomation, error) {
	return ref(ctx, s, func(r table.Reader) (*model.DSMAutomation, bool) {
		if n, err := strconv.ParseUint(name, 10, 64); err == nil {
			return state.DSMAutomations.First(r, "number", table.NumberKey(n))
		}
		if a, ok := state.DSMAutomations.First(r, "name", name); ok {
			return a, true
		}
		return state.DSMAutomations.Get(r, name)
	}, dsm.ErrNoAutomation)
}

// DSMAutomations lists the automations after a number that the caller may manage, in the order of their numbers.
func (s *Service) DSMAutomations(actor model.Actor, at model.Time, after uint64, limit int) ([]DSMAutomation, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModuleSecrets}, nil)
	if err != nil {
		return nil, err
	}
	out := []DSMAutomation{}
	for a := range state.DSMAutomations.Range(v, "number", table.NumberKey(after+1), table.NumberKey(^uint64(0))) {
		if !dsm.SeesAutomation(p.Authorization, a) {
			continue
		}
		if out = append(out, namedAutomation(v, a)); limit > 0 && len(out) == limit {
			break
		}
	}
	return out, nil
}

// DSMAutomation shows an automation that the caller may manage.
func (s *Service) DSMAutomation(ctx context.Context, actor model.Actor, at model.Time, name string) (*DSMAutomation, error) {
	a, err := s.FindDSMAutomation(ctx, name)
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModuleSecrets}, nil)
	if err != nil {
		return nil, err
	}
	if !dsm.SeesAutomation(p.Authorization, a) {
		return nil, model.Errorf(model.Denied, "No access to automation").WithCode(1009)
	}
	named := namedAutomation(v, a)
	return &named, nil
}

func namedAutomation(r table.Reader, a *model.DSMAutomation) DSMAutomation {
	out := DSMAutomation{Row: *a, Names: map[string]string{}}
	for _, id := range a.Applications {
		if app, ok := state.Applications.Get(r, string(id)); ok {
			out.Names[string(id)] = app.Name
		}
	}
	for _, id := range a.Secrets {
		if s, ok := state.DSMSecrets.Get(r, string(id)); ok {
			out.Names[string(id)] = s.Identity
		}
	}
	if t, ok := state.Templates.Get(r, string(a.Template)); ok {
		out.Names[string(a.Template)] = t.Name
	}
	for _, id := range a.Credentials {
		var d AutomationDevice
		if c, ok := state.Credentials.Get(r, string(id)); ok {
			d.Credential = c.Identifier
			if on, ok := state.Devices.Get(r, string(c.Device)); ok {
				d.Hostname = on.Hostname
			}
		}
		out.Devices = append(out.Devices, d)
	}
	return out
}

// PutDSMAutomation creates or changes an automation.
func (s *Service) PutDSMAutomation(ctx context.Context, actor model.Actor, row model.DSMAutomation) (*DSMAutomation, error) {
	put, err := command.Propose(ctx, s.proposer, dsm.PutAutomation, actor, dsm.AutomationArgs{Automation: row})
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	named := namedAutomation(v, &put)
	return &named, nil
}

// RemoveDSMAutomation removes an automation and gives what it was.
func (s *Service) RemoveDSMAutomation(ctx context.Context, actor model.Actor, id model.DSMAutomationID) (*DSMAutomation, error) {
	gone, err := command.Propose(ctx, s.proposer, dsm.RemoveAutomation, actor, dsm.AutomationRef{ID: id})
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	named := namedAutomation(v, &gone)
	return &named, nil
}

// DSMErrors lists what failed for a secret that the caller holds or reaches, newest first.
func (s *Service) DSMErrors(ctx context.Context, actor model.Actor, at model.Time, name string) ([]model.DSMError, error) {
	row, _, err := s.DescribeDSM(ctx, actor, at, name)
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	all := state.DSMErrorsOf(v, row.ID)
	slices.Reverse(all)
	return all, nil
}
