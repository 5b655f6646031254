package operation_test

import (
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// An operation that is tried for ever keeps its first attempts and the newest ones, and leaves those of others alone.
func TestRecordIsBounded(t *testing.T) {
	t.Parallel()
	tx := begun(t).Tx(table.Stamp{})
	for _, other := range []model.OperationID{"a", "c"} {
		for n := range 3 {
			operation.Record(tx, &model.Attempt{Operation: other, Token: model.Pos(n + 1)})
		}
	}
	for n := range 500 {
		operation.Record(tx, &model.Attempt{Operation: "b", Token: model.Pos(n + 1)})
	}
	keys := operation.AttemptsOf(tx, "b")
	if len(keys) != operation.KeptAttempts {
		t.Fatalf("%d attempts are kept, want %d", len(keys), operation.KeptAttempts)
	}
	for i, k := range keys {
		want := i + 1
		if i >= operation.FirstAttempts {
			want = 500 - operation.KeptAttempts + i + 1
		}
		if k != state.AttemptKey(&model.Attempt{Operation: "b", Token: model.Pos(want)}) {
			t.Errorf("attempt %d is %q, want number %d", i, k, want)
		}
	}
	if len(operation.AttemptsOf(tx, "a")) != 3 || len(operation.AttemptsOf(tx, "c")) != 3 {
		t.Error("attempts of other operations went")
	}
}
