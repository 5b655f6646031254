package access

import (
	"context"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/vault/secret"
)

// ReadCapture reads what a target said in an attempt of an operation, 0 being the last one of which it is kept: the read is
// committed first. The caller wipes it.
func (s *Service) ReadCapture(ctx context.Context, actor model.Actor, id model.OperationID, attempt int) (operation.ReadCaptureResult, secret.Value, error) {
	if err := s.unsealed(); err != nil {
		return operation.ReadCaptureResult{}, secret.Value{}, err
	}
	r, err := command.Propose(ctx, s.proposer, operation.ReadCapture, actor, operation.ReadCaptureArgs{Operation: id, Attempt: attempt})
	if err != nil {
		return operation.ReadCaptureResult{}, secret.Value{}, err
	}
	said, err := s.keys.Decrypt(Place(r.Capture.Row), r.Capture.Output)
	return r, said, err
}
