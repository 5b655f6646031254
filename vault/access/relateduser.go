package access

import (
	"context"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/relateduser"
	"cofre/fsm/state"
)

// RelatedUsers lists the related users.
func (s *Service) RelatedUsers(actor model.Actor, at model.Time) ([]model.RelatedUser, error) {
	return list(s, actor, at, authz.Action{Module: model.ModuleUsers}, state.RelatedUsers.All)
}

// PutRelatedUser creates a related user, or changes the one with the number.
func (s *Service) PutRelatedUser(ctx context.Context, actor model.Actor, args relateduser.PutArgs) (model.RelatedUser, error) {
	return command.Propose(ctx, s.proposer, relateduser.Put, actor, args)
}

// RemoveRelatedUser removes a related user.
func (s *Service) RemoveRelatedUser(ctx context.Context, actor model.Actor, number uint64) (model.RelatedUser, error) {
	return command.Propose(ctx, s.proposer, relateduser.Remove, actor, relateduser.RemoveArgs{Number: number})
}
