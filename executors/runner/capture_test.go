package runner_test

import (
	"context"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// What the target says is kept when somebody asked for it, without the secrets that the attempt was handed; otherwise it is not.
func TestCapture(t *testing.T) {
	t.Parallel()
	for _, wanted := range []bool{true, false} {
		h := open(t)
		var fresh string
		f := fake{run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
			s, _ = s.Guard()
			v, err := s.Resolve(mask.NewPassword)
			if err != nil {
				return executors.NotStarted, err
			}
			fresh = text(v)
			s.Capture.Hear([]byte("\x1b[1mNew password: " + fresh[:9]))
			s.Capture.Hear([]byte("\x1b[0m" + fresh[9:] + "\r\nroot's shell is /bin/false\r\n"))
			return executors.Rejected, &executors.Failure{Class: executors.ClassPolicy, Msg: "no"}
		}}
		id, _ := h.grant()
		if wanted {
			admin := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}
			if _, err := command.Propose(t.Context(), h.Proposer, operation.Capture, admin, operation.CaptureArgs{Operation: id, On: true}); err != nil {
				t.Fatal(err)
			}
		}
		h.start(f)
		h.await(id, "rejected", in(model.OpReady))
		got, err := command.Propose(t.Context(), h.Proposer, operation.ReadCapture, model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}, operation.ReadCaptureArgs{Operation: id})
		if !wanted {
			if !model.Is(err, model.NotFound) {
				t.Errorf("something was kept unasked: %v, %v", got, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		kept := string(got.Capture.Output.Box) // the keys of this test leave it readable
		if want := "\x1b[1mNew password: " + executors.Redacted + "\r\nroot's shell is /bin/false\r\n"; kept != want || strings.Contains(kept, fresh[:6]) {
			t.Errorf("kept %q, want %q", kept, want)
		}
		if got.Attempt != 1 || got.Capture.Bytes < len(want(fresh)) {
			t.Errorf("attempt %d, %d bytes", got.Attempt, got.Capture.Bytes)
		}
	}
}

func want(fresh string) string { return "New password: " + fresh + "root's shell is /bin/false" }
