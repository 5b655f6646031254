package runner_test

import (
	"context"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/barrier"
	"cofre/vault/secret"
)

// closing are keys that somebody takes away when the first secret was made.
type closing struct{ plainKeys }

func (closing) Decrypt(barrier.AAD, model.Sealed) (secret.Value, error) {
	return secret.Value{}, barrier.ErrSealed
}

// TestSealedMeanwhile: a vault that a person closes while an attempt is at work ends the attempt, and not the operation: another node, or
// this one later, goes on.
func TestSealedMeanwhile(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.keys = closing{}
	id, _ := h.grant()
	h.start(fake{run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
		_, err := s.Resolve(mask.AuthPassword) // as executors do
		return executors.NotStarted, executors.Fail(executors.ClassTemplate, 0, err)
	}})
	h.await(id, "ended", func(o *model.Operation) bool { return o.Lease == nil })
	if o := h.operation(id); o.State != model.OpReady || h.attempt(id).Class != string(executors.ClassRefused) || o.Message == "" {
		t.Errorf("%s: %s: %s", o.State, h.attempt(id).Class, o.Message)
	}
}
