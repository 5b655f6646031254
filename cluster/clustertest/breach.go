package clustertest

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Breaches lists what is wrong in one reading of a state: live leases that meet, a trail with holes, an operation that
// ended twice, and a hash that is not that of the rows.
func Breaches(v *table.View) (bad []string) {
	targets, slots := map[string]bool{}, map[string]bool{}
	for o := range state.Operations.Range(v, "lease", "", "\xff") {
		slot := fmt.Sprintf("%s/%d", o.Lease.Node, o.Lease.Slot)
		if targets[o.Target.ID] || slots[slot] {
			bad = append(bad, fmt.Sprintf("two live leases on target %s or slot %s", o.Target.ID, slot))
		}
		targets[o.Target.ID], slots[slot] = true, true
	}
	var head audit.Head
	ended := map[string]bool{}
	for e := range table.Audit.All(v, "") {
		want := *e
		head.Append(&want)
		if e.Seq != want.Seq || string(e.Hash) != string(want.Hash) {
			return append(bad, fmt.Sprintf("the audit chain breaks at event %d", e.Seq))
		}
		if e.Kind != audit.OperationFinished.Kind {
			continue
		}
		if id := e.Field("operation"); ended[id] {
			bad = append(bad, "a result was applied twice: operation "+id)
		} else {
			ended[id] = true
		}
	}
	if v.StateHash() != v.Scrub() {
		bad = append(bad, "the rows do not have the hash that was kept")
	}
	return bad
}

// Differ lists the replicas whose state is not that of the first.
func Differ(views ...*table.View) (bad []string) {
	for i, v := range views {
		if v.StateHash() != views[0].StateHash() {
			bad = append(bad, fmt.Sprintf("replica %d has another state than the first", i))
		}
	}
	return bad
}

// Lost lists the accounts whose password in force is none of the versions in the vault.
func Lost(v *table.View, inForce map[string]string) (bad []string) {
	for name, password := range inForce {
		c, ok := state.Credentials.First(v, "identifier", name)
		if !ok || !holds(c, password) {
			bad = append(bad, "the password in force is lost: "+name)
		}
	}
	return bad
}

func holds(c *model.Credential, password string) bool {
	for _, s := range c.Versions {
		if string(s.Secret.Box) == password {
			return true
		}
	}
	return false
}
