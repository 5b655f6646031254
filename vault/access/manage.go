package access

import (
	"context"
	"iter"

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
