package runner_test

import (
	"context"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/template"
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
			if o := h.operation(id); o.State != model.OpDead || o.Attempt != 1 || o.Candidate != 0 || !strings.Contains(o.Message, tag.String()+": no value in this operation") || h.attempt(id).Class != string(executors.ClassTemplate) {
				t.Errorf("%s, candidate %d: %s: %s", o.State, o.Candidate, h.attempt(id).Class, o.Message)
			}
			if c := h.credential(); c.ByRole(model.RoleCandidate) != nil || len(c.Versions) != 1 {
				t.Errorf("%d versions", len(c.Versions))
			}
		})
	}
}

// TestNothingToTryAgain: what the template, or what the operation has for it, makes impossible ends the operation at once, and so does
// what the device's settings forbid before anybody is dialed. What another node may do better, and what depends on the target, does not.
func TestNothingToTryAgain(t *testing.T) {
	t.Parallel()
	fails := func(class executors.Class) executors.Executor {
		return fake{run: func(context.Context, executors.Session) (executors.Outcome, error) {
			return executors.NotStarted, &executors.Failure{Class: class, Line: 3, Msg: "it did not go"}
		}}
	}
	dials := func(class executors.Class) executors.Executor {
		return fake{run: func(ctx context.Context, s executors.Session) (executors.Outcome, error) {
			over, cancel := context.WithCancel(ctx)
			cancel()
			_, _ = s.Dial(over, "tcp", s.Address(22)) // as if the target had been asked
			return executors.NotStarted, &executors.Failure{Class: class, Msg: "it did not go"}
		}}
	}
	goesOn := fake{run: func(_ context.Context, s executors.Session) (executors.Outcome, error) { // in a session that stayed: nobody is dialed
		s.Entered()
		return executors.NotStarted, &executors.Failure{Class: executors.ClassTLS, Msg: "it did not go"}
	}}
	for name, c := range map[string]struct {
		with  executors.Executor
		other string // version of a second node
		state model.OperationState
		class executors.Class
	}{
		"a value that does not fit":                   {with: fails(executors.ClassTemplate), state: model.OpDead, class: executors.ClassTemplate},
		"a device without a pinned key":               {with: fails(executors.ClassHostKey), state: model.OpDead, class: executors.ClassHostKey},
		"a device that allows no clear text":          {with: fails(executors.ClassTLS), state: model.OpDead, class: executors.ClassTLS},
		"a target that shows another key":             {with: dials(executors.ClassHostKey), state: model.OpReady, class: executors.ClassHostKey},
		"a target that shows another certificate":     {with: dials(executors.ClassTLS), state: model.OpReady, class: executors.ClassTLS},
		"a session that stayed, and broke":            {with: goesOn, state: model.OpReady, class: executors.ClassTLS},
		"a silent target":                             {with: fails(executors.ClassTimeout), state: model.OpReady, class: executors.ClassTimeout},
		"a target that cannot be reached":             {with: fails(executors.ClassNetwork), state: model.OpReady, class: executors.ClassNetwork},
		"a template that nobody understands":          {with: illiterate{}, state: model.OpDead, class: executors.ClassTemplate},
		"a template that only newer nodes understand": {with: illiterate{}, other: "v2", state: model.OpReady, class: executors.ClassRefused},
		"an executor that other nodes have":           {with: other{}, state: model.OpReady, class: executors.ClassRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			id, _ := h.grant()
			if c.other != "" {
				h.admit("n2", c.other)
			}
			h.start(c.with)
			h.await(id, "ended", func(o *model.Operation) bool { return o.Lease == nil })
			o := h.operation(id)
			if o.State != c.state || o.Attempt != 1 || h.attempt(id).Class != string(c.class) || strings.Contains(o.Message, "not tried again") != (c.state == model.OpDead) {
				t.Errorf("%s after %d attempts: %s: %s", o.State, o.Attempt, h.attempt(id).Class, o.Message)
			}
		})
	}
}

// TestTemplateOutOfForce: an operation whose template may not run says which of the reasons it is, and what to do.
func TestTemplateOutOfForce(t *testing.T) {
	t.Parallel()
	h := open(t)
	id, _ := h.grant()
	admin := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}
	if _, err := command.Propose(t.Context(), h.Proposer, template.SetStatus, admin, template.StatusArgs{ID: h.credential().Execution.ChangeTemplate, Active: false}); err != nil {
		t.Fatal(err)
	}
	h.start(fake{})
	h.await(id, "ended", func(o *model.Operation) bool { return o.Lease == nil })
	if o := h.operation(id); o.State != model.OpDead || !strings.Contains(o.Message, `the template is inactive: cofre template enable "`) || o.TemplateVersion != 0 {
		t.Errorf("%s: %s", o.State, o.Message)
	}
}

// admit adds an approved node of a version.
func (h *house) admit(id model.NodeID, version string) {
	h.t.Helper()
	key, token := []byte("a key"), strings.Repeat("0", 64)
	admin := model.Actor{Kind: model.ActorOperator, Name: "test"}
	if _, err := command.Propose(h.t.Context(), h.Proposer, node.CreateToken, admin, node.TokenArgs{ID: token, Name: id, NodeKey: model.Fingerprint(key), TTL: 900_000}); err != nil {
		h.t.Fatal(err)
	}
	must(h, node.Join, node.JoinArgs{Token: token, ID: id, PublicKey: key, HPKE: key, Announced: model.Announcement{Version: version, Level: 1}})
}

// other is an executor of another name.
type other struct{ fake }

func (other) Name() model.ExecutorName { return "another" }

// illiterate is an executor that understands no template.
type illiterate struct{ fake }

func (illiterate) Compile(string) (executors.Program, error) {
	return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected another word"}
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
