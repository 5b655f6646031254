package ops

import (
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
)

// TestInWords: what an operation waits for is said with its bound, its end, and what ends it.
func TestInWords(t *testing.T) {
	t.Parallel()
	const now = model.Time(1_000_000)
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	automation := model.Automation{Settings: model.DefaultAutomation()}
	automation.Settings.Executors = []model.ExecutorLimit{{Executor: "ssh", Limit: 7}}
	b := h.Store().Begin()
	tx := b.Tx(table.Stamp{})
	state.Devices.Put(tx, &model.Device{ID: "d", Number: 1, Hostname: "web1", Via: "b"})
	state.Devices.Put(tx, &model.Device{ID: "b", Number: 2, Hostname: "bastion", Lanes: 2})
	state.Operations.Put(tx, &model.Operation{ID: "other", Number: 12, DedupKey: "x"})
	b.Commit()
	o := &model.Operation{ID: "o", Device: "d", Site: "plant", Executor: "ssh", State: model.OpReady, NotBefore: now + 1}
	tried := *o
	tried.Attempt = 1
	for _, c := range []struct {
		o      *model.Operation
		why    plan.Obstacle
		change func(a *model.Automation)
		want   string
	}{
		{o: o, want: "its turn"},
		{o: o, why: plan.Obstacle{Block: plan.Early}, want: "its time, " + (now + 1).String()},
		{o: &tried, why: plan.Obstacle{Block: plan.Early}, want: "its next try, at " + (now + 1).String()},
		{o: o, why: plan.Obstacle{Block: plan.DeviceFull, Device: "d"}, want: "an operation on web1 to end: 4 at once is its limit (cofre device update --lanes)"},
		{o: o, why: plan.Obstacle{Block: plan.DeviceFull, Device: "b"}, want: "an operation on bastion, where it goes too, to end: 2 at once is its limit (cofre device update --lanes)"},
		{o: o, why: plan.Obstacle{Block: plan.ExecutorFull}, want: "an operation of the executor ssh to end: 7 at once is its limit (cofre automation set --executor)"},
		{o: o, why: plan.Obstacle{Block: plan.TargetBusy, Operation: "other"}, want: "operation 12 to end, which works on the same account"},
		{o: o, why: plan.Obstacle{Block: plan.NoSite}, want: "a node that runs ssh and reaches the site plant: none is there"},
		{o: o, why: plan.Obstacle{Block: plan.HeldBack}, want: "somebody to resume the automation (cofre automation resume): 20 failed", change: func(a *model.Automation) { a.Stopped, a.Reason = 1, "20 failed" }},
		{o: o, why: plan.Obstacle{Block: plan.HeldBack}, want: "the end of a freeze, at " + (now + 9).String(), change: func(a *model.Automation) { a.Freezes = []model.Freeze{{From: 1, Until: now + 9}} }},
		{o: o, why: plan.Obstacle{Block: plan.HeldBack}, want: "the execution hours, which begin at 1970-01-01T20:00:00.000Z", change: func(a *model.Automation) { a.Settings.Window.Hours = []model.HourSpan{{From: 20, To: 24}} }},
	} {
		a := automation
		if c.change != nil {
			c.change(&a)
		}
		b := h.Store().Begin()
		state.Automations.Put(b.Tx(table.Stamp{}), &a)
		b.Commit()
		v := h.View()
		if got := inWords(v, now, c.o, c.why); got != c.want {
			t.Errorf("%+v: %q, want %q", c.why, got, c.want)
		}
		v.Close()
	}
}
