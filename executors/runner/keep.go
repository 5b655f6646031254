package runner

import (
	"context"
	"time"

	"cofre/executors"
	"cofre/fsm/command"
	"cofre/fsm/operation"
	"cofre/vault/secret"
)

// keeper commits a secret that the target made for a dynamic user; from then on it is the attempt's candidate. It repeats itself
// while the answer is unknown: the row makes that harmless.
func (r *Runner) keeper(l *lease, j *job) executors.Keeper {
	return func(ctx context.Context, made secret.Value) error {
		var sealed operation.BeginArgs
		if err := r.seal(&sealed, made); err != nil {
			return err
		}
		args := operation.KeepArgs{Operation: l.operation, Token: l.token, Row: sealed.Row, Secret: sealed.Candidate}
		for n := 1; ; n++ {
			res, err := command.Propose(ctx, r.Proposer, operation.Keep, actor, args)
			switch {
			case err == nil && !res.Fenced:
				j.candidate.Wipe()
				j.candidate = made.Clone()
				return nil
			case err == nil:
				return refused("the lease is somebody else's: what the target made is removed by the next attempt")
			case ctx.Err() != nil || !operation.AskAgain(err):
				return err
			}
			select {
			case <-time.After(operation.AskPause(n)):
			case <-ctx.Done():
			}
		}
	}
}
