package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
)

// TestOutlook: what keeps an operation waiting is told as Assign sees it.
func TestOutlook(t *testing.T) {
	t.Parallel()
	at := func(d model.DeviceID) func(*model.Operation, *model.Credential) {
		return func(o *model.Operation, _ *model.Credential) { o.Device, o.Kind = d, model.PasswordChange }
	}
	running := func(tx *table.Tx, id string, slot int, d model.DeviceID) {
		waits(tx, id, 1, func(o *model.Operation, c *model.Credential) {
			o.State, o.Lease, o.Device, c.Busy = model.OpRunning, &model.Lease{Node: "n1", Slot: slot, Token: 1}, d, o.ID
		})
	}
	device := func(tx *table.Tx, n uint64, d model.Device) {
		d.Number, d.Hostname = n, string(d.ID)
		state.Devices.Put(tx, &d)
	}
	for name, c := range map[string]struct {
		put  func(tx *table.Tx) // besides n1, which has four slots and is at the site plant
		want plan.Obstacle      // of operation "o"
	}{
		"nothing":  {func(tx *table.Tx) { waits(tx, "o", now, nil) }, plan.Obstacle{}},
		"its time": {func(tx *table.Tx) { waits(tx, "o", now+1, nil) }, plan.Obstacle{Block: plan.Early}},
		"a freeze, although it was put off": {func(tx *table.Tx) {
			state.Automations.Put(tx, &model.Automation{Settings: model.DefaultAutomation(), Freezes: []model.Freeze{{From: now, Until: now + 9}}})
			waits(tx, "o", now+9, at("d"))
		}, plan.Obstacle{Block: plan.HeldBack}},
		"its device": {func(tx *table.Tx) {
			device(tx, 201, model.Device{ID: "d", Lanes: 1})
			running(tx, "r", 0, "d")
			waits(tx, "o", now, at("d"))
		}, plan.Obstacle{Block: plan.DeviceFull, Device: "d"}},
		"its jump host, whose lane goes to another device": {func(tx *table.Tx) {
			device(tx, 201, model.Device{ID: "bastion", Lanes: 1})
			device(tx, 202, model.Device{ID: "d", Via: "bastion"})
			device(tx, 203, model.Device{ID: "other", Via: "bastion"})
			running(tx, "r", 0, "other")
			waits(tx, "o", now, at("d"))
		}, plan.Obstacle{Block: plan.DeviceFull, Device: "bastion"}},
		"another key": {func(tx *table.Tx) {
			running(tx, "r", 0, "x")
			state.Credentials.Put(tx, &model.Credential{ID: "c-r", Identifier: "r", Number: 901, Busy: "r", Key: &model.KeyPair{Pattern: "web*"}})
			waits(tx, "o", now, func(_ *model.Operation, c *model.Credential) { c.Key = &model.KeyPair{Pattern: "*1"} })
		}, plan.Obstacle{Block: plan.PatternsMeet}},
		"its executor": {func(tx *table.Tx) {
			state.Automations.Put(tx, &model.Automation{Settings: model.AutomationSettings{Lanes: 4, Executors: []model.ExecutorLimit{{Executor: "ssh", Limit: 1}}}})
			running(tx, "r", 0, "x")
			waits(tx, "o", now, nil)
		}, plan.Obstacle{Block: plan.ExecutorFull}},
		"another operation on its target": {func(tx *table.Tx) {
			waits(tx, "o", now, func(_ *model.Operation, c *model.Credential) { c.Busy = "r" })
		}, plan.Obstacle{Block: plan.TargetBusy, Operation: "r"}},
		"the budget of its account": {func(tx *table.Tx) {
			waits(tx, "o", now, func(_ *model.Operation, c *model.Credential) { c.BadLogins = []model.Time{now, now, now, now} })
		}, plan.Obstacle{Block: plan.LoginsSpent, Credential: "c-o"}},
		"the budget of who logs in on the way": {func(tx *table.Tx) {
			device(tx, 201, model.Device{ID: "bastion"})
			device(tx, 202, model.Device{ID: "d", Via: "bastion", ViaLogin: "jumper"})
			state.Credentials.Put(tx, &model.Credential{ID: "jumper", Identifier: "jumper", Number: 902, BadLogins: []model.Time{now, now, now, now}})
			waits(tx, "o", now, at("d"))
		}, plan.Obstacle{Block: plan.LoginsSpent, Credential: "jumper"}},
		"a slot": {func(tx *table.Tx) {
			for i := range 4 {
				running(tx, string(rune('a'+i)), i, model.DeviceID(rune('a'+i)))
			}
			waits(tx, "o", now, nil)
		}, plan.Obstacle{Block: plan.NoSlot}},
		"a site": {func(tx *table.Tx) {
			waits(tx, "o", now, func(o *model.Operation, _ *model.Credential) { o.Site = "office" })
		}, plan.Obstacle{Block: plan.NoSite}},
		"an executor": {func(tx *table.Tx) {
			waits(tx, "o", now, func(o *model.Operation, _ *model.Credential) { o.Executor, o.Site = "oracle", "office" })
		}, plan.Obstacle{Block: plan.NoExecutor}},
		"a node": {func(tx *table.Tx) {
			member(tx, "n1", 0, func(n *model.Node) { n.Announced.Sealed = true })
			waits(tx, "o", now, nil)
		}, plan.Obstacle{Block: plan.NoNode}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := view(t, func(tx *table.Tx) {
				member(tx, "n1", 4, func(n *model.Node) { n.Announced.Sites = []string{"plant"} })
				c.put(tx)
			})
			o, ok := state.Operations.Get(v, "o")
			if !ok {
				t.Fatal("no operation")
			}
			if diff := cmp.Diff(c.want, plan.NewOutlook(v, now, everybody).Of(o)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			granted := false
			for _, g := range new(plan.Queue).Assign(v, plan.Look{Now: now, Alive: everybody, Limit: 100, Share: 100}).Grants {
				granted = granted || g.Operation == "o"
			}
			if granted != (c.want.Block == plan.Nothing) {
				t.Errorf("Assign grants it: %v", granted)
			}
		})
	}
}
