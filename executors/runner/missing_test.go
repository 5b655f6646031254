package runner_test

import (
	"context"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// TestTagWithoutValue: whatever the executor, a change whose template asks for what this operation has not ends before a candidate is
// committed and before the executor is called, and names the tag.
func TestTagWithoutValue(t *testing.T) {
	t.Parallel()
	for _, tag := range []mask.Name{"ADD_INFO", "TOTP_TOKEN", "GRUPO_NOME", "SECRET_DATA", "APP_AUTH_CLIENT_SECRET"} {
		t.Run(string(tag), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			id, _ := h.grant()
			h.start(&asking{fake: fake{run: func(context.Context, executors.Session) (executors.Outcome, error) {
				t.Error("the executor was called")
				return executors.NotStarted, nil
			}}, tags: []mask.Name{mask.Username, mask.NewPassword, tag}})
			h.await(id, "ended", func(o *model.Operation) bool { return o.Lease == nil })
			if o := h.operation(id); o.State != model.OpReady || o.Candidate != 0 || !strings.Contains(o.Message, tag.String()+": no value in this operation") || h.attempt(id).Class != string(executors.ClassTemplate) {
				t.Errorf("%s, candidate %d: %s: %s", o.State, o.Candidate, h.attempt(id).Class, o.Message)
			}
			if c := h.credential(); c.ByRole(model.RoleCandidate) != nil || len(c.Versions) != 1 {
				t.Errorf("%d versions", len(c.Versions))
			}
		})
	}
}

// asking is an executor whose program asks for some tags.
type asking struct {
	fake
	tags []mask.Name
}

func (a *asking) Compile(string) (executors.Program, error) { return a, nil }
func (a *asking) Masks() []mask.Name                        { return a.tags }
func (*asking) Notices() []string                           { return nil }
func (a *asking) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	return a.run(ctx, s)
}
