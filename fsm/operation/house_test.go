package operation_test

import (
	"testing"

	"cofre/fsm/state"
	"cofre/fsm/table"
)

// begun is a batch of an empty state.
func begun(t *testing.T) *table.Batch {
	t.Helper()
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	b := h.Store().Begin()
	t.Cleanup(b.Drop)
	return b
}
