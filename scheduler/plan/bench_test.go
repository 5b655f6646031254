package plan_test

import (
	"fmt"
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
)

// BenchmarkAssign is one look of the leader while 20,000 changes wait.
func BenchmarkAssign(b *testing.B) {
	for name, c := range map[string]struct {
		slots, share int
		device       model.DeviceID
	}{
		"all for one host with busy lanes": {24, 100, "slow"},
		"no room for what nobody waits":    {24, 5, ""},
		"24 slots become free":             {28, 100, ""},
	} {
		b.Run(name, func(b *testing.B) {
			h, err := table.OpenHome(b.TempDir(), state.Schema, table.Options{})
			if err != nil {
				b.Fatal(err)
			}
			batch := h.Store().Begin()
			tx := batch.Tx(table.Stamp{})
			member(tx, "n1", c.slots, nil)
			for i := range 20000 {
				waits(tx, fmt.Sprint(i), 1, func(o *model.Operation, cr *model.Credential) {
					o.Kind = model.PasswordChange
					if c.device != "" {
						o.Device = c.device
					}
					if i < model.DefaultAutomation().Lanes {
						o.State, o.Lease, cr.Busy = model.OpRunning, &model.Lease{Node: "n1", Slot: i, Token: model.Pos(i + 1)}, o.ID
					}
				})
			}
			batch.Commit()
			v := h.View()
			var q plan.Queue
			for b.Loop() {
				q.Assign(v, plan.Look{Now: now, Alive: everybody, Limit: 256, Share: c.share})
			}
			b.StopTimer()
			v.Close()
			if err := h.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
