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

// TestDebtIsRelieved: users in debt stop new ones on their device only. When a removal comes through, those that did not reach
// the device are due at once, a bounded number of them; what the target refused, what has a time of its own, and what
// waits for another device is left alone.
func TestDebtIsRelieved(t *testing.T) {
	t.Parallel()
	b := begun(t)
	now := model.Time(1_000_000_000)
	hour := now.Add(time.Hour)
	tx := b.Tx(table.Stamp{})
	state.System.Put(tx, &model.System{Leases: model.Leases{TTL: 60_000, Grace: 30_000}})
	for _, d := range []model.DeviceID{"d", "e"} {
		state.Devices.Put(tx, &model.Device{ID: d, Hostname: string(d), Enabled: true})
		state.Credentials.Put(tx, &model.Credential{ID: model.CredentialID("root-" + d), Identifier: "root-" + string(d), Username: "root", Device: d, Enabled: true})
		state.Profiles.Put(tx, &model.DynamicProfile{ID: model.ProfileID("p-" + d), Identifier: "p" + string(d), Enabled: true, Executor: "ssh", Authentication: model.CredentialID("root-" + d), TTL: 120_000})
	}
	n := uint64(0)
	put := func(id string, on model.DeviceID, failures int, class string, change func(*model.DynamicUser, *model.Operation)) {
		n++
		u := &model.DynamicUser{ID: model.DynamicUserID(id), Number: n, Profile: model.ProfileID("p-" + on), Device: on, Username: id, Row: id, Secret: model.Sealed{Term: 1, Box: []byte{1}},
			State: model.DynamicRemoving, Unwanted: "ttl", Failures: failures, CreatedAt: 1}
		o := &model.Operation{ID: model.OperationID("op-" + id), Number: n, Kind: model.Deprovision, Target: model.TargetRef{Kind: model.TargetDynamicUser, ID: id}, Device: on, Executor: "ssh", State: model.OpUncertain,
			NotBefore: hour, DedupKey: "deprovision/" + id, History: []model.Transition{{At: 1, Event: "uncertain", Note: class}}}
		if change != nil {
			change(u, o)
		}
		state.PutDynamicUser(tx, u)
		state.Operations.Put(tx, o)
	}
	due := func(id string) model.Time {
		o, ok := state.Operations.Get(tx, "op-"+id)
		if !ok {
			t.Fatal(id)
		}
		return o.NotBefore
	}
	put("a1", "d", 6, "network", nil)
	put("a2", "d", 9, "timeout", nil)
	put("a3", "d", 6, "policy", nil) // the target has refused it
	put("a4", "d", 6, "network", func(u *model.DynamicUser, _ *model.Operation) { u.ClearAt = now + 7000 })
	put("a5", "d", 6, "network", func(u *model.DynamicUser, _ *model.Operation) { u.GoneAt = now - 1000 })
	put("a6", "e", 6, "network", nil)
	put("a7", "d", 2, "network", nil) // comes soon by itself

	issue := func(on model.DeviceID) error {
		_, _, err := operation.Issue(tx, command.Meta{ID: command.ID{9}, At: now}, 0, int(n), operation.IssueSpec{Profile: model.ProfileID("p-" + on), Device: on, Owner: &model.Authorization{ID: "o", Application: "a"}, Trigger: "request"})
		n++
		return err
	}
	if err := issue("d"); err != nil {
		t.Errorf("five in debt: %v", err)
	}
	put("b", "d", 6, "network", func(_ *model.DynamicUser, o *model.Operation) {
		o.State, o.Lease = model.OpSettling, &model.Lease{Node: "n1", Token: 7, Until: now.Add(time.Minute)}
	})
	if err := issue("d"); !model.Is(err, model.Unavailable) {
		t.Errorf("six in debt: %v", err)
	}
	if err := issue("e"); err != nil {
		t.Errorf("another device: %v", err)
	}
	for range model.DebtBreaks {
		put(fmt.Sprint("z", n), "z", 6, "policy", nil)
	}
	if shut := state.ShutDevices(tx); shut != 2 {
		t.Errorf("%d devices are shut", shut)
	}
	for i := range 100 {
		put(fmt.Sprintf("c%02d", i), "d", 7, "network", nil)
	}

	args := codec.MustEncode(operation.FinishArgs{Operation: "op-b", Token: 7, Outcome: model.OutcomeApplied})
	if _, err := operation.Finish.Apply(tx, command.Meta{ID: command.ID{2}, Pos: 2, At: now, Node: "n1", Actor: model.Actor{Kind: model.ActorSystem}}, args); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]model.Time{"a1": now, "a2": now, "a3": hour, "a4": now + 7000, "a5": now.Add(model.GoneApart) - 1000, "a6": hour, "a7": hour, "c00": now} {
		if at := due(id); at != want {
			t.Errorf("%s is due in %s, want %s", id, time.Duration(at-now)*time.Millisecond, time.Duration(want-now)*time.Millisecond)
		}
	}
	pulled := 0
	for i := range 100 {
		if due(fmt.Sprintf("c%02d", i)) == now {
			pulled++
		}
	}
	if pulled < 50 || pulled > 64 {
		t.Errorf("%d of a hundred are due at once", pulled)
	}
}
