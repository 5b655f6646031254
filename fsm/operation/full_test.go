package operation_test

import (
	"fmt"
	"testing"
	"time"

	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TestFull: a credential that can hold no more versions is refused to a client, but a trigger gets an operation that ends
// with the alarm when its turn comes, and the trigger then rests for a day instead of asking again at once.
func TestFull(t *testing.T) {
	t.Parallel()
	b := begun(t)
	now := model.Time(1_000_000_000)
	c := &model.Credential{ID: "c", Identifier: "c", Username: "c", Device: "d", Enabled: true, RotateAt: now, ChangedAt: 1, Policy: "p",
		Execution: model.Execution{Automatic: true, Started: true, Executor: "ssh", ChangeTemplate: "t"}}
	for i := range model.MaxVersions {
		c.AddVersion(fmt.Sprint(i), model.Sealed{Term: 1, Box: []byte{1}}, model.RoleCandidate, "", 1)
	}
	tx := b.Tx(table.Stamp{})
	state.Credentials.Put(tx, c)
	state.Devices.Put(tx, &model.Device{ID: "d", Hostname: "d"})
	state.Nodes.Put(tx, &model.Node{ID: "n1", State: model.NodeApproved, Announced: model.Announcement{Slots: 1}})
	p := model.DefaultPolicy()
	p.ID, p.MaxAge = "p", time.Minute.Milliseconds()
	state.Policies.Put(tx, &p)
	state.Applications.Put(tx, &model.Application{ID: "a", Enabled: true})
	state.Authorizations.Put(tx, &model.Authorization{ID: "admin", Application: "a", Modules: model.Modules, Write: true, Rights: model.Rights,
		Filter: model.Filter{All: true}, Enabled: true, Epoch: 1})

	args := codec.MustEncode(operation.RequestArgs{Credential: "c", Kind: model.PasswordChange, Trigger: "expiry"})
	person := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1, Source: "127.0.0.1"}
	if _, err := operation.Request.Apply(tx, command.Meta{ID: command.ID{1}, Pos: 1, At: now, Actor: person}, args); !model.Is(err, model.Conflict) {
		t.Errorf("a client's request: %v, want a conflict", err)
	}
	system := model.Actor{Kind: model.ActorSystem}
	body, err := operation.Request.Apply(tx, command.Meta{ID: command.ID{2}, Pos: 2, At: now, Actor: system}, args)
	if err != nil {
		t.Fatalf("the trigger's request: %v", err)
	}
	var r operation.RequestResult
	if err := codec.Decode(body, &r); err != nil {
		t.Fatal(err)
	}
	if _, err := operation.Grant.Apply(tx, command.Meta{ID: command.ID{3}, Pos: 3, At: now, Actor: system},
		codec.MustEncode(operation.GrantArgs{Operation: r.Operation, Node: "n1"})); err != nil {
		t.Fatalf("grant: %v", err)
	}
	o, _ := state.Operations.Get(tx, string(r.Operation))
	after, _ := state.Credentials.Get(tx, "c")
	if o.State != model.OpDead || after.Busy != "" || after.RotateAt != now.Add(24*time.Hour) {
		t.Errorf("the operation is %s, the credential busy with %q and due at %s", o.State, after.Busy, after.RotateAt)
	}
	alarms := 0
	for range table.Audit.By(tx, "kind", "credential.full") {
		alarms++
	}
	if alarms != 1 {
		t.Errorf("%d alarms, want 1", alarms)
	}
}
