package plan_test

import (
	"fmt"
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
)

// TestBlockedHidesNothing: thousands that wait for one host whose lanes are busy do not keep a slot from what waits behind
// them, also when all wait since the same moment.
func TestBlockedHidesNothing(t *testing.T) {
	t.Parallel()
	for name, asked := range map[string]bool{"due": false, "asked for": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const blocked, limit = 2000, 100
			v := view(t, func(tx *table.Tx) {
				member(tx, "n1", 9, nil)
				for i := range blocked {
					waits(tx, fmt.Sprintf("blocked-%04d", i), 1, func(o *model.Operation, c *model.Credential) {
						o.Kind, o.Device = model.PasswordChange, "slow"
						if i < model.DefaultAutomation().Lanes {
							o.State, o.Lease, c.Busy = model.OpRunning, &model.Lease{Node: "n1", Slot: i, Token: model.Pos(i + 1)}, o.ID
						}
						if asked {
							o.Requester = "ada"
						}
					})
				}
				waits(tx, "last", 1, func(o *model.Operation, _ *model.Credential) { o.Kind = model.PasswordChange })
			})
			var q plan.Queue
			for round := range 2 * (2*blocked/limit + 1) {
				came := q.Assign(v, plan.Look{Now: now, Alive: everybody, Limit: limit, Share: 100})
				grants := came.Grants
				switch {
				case len(grants) > 1 || len(grants) == 1 && grants[0].Operation != "last":
					t.Fatalf("round %d: %v", round, grants)
				case len(grants) == 1 && round > 2*blocked/limit:
					t.Fatalf("found only in round %d", round)
				case len(grants) == 1:
					return
				case !came.More:
					t.Fatalf("round %d found nothing and calls that all", round)
				}
			}
			t.Error("what waits behind a blocked host is never found")
		})
	}
}

// TestPromptFirst: what somebody asked for does not wait behind what fell due before it.
func TestPromptFirst(t *testing.T) {
	t.Parallel()
	v := view(t, func(tx *table.Tx) {
		member(tx, "n1", 2, nil)
		for i := range 500 {
			waits(tx, fmt.Sprintf("due-%03d", i), 1, func(o *model.Operation, _ *model.Credential) { o.Kind = model.PasswordChange })
		}
		waits(tx, "asked", now, func(o *model.Operation, _ *model.Credential) { o.Kind, o.Requester = model.PasswordChange, "ada" })
		waits(tx, "beat", now-1, func(o *model.Operation, _ *model.Credential) { o.Kind, o.State = model.Verify, model.OpUncertain })
	})
	grants := new(plan.Queue).Assign(v, plan.Look{Now: now, Alive: everybody, Limit: 10, Share: 100}).Grants
	if len(grants) != 2 || grants[0].Operation != "asked" || grants[1].Operation != "due-000" {
		t.Errorf("%v", grants)
	}
}
