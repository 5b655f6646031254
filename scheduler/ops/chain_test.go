package ops

import (
	"testing"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TestNextRunIsInTheWindow: who looks at a chain is told when its next run begins, not when it falls due.
func TestNextRunIsInTheWindow(t *testing.T) {
	t.Parallel()
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := h.View()
	thursday := time.Date(2026, 12, 31, 13, 42, 19, 0, time.UTC)
	for _, c := range []struct {
		name   string
		next   model.Time
		window model.Window
		want   model.Time
	}{
		{"never", 0, model.Window{Days: []int{6, 0}}, 0},
		{"always open", model.TimeOf(thursday), model.Window{}, model.TimeOf(thursday)},
		{"on Saturday", model.TimeOf(thursday), model.Window{Days: []int{6, 0}, Hours: []model.HourSpan{{From: 2, To: 6}}, Zone: "America/Sao_Paulo"},
			model.TimeOf(time.Date(2027, 1, 2, 5, 0, 0, 0, time.UTC))},
	} {
		of, ok := chainOf(v, &command.Principal{}, &model.Chain{ID: "c", NextAt: c.next, Window: c.window})
		if !ok || of.Chain.NextAt != c.want {
			t.Errorf("%s: %s, want %s", c.name, of.Chain.NextAt, c.want)
		}
	}
	v.Close()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
