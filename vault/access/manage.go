package access

import (
	"context"
	"iter"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/device"
	"cofre/fsm/model"
	"cofre/fsm/policy"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// list copies a table's rows after deciding whether the caller may see them.
func list[T any](s *Service, actor model.Actor, at model.Time, act authz.Action, all func(table.Reader, string) iter.Seq[*T]) ([]T, error) {
	v := s.views.View()
	defer v.Close()
	if _, err := command.Authorize(v, actor, at, act, nil); err != nil {
		return nil, err
	}
	out := []T{}
	for row := range all(v, "") {
		out = append(out, *row)
	}
	return out, nil
}

var (
	readPAM   = authz.Action{Module: model.ModulePAM}
	seeSecret = authz.Action{Module: model.ModulePAM, Right: model.SecretRead}
)

// Devices lists the devices, in the order of their ids.
func (s *Service) Devices(actor model.Actor, at model.Time) ([]model.Device, error) {
	return list(s, actor, at, readPAM, state.Devices.All)
}

// Device finds one device that the caller may see.
func (s *Service) Device(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.Device, error) {
	v := s.views.View()
	_, err := command.Authorize(v, actor, at, readPAM, nil)
	v.Close()
	if err != nil {
		return nil, err
	}
	return s.FindDevice(ctx, name)
}

// PutDevice creates or changes a device; with create it changes none.
func (s *Service) PutDevice(ctx context.Context, actor model.Actor, d model.Device, create bool) (device.PutResult, error) {
	return command.Propose(ctx, s.proposer, device.Put, actor, device.PutArgs{Device: d, Create: create})
}

// TrustDevice pins SSH host keys.
func (s *Service) TrustDevice(ctx context.Context, actor model.Actor, id model.DeviceID, keys []model.HostKey, replace bool) (model.Device, error) {
	return command.Propose(ctx, s.proposer, device.Trust, actor, device.TrustArgs{ID: id, Keys: keys, Replace: replace})
}

// SetDeviceStatus enables or disables a device.
func (s *Service) SetDeviceStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (model.Device, error) {
	d, err := s.FindDevice(ctx, name)
	if err != nil {
		return model.Device{}, err
	}
	return command.Propose(ctx, s.proposer, device.SetStatus, actor, device.StatusArgs{ID: d.ID, Enabled: enabled})
}

// Policies lists the policies.
func (s *Service) Policies(actor model.Actor, at model.Time) ([]model.Policy, error) {
	return list(s, actor, at, readPAM, state.Policies.All)
}

// PutPolicy creates or changes a policy.
func (s *Service) PutPolicy(ctx context.Context, actor model.Actor, p model.Policy) (model.Policy, error) {
	return command.Propose(ctx, s.proposer, policy.Put, actor, policy.PutArgs{Policy: p})
}

// FindPolicy finds a policy by name or id.
func (s *Service) FindPolicy(ctx context.Context, name string) (*model.Policy, error) {
	return ref(ctx, s, func(r table.Reader) (*model.Policy, bool) {
		if p, ok := state.Policies.First(r, "name", name); ok {
			return p, true
		}
		return state.Policies.Get(r, name)
	}, model.Errorf(model.Invalid, "there is no such policy").WithField("policy"))
}

// Trail says which audit events are wanted. What is zero narrows nothing.
type Trail struct {
	After        uint64 // the event before the first
	Kind         string
	Since, Until model.Time // at or after the first, before the second
	About        string     // an id, a name, a number or an address that stands in the event, or who did it
}

func (t *Trail) fits(e *audit.Event) bool {
	if t.Kind != "" && e.Kind != t.Kind || e.At < t.Since {
		return false
	}
	return t.About == "" || t.About == string(e.Authorization) || t.About == e.Name || t.About == e.Source || slices.ContainsFunc(e.Fields, func(f audit.Field) bool {
		return f.Value == t.About && audit.ClassOf(e.Kind, f.Name) != audit.Secret // nobody asks for what is not shown
	})
}

// Audit lists events, oldest first, for who may read the trail.
func (s *Service) Audit(actor model.Actor, at model.Time, t Trail, limit int) ([]audit.Event, error) {
	v := s.views.View()
	defer v.Close()
	if _, err := command.Authorize(v, actor, at, authz.Action{Right: model.AuditRead}, nil); err != nil {
		return nil, err
	}
	out := []audit.Event{}
	for e := range table.Audit.All(v, table.NumberKey(t.After+1)) {
		if t.Until != 0 && e.At >= t.Until {
			break // state time never goes back
		}
		if !t.fits(e) {
			continue
		}
		if out = append(out, *e); len(out) == limit {
			break
		}
	}
	return out, nil
}

// WhoDid names the authorizations of events as application/authorization. One that is deleted has no name.
func (s *Service) WhoDid(events []audit.Event) map[model.AuthorizationID]string {
	v := s.views.View()
	defer v.Close()
	names := map[model.AuthorizationID]string{}
	for i := range events {
		id := events[i].Authorization
		if _, known := names[id]; known || id == "" {
			continue
		}
		names[id] = ""
		if auth, ok := state.Authorizations.Get(v, string(id)); ok {
			if app, ok := state.Applications.Get(v, string(auth.Application)); ok {
				names[id] = app.Name + "/" + auth.Name
			}
		}
	}
	return names
}
