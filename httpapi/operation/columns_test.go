package operation

import (
	"testing"

	"cofre/fsm/model"
)

// TestTried: a verification's tries are those that settle. It has no last one.
func TestTried(t *testing.T) {
	t.Parallel()
	for kind, want := range map[model.OperationKind]string{model.PasswordChange: "1/5", model.Verify: "3"} {
		d := new(Described)
		d.Operation = model.Operation{Kind: kind, Attempt: 1, Settles: 3, MaxAttempts: 5}
		if v := view(d); v.Row()[5] != want {
			t.Errorf("%s: %s; want %s", kind, v.Row()[5], want)
		}
	}
}
