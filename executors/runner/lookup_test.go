package runner_test

import (
	"strings"
	"testing"

	real "cofre/executors/executortest/target"
	"cofre/executors/ldap"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/device"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/template"
)

// TestDirectoryAccountIsFound: an account that a manager changes is known to a directory by a name that it cannot be bound by. A verification
// finds it by the manager's login; if that one is refused, it is the manager's failing login, and none of the account.
func TestDirectoryAccountIsFound(t *testing.T) {
	t.Parallel()
	d := real.OpenLDAP(t)
	uid, dn, password, err := d.CreateUser("jdoe")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		username, branch string
		manager, stored  string
		want             model.OperationState
		message          string
		own, door        int
	}{
		"found":                        {uid, real.PeopleDN, d.AdminPassword, password, model.OpSucceeded, "", 0, 0},
		"found, and its secret is old": {uid, real.PeopleDN, d.AdminPassword, "Old-pass-1x", model.OpOutOfSync, "no known secret logs in", 0, 0},
		"the manager's secret is old":  {uid, real.PeopleDN, "Old-pass-2x", password, model.OpUncertain, "look the user up: [#AUTH_USER#] cannot log in", 0, 1},
		"its name is known in full":    {dn, "", "Old-pass-3x", password, model.OpSucceeded, "", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			on := as(h, device.Put, device.PutArgs{Device: model.Device{Hostname: "localhost", IP: "127.0.0.1", CA: d.CA(), Connectivities: []model.Connectivity{{Protocol: "LDAP", Port: d.Port()}}}}).Device.ID
			secret := func(row, s string) *credential.NewSecret {
				return &credential.NewSecret{Row: row, Secret: model.Sealed{Term: 1, Box: []byte(s)}}
			}
			manager := put(h, credential.PutArgs{Identifier: "manager", Device: on, Username: new(d.AdminDN), Secret: secret("rm", c.manager)})
			by := &credential.ExecutionPatch{Executor: new(ldap.Name), Authentication: &manager}
			own := put(h, credential.PutArgs{Identifier: "jdoe", Device: on, Username: &c.username, Additional: &c.branch, Secret: secret("rj", c.stored), Execution: by})
			for _, e := range ldap.Catalogue() {
				if e.Name == "OpenLDAP password by uid" {
					must(h, template.Seed, template.SeedArgs{Templates: []template.PutArgs{{Name: e.Name, Executor: e.Executor, Kind: e.Kind, Content: e.Content}}})
				}
			}
			byUID := model.TemplateID("")
			for s := h.m.View(); byUID == ""; s.Close() {
				for x := range state.Templates.All(s, "") {
					if x.Executor == ldap.Name {
						byUID = x.ID
					}
				}
			}
			id := must(h, operation.Request, operation.RequestArgs{Credential: own, Kind: model.Verify, Trigger: "heartbeat"}).Operation
			token := must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"}).Token
			before := h.m.View()
			if m, _ := state.Credentials.Get(before, string(manager)); (m.ReservedLogins(token) == 1) != (c.branch != "") {
				t.Errorf("reserved at the manager, who may fail one login where the account is looked for: %v", m.Reserved)
			}
			before.Close()
			h.start(ldap.New())
			h.await(id, name, func(o *model.Operation) bool { return o.Lease == nil })
			if c.door == 0 && c.branch != "" { // a dry run logs in as the manager, who is in no branch of people
				run, err := command.Propose(t.Context(), h.Proposer, operation.Preflight, model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}, operation.PreflightArgs{Credential: own, Template: byUID, Version: 1})
				if err != nil {
					t.Fatal(err)
				}
				must(h, operation.Grant, operation.GrantArgs{Operation: run.Operation, Node: "n1"})
				h.await(run.Operation, "a dry run", func(o *model.Operation) bool { return o.Lease == nil })
				if o := h.operation(run.Operation); o.State != model.OpSucceeded {
					t.Errorf("a dry run: %s: %s", o.State, o.Message)
				}
			}
			v := h.m.View()
			defer v.Close()
			o := h.operation(id)
			if o.State != c.want || !strings.Contains(o.Message, c.message) {
				t.Errorf("%s: %s", o.State, o.Message)
			}
			a, _ := state.Credentials.Get(v, string(own))
			b, _ := state.Credentials.Get(v, string(manager))
			if c.want != model.OpOutOfSync && len(a.BadLogins) != c.own || len(b.BadLogins) != c.door || len(a.Reserved)+len(b.Reserved) != 0 {
				t.Errorf("failing logins: %d of its own, %d of the manager; want %d and %d", len(a.BadLogins), len(b.BadLogins), c.own, c.door)
			}
		})
	}
}
