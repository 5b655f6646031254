package access

import (
	"context"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/profile"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ExecutionProfiles lists the execution profiles, in the order of their ids.
func (s *Service) ExecutionProfiles(actor model.Actor, at model.Time) ([]model.ExecutionProfile, error) {
	return list(s, actor, at, readPAM, state.ExecutionProfiles.All)
}

// ExecutionProfile finds an execution profile by name or id.
func (s *Service) ExecutionProfile(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.ExecutionProfile, error) {
	v := s.views.View()
	_, err := command.Authorize(v, actor, at, readPAM, nil)
	v.Close()
	if err != nil {
		return nil, err
	}
	return ref(ctx, s, func(r table.Reader) (*model.ExecutionProfile, bool) {
		if p, ok := state.ExecutionProfiles.First(r, "name", name); ok {
			return p, true
		}
		return state.ExecutionProfiles.Get(r, name)
	}, model.Errorf(model.NotFound, "there is no such execution profile"))
}

// PutExecutionProfile creates or changes an execution profile.
func (s *Service) PutExecutionProfile(ctx context.Context, actor model.Actor, p model.ExecutionProfile) (model.ExecutionProfile, error) {
	return command.Propose(ctx, s.proposer, profile.Put, actor, profile.PutArgs{Profile: p})
}

// RemoveExecutionProfile removes an execution profile.
func (s *Service) RemoveExecutionProfile(ctx context.Context, actor model.Actor, id model.ExecutionProfileID) error {
	_, err := command.Propose(ctx, s.proposer, profile.Remove, actor, profile.RemoveArgs{ID: id})
	return err
}
