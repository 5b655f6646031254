package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// TestRenewNewTiming: a runner that started before its node knew the cluster, and so waits by the usual timing, renews by the cluster's
// as soon as it has a lease.
func TestRenewNewTiming(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("testdata/provision.txt")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(script), `"ttl": 60000, "renew": 15000, "margin": 10000, "grace": 30000`, `"ttl": 3000, "renew": 500, "margin": 1000, "grace": 1000`, 1)
	file := filepath.Join(t.TempDir(), "short.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil || text == string(script) {
		t.Fatal("the script has other timings", err)
	}
	_, log := fsmtest.Log(t, file)
	h := openWith(t, fsmtest.Open(t))
	ended := make(chan error, 1)
	h.start(fake{run: func(ctx context.Context, _ executors.Session) (executors.Outcome, error) {
		select {
		case <-time.After(4 * time.Second): // longer than a lease is trusted without renewal
		case <-ctx.Done():
		}
		ended <- ctx.Err()
		return executors.NotStarted, &executors.Failure{Class: executors.ClassNetwork, Msg: "enough"}
	}})
	time.Sleep(100 * time.Millisecond) // the runner waits by now
	h.m.ApplyBatch(log)
	now := h.Now
	h.Proposer = fsmtest.NewProposer(h.m, "n1") // behind what was applied
	h.Now = now
	must(h, operation.Grant, operation.GrantArgs{Operation: h.first(), Node: "n1"})
	if err := <-ended; err != nil {
		t.Error("the attempt was cut although its node was alive:", err)
	}
}

// first finds the only operation.
func (h *house) first() (id model.OperationID) {
	v := h.m.View()
	defer v.Close()
	for o := range state.Operations.All(v, "") {
		id = o.ID
	}
	return id
}
