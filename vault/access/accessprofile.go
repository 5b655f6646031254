package access

import (
	"context"

	fsmaccess "cofre/fsm/access"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

var readGrants = authz.Action{Module: model.ModuleA2A}

// AccessProfiles lists the access profiles, in the order of their ids.
func (s *Service) AccessProfiles(actor model.Actor, at model.Time) ([]model.AccessProfile, error) {
	return list(s, actor, at, readGrants, state.AccessProfiles.All)
}

// AccessProfile finds an access profile by name or id.
func (s *Service) AccessProfile(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.AccessProfile, error) {
	v := s.views.View()
	_, err := command.Authorize(v, actor, at, readGrants, nil)
	v.Close()
	if err != nil {
		return nil, err
	}
	return s.FindAccessProfile(ctx, name)
}

// FindAccessProfile finds an access profile by name or id; the verb that refers to it decides.
func (s *Service) FindAccessProfile(ctx context.Context, name string) (*model.AccessProfile, error) {
	return ref(ctx, s, func(r table.Reader) (*model.AccessProfile, bool) {
		if p, ok := state.AccessProfiles.First(r, "name", name); ok {
			return p, true
		}
		return state.AccessProfiles.Get(r, name)
	}, model.Errorf(model.NotFound, "there is no such access profile"))
}

// PutAccessProfile creates or changes an access profile.
func (s *Service) PutAccessProfile(ctx context.Context, actor model.Actor, p model.AccessProfile) (model.AccessProfile, error) {
	return command.Propose(ctx, s.proposer, fsmaccess.Put, actor, fsmaccess.PutArgs{Profile: p})
}

// RemoveAccessProfile removes an access profile.
func (s *Service) RemoveAccessProfile(ctx context.Context, actor model.Actor, id model.AccessProfileID) error {
	_, err := command.Propose(ctx, s.proposer, fsmaccess.Remove, actor, fsmaccess.RemoveArgs{ID: id})
	return err
}
