package plan_test

import (
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/plan"
)

const now = model.Time(1_000_000)

// view opens a state with rows and shows it.
func view(t *testing.T, put func(tx *table.Tx)) *table.View {
	t.Helper()
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := h.Store().Begin()
	put(b.Tx(table.Stamp{}))
	b.Commit()
	v := h.View()
	t.Cleanup(func() {
		v.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func member(tx *table.Tx, id model.NodeID, slots int, change func(*model.Node)) {
	n := &model.Node{ID: id, State: model.NodeApproved, Announced: model.Announcement{Slots: slots, Executors: []model.ExecutorName{"ssh"}}}
	if change != nil {
		change(n)
	}
	state.Nodes.Put(tx, n)
}

var serial atomic.Uint64 // numbers are unique

// waits adds an operation on a credential of its own, waiting since a moment.
func waits(tx *table.Tx, id string, since model.Time, change func(*model.Operation, *model.Credential)) {
	c := &model.Credential{ID: model.CredentialID("c-" + id), Identifier: id, Username: id, Device: model.DeviceID("d-" + id)}
	o := &model.Operation{ID: model.OperationID(id), Target: model.TargetRef{Kind: model.TargetCredential, ID: string(c.ID)},
		Device: c.Device, Executor: "ssh", State: model.OpReady, NotBefore: since, DedupKey: id}
	c.Number, o.Number = serial.Add(1), serial.Add(1)
	if change != nil {
		change(o, c)
	}
	state.Operations.Put(tx, o)
	state.Credentials.Put(tx, c)
}

func everybody(model.NodeID) bool { return true }

func TestAssign(t *testing.T) {
	t.Parallel()
	lease := func(node model.NodeID, slot int) func(*model.Operation, *model.Credential) {
		return func(o *model.Operation, c *model.Credential) {
			o.State, o.Lease, c.Busy = model.OpRunning, &model.Lease{Node: node, Slot: slot, Token: 1}, o.ID
		}
	}
	cases := map[string]struct {
		put   func(tx *table.Tx)
		alive func(model.NodeID) bool
		limit int
		share int // 0: 100
		want  []plan.Grant
	}{
		"nobody to work": {put: func(tx *table.Tx) { waits(tx, "o1", now, nil) }},
		"the longest waiting first": {put: func(tx *table.Tx) {
			member(tx, "n1", 1, nil)
			waits(tx, "a", now-1, nil)
			waits(tx, "b", now-9, nil)
		}, want: []plan.Grant{{"b", "n1", 0}}},
		"not before its time": {put: func(tx *table.Tx) {
			member(tx, "n1", 2, nil)
			waits(tx, "later", now+1, nil)
			waits(tx, "now", now, nil)
		}, want: []plan.Grant{{"now", "n1", 0}}},
		"the node with most free slots, then the other": {put: func(tx *table.Tx) {
			member(tx, "n1", 1, nil)
			member(tx, "n2", 2, nil)
			waits(tx, "a", 1, nil)
			waits(tx, "b", 2, nil)
			waits(tx, "c", 3, nil)
			waits(tx, "d", 4, nil)
		}, want: []plan.Grant{{"a", "n2", 0}, {"b", "n1", 0}, {"c", "n2", 1}}},
		"a slot that is taken": {put: func(tx *table.Tx) {
			member(tx, "n1", 2, nil)
			waits(tx, "held", 1, lease("n1", 0))
			waits(tx, "a", 2, nil)
		}, want: []plan.Grant{{"a", "n1", 1}}},
		"sealed, joined, removed and dead nodes": {put: func(tx *table.Tx) {
			member(tx, "n1", 1, func(n *model.Node) { n.Announced.Sealed = true })
			member(tx, "n2", 1, func(n *model.Node) { n.State = model.NodeJoined })
			member(tx, "n3", 1, func(n *model.Node) { n.State = model.NodeRemoved })
			member(tx, "n4", 1, nil)
			waits(tx, "a", 1, nil)
		}, alive: func(id model.NodeID) bool { return id != "n4" }},
		"executor and site must fit": {put: func(tx *table.Tx) {
			member(tx, "n1", 5, func(n *model.Node) { n.Announced.Executors = []model.ExecutorName{"ldap"} })
			member(tx, "n2", 4, func(n *model.Node) { n.Announced.Sites = []string{"plant"} })
			member(tx, "n3", 1, nil)
			waits(tx, "a", 1, func(o *model.Operation, _ *model.Credential) { o.Site = "office" })
			waits(tx, "b", 2, func(o *model.Operation, _ *model.Credential) { o.Site = "plant" })
			waits(tx, "c", 3, func(o *model.Operation, _ *model.Credential) { o.Executor = "ldap" })
			waits(tx, "d", 4, func(o *model.Operation, _ *model.Credential) { o.Executor = "oracle" })
		}, want: []plan.Grant{{"a", "n3", 0}, {"b", "n2", 0}, {"c", "n1", 0}}},
		"one operation per credential": {put: func(tx *table.Tx) {
			member(tx, "n1", 5, nil)
			waits(tx, "a", 1, nil)
			waits(tx, "b", 2, func(o *model.Operation, c *model.Credential) { o.Target.ID, c.ID = "c-a", "unused" })
			waits(tx, "busy", 3, func(_ *model.Operation, c *model.Credential) { c.Busy = "another" })
			waits(tx, "own", 4, func(o *model.Operation, c *model.Credential) { o.State, c.Busy = model.OpUncertain, o.ID })
		}, want: []plan.Grant{{"a", "n1", 0}, {"own", "n1", 1}}},
		"lanes of a device": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			same := func(o *model.Operation, _ *model.Credential) { o.Device = "d" }
			waits(tx, "held", 1, func(o *model.Operation, c *model.Credential) { lease("n1", 0)(o, c); o.Device = "d" })
			for _, id := range []string{"a", "b", "c", "d"} {
				waits(tx, id, 2, same)
			}
		}, want: []plan.Grant{{"a", "n1", 1}, {"b", "n1", 2}, {"c", "n1", 3}}},
		"bounds of devices and executors": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Automations.Put(tx, &model.Automation{Settings: model.AutomationSettings{Lanes: 1, Executors: []model.ExecutorLimit{{Executor: "ssh", Limit: 2}}}})
			same := func(o *model.Operation, _ *model.Credential) { o.Device = "d" }
			waits(tx, "a", 1, same)
			waits(tx, "b", 2, same)
			waits(tx, "c", 3, nil)
			waits(tx, "d", 4, nil)
		}, want: []plan.Grant{{"a", "n1", 0}, {"c", "n1", 1}}},
		"a device with a bound of its own": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Automations.Put(tx, &model.Automation{Settings: model.AutomationSettings{Lanes: 2}})
			state.Devices.Put(tx, &model.Device{ID: "one", Number: 201, Hostname: "one", Lanes: 1})
			state.Devices.Put(tx, &model.Device{ID: "three", Number: 202, Hostname: "three", Lanes: 3})
			state.Devices.Put(tx, &model.Device{ID: "any", Number: 203, Hostname: "any"})
			for i, id := range []string{"a", "b", "c", "d"} {
				for _, d := range []model.DeviceID{"one", "three", "any"} {
					waits(tx, string(d)+" "+id, model.Time(i+1), func(o *model.Operation, _ *model.Credential) { o.Device = d })
				}
			}
		}, want: []plan.Grant{{"any a", "n1", 0}, {"one a", "n1", 1}, {"three a", "n1", 2}, {"any b", "n1", 3}, {"three b", "n1", 4}, {"three c", "n1", 5}}},
		"an SSH key takes a lane of each device that it opens": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Automations.Put(tx, &model.Automation{Settings: model.AutomationSettings{Lanes: 1}})
			for i, id := range []string{"web1", "web2", "db1"} {
				state.Devices.Put(tx, &model.Device{ID: model.DeviceID(id), Number: uint64(201 + i), Hostname: id, Enabled: true})
			}
			on := func(id string, at model.Time, d model.DeviceID, key *model.KeyPair) {
				waits(tx, id, at, func(o *model.Operation, c *model.Credential) { o.Device, c.Key = d, key })
			}
			on("lists", 1, "db1", &model.KeyPair{Devices: []model.DeviceID{"web1", "db1"}})
			on("listed", 2, "web1", nil)
			on("lists the same", 3, "elsewhere", &model.KeyPair{Devices: []model.DeviceID{"web1"}})
			on("fits", 4, "elsewhere", &model.KeyPair{Pattern: "*1"})
			on("beside", 5, "web2", nil)
		}, want: []plan.Grant{{"lists", "n1", 0}, {"beside", "n1", 1}}},
		"an SSH key takes a lane of each device that fits its pattern": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Automations.Put(tx, &model.Automation{Settings: model.AutomationSettings{Lanes: 2}})
			for i, id := range []string{"web1", "web2", "db1", "vault"} {
				state.Devices.Put(tx, &model.Device{ID: model.DeviceID(id), Number: uint64(201 + i), Hostname: id, Enabled: true})
			}
			on := func(id string, at model.Time, d model.DeviceID, key *model.KeyPair) {
				waits(tx, id, at, func(o *model.Operation, c *model.Credential) { o.Device, c.Key = d, key })
			}
			on("held", 1, "vault", &model.KeyPair{Pattern: "web*", Devices: []model.DeviceID{"web2"}})
			on("fits 1", 3, "web1", nil)
			on("fits 2", 4, "web1", nil)
			on("fits and is listed", 5, "web2", nil)
			on("meets none", 6, "elsewhere", &model.KeyPair{Pattern: "db?"})
			on("last", 7, "db1", nil)
			on("one too many", 8, "db1", nil)
			on("meets it", 9, "elsewhere", &model.KeyPair{Pattern: "*2"})
			on("beside", 10, "vault", nil)
		}, want: []plan.Grant{{"held", "n1", 0}, {"fits 1", "n1", 1}, {"fits and is listed", "n1", 2}, {"meets none", "n1", 3}, {"last", "n1", 4}, {"beside", "n1", 5}}},
		"an SSH key that waits for one of its devices keeps a lane of the others": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Automations.Put(tx, &model.Automation{Settings: model.AutomationSettings{Lanes: 1}})
			state.Devices.Put(tx, &model.Device{ID: "two", Number: 200, Hostname: "two", Lanes: 2})
			for i, id := range []string{"web1", "web2", "web3", "db1", "db2"} {
				state.Devices.Put(tx, &model.Device{ID: model.DeviceID(id), Number: uint64(201 + i), Hostname: id, Enabled: true})
			}
			on := func(id string, at model.Time, d model.DeviceID, key *model.KeyPair) {
				waits(tx, id, at, func(o *model.Operation, c *model.Credential) { o.Device, c.Key = d, key })
			}
			waits(tx, "held", 1, func(o *model.Operation, c *model.Credential) { lease("n1", 0)(o, c); o.Device = "web1" })
			on("lists", 2, "elsewhere", &model.KeyPair{Devices: []model.DeviceID{"web1", "db1"}})
			on("younger", 3, "db1", nil)
			on("fits", 4, "nowhere", &model.KeyPair{Pattern: "web*"})
			on("younger too", 5, "web2", nil)
			on("beside", 6, "db2", nil)
			waits(tx, "asked", 1, func(o *model.Operation, c *model.Credential) { // it is looked at twice: as what somebody waits for, too
				o.Kind, o.Requester, o.Device, c.Key = model.PasswordChange, "ada", "two", &model.KeyPair{Devices: []model.DeviceID{"web1"}}
			})
			waits(tx, "one lane of two", 7, func(o *model.Operation, _ *model.Credential) { o.Kind, o.Device = model.PasswordChange, "two" })
			waits(tx, "cannot start", 7, func(o *model.Operation, c *model.Credential) {
				o.Device, o.Executor, c.Key = "anywhere", "oracle", &model.KeyPair{Devices: []model.DeviceID{"db2", "vault"}}
			})
			on("not held back by that", 8, "vault", nil)
		}, want: []plan.Grant{{"beside", "n1", 1}, {"not held back by that", "n1", 2}, {"one lane of two", "n1", 3}}},
		"a jump host with a bound of its own counts what passes through it": {put: func(tx *table.Tx) {
			member(tx, "n1", 20, nil)
			state.Automations.Put(tx, &model.Automation{Settings: model.AutomationSettings{Lanes: 1}})
			for i, d := range []model.Device{{ID: "outer", Lanes: 3}, {ID: "inner", Via: "outer", Lanes: 2}, {ID: "open"}, {ID: "deep1", Via: "inner"}, {ID: "deep2", Via: "inner"}, {ID: "deep3", Via: "inner"},
				{ID: "flat1", Via: "outer"}, {ID: "flat2", Via: "outer"}, {ID: "any1", Via: "open"}, {ID: "any2", Via: "open"}} {
				d.Number, d.Hostname, d.Enabled = uint64(201+i), string(d.ID), true
				state.Devices.Put(tx, &d)
			}
			for i, d := range []model.DeviceID{"deep1", "deep2", "deep3", "inner", "flat1", "flat2", "outer", "any1", "any2", "open"} {
				waits(tx, string(d), model.Time(i+1), func(o *model.Operation, _ *model.Credential) { o.Device = d })
			}
			waits(tx, "key", 99, func(o *model.Operation, c *model.Credential) {
				o.Device, c.Key = "elsewhere", &model.KeyPair{Devices: []model.DeviceID{"deep3"}}
			})
		}, want: []plan.Grant{{"deep1", "n1", 0}, {"deep2", "n1", 1}, {"flat1", "n1", 2}, {"any1", "n1", 3}, {"any2", "n1", 4}, {"open", "n1", 5}}},
		"an SSH key counts at the jump hosts that lead to hosts which fit its pattern": {put: func(tx *table.Tx) {
			member(tx, "n1", 20, nil)
			for i, d := range []model.Device{{ID: "outer", Lanes: 1}, {ID: "inner", Via: "outer"}, {ID: "web1", Via: "inner"}, {ID: "flat", Via: "outer"}, {ID: "other", Lanes: 1},
				{ID: "db1", Via: "other"}, {ID: "idle", Lanes: 1}, {ID: "unlimited"}, {ID: "web2", Via: "unlimited"}, {ID: "app1", Via: "unlimited"}} {
				d.Number, d.Hostname, d.Enabled = uint64(201+i), string(d.ID), true
				state.Devices.Put(tx, &d)
			}
			state.Devices.Put(tx, &model.Device{ID: "web3", Number: 301, Hostname: "web3", Via: "idle"}) // not active
			state.Devices.Put(tx, &model.Device{ID: "app2", Number: 302, Hostname: "app2", Via: "idle", Enabled: true})
			on := func(id string, at model.Time, d model.DeviceID, pattern string) {
				waits(tx, id, at, func(o *model.Operation, c *model.Credential) {
					if o.Device = d; pattern != "" {
						c.Key = &model.KeyPair{Pattern: pattern}
					}
				})
			}
			on("webs", 1, "elsewhere", "web?")
			on("through the same", 2, "flat", "")
			on("not through it", 3, "app2", "")
			on("no limit", 4, "app1", "")
			on("passes", 5, "db1", "")
			on("dbs", 6, "nowhere", "db*")
		}, want: []plan.Grant{{"webs", "n1", 0}, {"not through it", "n1", 1}, {"no limit", "n1", 2}, {"passes", "n1", 3}}},
		"an SSH key that opens its jump host too takes one lane there": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Devices.Put(tx, &model.Device{ID: "bastion", Number: 201, Hostname: "bastion", Enabled: true, Lanes: 2})
			state.Devices.Put(tx, &model.Device{ID: "behind", Number: 202, Hostname: "behind", Enabled: true, Via: "bastion"})
			key := func(o *model.Operation, c *model.Credential) {
				o.Device, c.Key = "behind", &model.KeyPair{Devices: []model.DeviceID{"bastion"}}
			}
			waits(tx, "a", 1, key)
			waits(tx, "b", 2, key)
			waits(tx, "c", 3, key)
		}, want: []plan.Grant{{"a", "n1", 0}, {"b", "n1", 1}}},
		"in a freeze what nobody asked for waits": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Automations.Put(tx, &model.Automation{Settings: model.DefaultAutomation(), Freezes: []model.Freeze{{From: now, Until: now + 1}}})
			change := func(o *model.Operation, _ *model.Credential) { o.Kind = model.PasswordChange }
			waits(tx, "a", 1, change)
			waits(tx, "asked", 2, func(o *model.Operation, c *model.Credential) { change(o, c); o.Requester = "x" })
			waits(tx, "settles", 3, func(o *model.Operation, c *model.Credential) { change(o, c); o.State = model.OpUncertain })
			waits(tx, "hurried", 4, func(o *model.Operation, c *model.Credential) { change(o, c); o.Immediate = true })
		}, want: []plan.Grant{{"asked", "n1", 0}, {"settles", "n1", 1}, {"hurried", "n1", 2}}},
		"what waited when the cluster was restored waits, whoever asked for it": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Automations.Put(tx, &model.Automation{Settings: model.DefaultAutomation(), Stopped: 100, Restored: 100})
			asked := func(at model.Time) func(*model.Operation, *model.Credential) {
				return func(o *model.Operation, _ *model.Credential) {
					o.Kind, o.Requester, o.CreatedAt = model.PasswordChange, "x", at
				}
			}
			waits(tx, "asked", 1, asked(100))
			waits(tx, "settles", 2, func(o *model.Operation, c *model.Credential) { asked(99)(o, c); o.State = model.OpUncertain })
			waits(tx, "hurried since", 3, func(o *model.Operation, c *model.Credential) { asked(99)(o, c); o.Immediate = true })
			waits(tx, "asked since", 4, asked(101))
		}, want: []plan.Grant{{"hurried since", "n1", 0}, {"asked since", "n1", 1}}},
		"outside of the execution hours what nobody asked for waits": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			a := &model.Automation{Settings: model.DefaultAutomation()}
			a.Settings.Window.Hours = []model.HourSpan{{From: 20, To: 24}}
			state.Automations.Put(tx, a)
			change := func(o *model.Operation, _ *model.Credential) { o.Kind = model.PasswordChange }
			waits(tx, "a", 1, change)
			waits(tx, "asked", 2, func(o *model.Operation, c *model.Credential) { change(o, c); o.Requester = "x" })
			waits(tx, "heartbeat", 3, func(o *model.Operation, _ *model.Credential) { o.Kind, o.State = model.Verify, model.OpUncertain })
			waits(tx, "settles", 4, func(o *model.Operation, c *model.Credential) { change(o, c); o.State = model.OpUncertain })
			waits(tx, "child", 5, func(o *model.Operation, _ *model.Credential) { o.Kind = model.ChildPasswordChange })
		}, want: []plan.Grant{{"asked", "n1", 0}, {"settles", "n1", 1}, {"child", "n1", 2}}},
		"the budget of logins, for which a reconciliation does not wait": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			spent := func(o *model.Operation, c *model.Credential) { c.BadLogins = []model.Time{now, now, now, now} }
			waits(tx, "a", 1, spent)
			waits(tx, "b", 2, func(o *model.Operation, c *model.Credential) {
				spent(o, c)
				o.Reconcile, c.Execution.Reconcile.Authentication = true, "manager"
			})
		}, want: []plan.Grant{{"b", "n1", 0}}},
		"the budget of who logs in at a jump host, each at work counted": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Devices.Put(tx, &model.Device{ID: "bastion", Number: 101, Hostname: "bastion"})
			state.Credentials.Put(tx, &model.Credential{ID: "jumper", Identifier: "jumper", Number: 999, Device: "bastion", BadLogins: []model.Time{now, now}})
			for i, id := range []string{"a", "b", "c", "d"} { // four may fail, two did
				waits(tx, id, model.Time(i+1), nil)
				state.Devices.Put(tx, &model.Device{ID: model.DeviceID("d-" + id), Number: uint64(102 + i), Hostname: id, Via: "bastion", ViaLogin: "jumper"})
			}
			waits(tx, "beside", 9, nil)
		}, want: []plan.Grant{{"a", "n1", 0}, {"b", "n1", 1}, {"beside", "n1", 2}}},
		"the budget of who logs in on the way to a further device of an SSH key": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			state.Devices.Put(tx, &model.Device{ID: "bastion", Number: 101, Hostname: "bastion"})
			state.Credentials.Put(tx, &model.Credential{ID: "jumper", Identifier: "jumper", Number: 999, Device: "bastion", BadLogins: []model.Time{now, now, now}})
			behind := model.Device{ID: "behind", Number: 102, Hostname: "behind", Via: "bastion", ViaLogin: "jumper", Enabled: true}
			off := model.Device{ID: "off", Number: 103, Hostname: "off", Via: "bastion", ViaLogin: "jumper"} // where the key goes nowhere
			state.Devices.Put(tx, &behind)
			state.Devices.Put(tx, &off)
			opens := func(d model.DeviceID) func(*model.Operation, *model.Credential) {
				return func(_ *model.Operation, c *model.Credential) { c.Key = &model.KeyPair{Devices: []model.DeviceID{d}} }
			}
			waits(tx, "a", 1, opens("behind")) // four may fail, three did
			waits(tx, "b", 2, opens("behind"))
			waits(tx, "c", 3, opens("off"))
		}, want: []plan.Grant{{"a", "n1", 0}, {"c", "n1", 1}}},
		"a limit on what is looked at": {put: func(tx *table.Tx) {
			member(tx, "n1", 9, nil)
			waits(tx, "a", 1, nil)
			waits(tx, "b", 2, nil)
		}, limit: 1, want: []plan.Grant{{"a", "n1", 0}}},
		"half of the slots for what is automatic, the rest for what people asked for": {put: func(tx *table.Tx) {
			member(tx, "n1", 4, nil)
			for i, id := range []string{"held", "a", "b", "asked"} {
				waits(tx, id, model.Time(i+1), func(o *model.Operation, c *model.Credential) {
					o.Kind = model.PasswordChange
					switch id {
					case "held":
						lease("n1", 0)(o, c)
					case "asked":
						o.Requester = "ada"
					}
				})
			}
		}, share: 50, want: []plan.Grant{{"asked", "n1", 1}, {"a", "n1", 2}}},
		"one slot in any case": {put: func(tx *table.Tx) {
			member(tx, "n1", 2, nil)
			waits(tx, "a", 1, func(o *model.Operation, _ *model.Credential) { o.Kind = model.PasswordChange })
		}, share: 25, want: []plan.Grant{{"a", "n1", 0}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.alive == nil {
				c.alive = everybody
			}
			if c.limit == 0 {
				c.limit = 100
			}
			if c.share == 0 {
				c.share = 100
			}
			got := new(plan.Queue).Assign(view(t, c.put), plan.Look{Now: now, Alive: c.alive, Limit: c.limit, Share: c.share}).Grants
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestNextWake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		put  func(tx *table.Tx)
		want model.Time
	}{
		"nothing":    {func(*table.Tx) {}, 0},
		"past":       {func(tx *table.Tx) { waits(tx, "a", now, nil) }, 0},
		"operation":  {func(tx *table.Tx) { waits(tx, "a", now+9, nil); waits(tx, "b", now+5, nil) }, now + 5},
		"credential": {func(tx *table.Tx) { waits(tx, "a", now+9, dueAt(now+4)) }, now + 4},
		"custody": {func(tx *table.Tx) {
			waits(tx, "a", now+9, dueAt(now+4))
			state.Custodies.Put(tx, &model.Custody{ID: "x", Credential: "c-a", Until: now + 3})
		}, now + 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := plan.NextWake(view(t, c.put), now, 1<<62); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

func dueAt(at model.Time) func(*model.Operation, *model.Credential) {
	return func(_ *model.Operation, c *model.Credential) {
		c.Enabled, c.RotateAt, c.Execution.Executor = true, at, "ssh"
	}
}
