package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
)

// TestBudgets: what waits for the failing logins of an account, and what for the share of slots that work nobody waits for may have.
func TestBudgets(t *testing.T) {
	t.Parallel()
	failed := func(n int) []model.Time { return []model.Time{now, now, now, now}[:n] } // of the four that may fail
	manager := func(tx *table.Tx, bad int) {
		state.Credentials.Put(tx, &model.Credential{ID: "manager", Identifier: "manager", Number: 999, Device: "d-manager", Enabled: true, BadLogins: failed(bad)})
	}
	by := func(o *model.Operation, c *model.Credential) { c.Execution.Authentication = "manager" }
	for name, c := range map[string]struct {
		put   func(tx *table.Tx)
		share int
		want  []model.OperationID
	}{
		"one manager for several, each grant of the round counted": {func(tx *table.Tx) {
			manager(tx, 2)
			for i, id := range []string{"a", "b", "c"} {
				waits(tx, id, model.Time(i+1), by)
			}
			waits(tx, "beside", 9, nil)
		}, 100, []model.OperationID{"a", "b", "beside"}},
		"who settles logs in as the account, for which the manager's failures are no reason to wait": {func(tx *table.Tx) {
			manager(tx, 4)
			waits(tx, "anew", 1, by)
			waits(tx, "in doubt", 2, func(o *model.Operation, c *model.Credential) { o.State = model.OpUncertain; by(o, c) })
		}, 100, []model.OperationID{"in doubt"}},
		"but for a directory, where the manager finds the account first": {func(tx *table.Tx) {
			manager(tx, 2)
			directory := func(branch string) func(*model.Operation, *model.Credential) {
				return func(o *model.Operation, c *model.Credential) {
					o.State, o.Executor, c.Additional = model.OpUncertain, "ldap", branch
					by(o, c)
				}
			}
			state.Profiles.Put(tx, &model.DynamicProfile{ID: "p", Authentication: "manager", Additional: "ou=people"})
			state.DynamicUsers.Put(tx, &model.DynamicUser{ID: "u", Profile: "p"})
			waits(tx, "a", 1, directory("ou=people"))
			waits(tx, "dynamic", 2, func(o *model.Operation, _ *model.Credential) {
				o.State, o.Executor, o.Kind, o.Target = model.OpUncertain, "ldap", model.Provision, model.TargetRef{Kind: model.TargetDynamicUser, ID: "u"}
			})
			waits(tx, "b", 3, directory("ou=people"))
			waits(tx, "named in full", 4, directory(""))
		}, 100, []model.OperationID{"a", "dynamic", "named in full"}},
		"the last login of its own": {func(tx *table.Tx) {
			waits(tx, "a", 1, func(_ *model.Operation, c *model.Credential) { c.BadLogins = failed(3) })
		}, 100, []model.OperationID{"a"}},
		"a reconciliation in doubt tries logins as the account": {func(tx *table.Tx) {
			manager(tx, 0)
			again := func(s model.OperationState) func(*model.Operation, *model.Credential) {
				return func(o *model.Operation, c *model.Credential) {
					o.Reconcile, o.State, c.BadLogins, c.Execution.Reconcile.Authentication = true, s, failed(4), "manager"
				}
			}
			waits(tx, "anew", 1, again(model.OpReady))
			waits(tx, "in doubt", 2, again(model.OpUncertain))
		}, 100, []model.OperationID{"anew"}},
		"an account that is closed is not logged in as": {func(tx *table.Tx) {
			manager(tx, 0)
			for i, kind := range []model.OperationKind{model.PasswordChange, model.CredentialInactivation, model.CredentialActivation} {
				waits(tx, string(kind), model.Time(i+1), func(o *model.Operation, c *model.Credential) {
					o.Kind, o.Requester, c.BadLogins = kind, "ada", failed(4)
					c.JIT, c.Execution.Authentication = &model.JIT{Authentication: "manager"}, "manager"
				})
			}
		}, 100, []model.OperationID{model.OperationID(model.CredentialInactivation)}},
		"what somebody waits for, and what is in doubt, when the share is used up": {func(tx *table.Tx) {
			change := func(change func(*model.Operation, *model.Credential)) func(*model.Operation, *model.Credential) {
				return func(o *model.Operation, c *model.Credential) { o.Kind = model.PasswordChange; change(o, c) }
			}
			waits(tx, "held", 1, change(func(o *model.Operation, c *model.Credential) {
				o.State, o.Lease, c.Busy = model.OpRunning, &model.Lease{Node: "n1", Token: 1}, o.ID
			}))
			waits(tx, "due", 2, change(func(*model.Operation, *model.Credential) {}))
			waits(tx, "asked", 3, change(func(o *model.Operation, _ *model.Credential) { o.Requester = "ada" }))
			waits(tx, "in doubt", 4, change(func(o *model.Operation, _ *model.Credential) { o.State = model.OpUncertain }))
		}, 10, []model.OperationID{"asked", "in doubt"}},
		"a target that is gone": {func(tx *table.Tx) {
			waits(tx, "a", 1, func(o *model.Operation, c *model.Credential) { o.Target.ID = "c-nowhere" })
		}, 100, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := view(t, func(tx *table.Tx) {
				member(tx, "n1", 9, func(n *model.Node) { n.Announced.Executors = []model.ExecutorName{"ssh", "ldap"} })
				c.put(tx)
			})
			var got []model.OperationID
			for _, g := range new(plan.Queue).Assign(v, plan.Look{Now: now, Alive: everybody, Limit: 100, Share: c.share}).Grants {
				got = append(got, g.Operation)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
