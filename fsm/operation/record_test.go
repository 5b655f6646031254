package operation

import (
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// An operation that is tried for ever keeps its first attempts and the newest ones, and leaves those of others alone.
func TestRecordIsBounded(t *testing.T) {
	t.Parallel()
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	b := h.Store().Begin()
	t.Cleanup(b.Drop)
	tx := b.Tx(table.Stamp{})
	for _, other := range []model.OperationID{"a", "c"} {
		for n := range 3 {
			record(tx, &model.Attempt{Operation: other, Token: model.Pos(n + 1)})
		}
	}
	for n := range 500 {
		record(tx, &model.Attempt{Operation: "b", Token: model.Pos(n + 1)})
	}
	keys := attemptsOf(tx, "b")
	if len(keys) != keptAttempts {
		t.Fatalf("%d attempts are kept, want %d", len(keys), keptAttempts)
	}
	for i, k := range keys {
		want := i + 1
		if i >= firstAttempts {
			want = 500 - keptAttempts + i + 1
		}
		if k != state.AttemptKey(&model.Attempt{Operation: "b", Token: model.Pos(want)}) {
			t.Errorf("attempt %d is %q, want number %d", i, k, want)
		}
	}
	if len(attemptsOf(tx, "a")) != 3 || len(attemptsOf(tx, "c")) != 3 {
		t.Error("attempts of other operations went")
	}
}
