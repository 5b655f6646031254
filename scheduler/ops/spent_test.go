package ops

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TestSpent: whose bad logins keep operations waiting is told, for each that logs in.
func TestSpent(t *testing.T) {
	t.Parallel()
	const now = model.Time(1_000_000)
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := h.Store().Begin()
	tx := b.Tx(table.Stamp{})
	state.Policies.Put(tx, &model.Policy{ID: "p", Name: "p", Enabled: true, BadLogins: 2, BadLoginWindow: 60_000})
	n := uint64(0)
	put := func(id model.CredentialID, device model.DeviceID, change func(*model.Credential)) {
		n++
		c := &model.Credential{ID: id, Number: n, Identifier: string(id), Username: string(id), Device: device, Policy: "p", Enabled: true}
		if change != nil {
			change(c)
		}
		state.Credentials.Put(tx, c)
	}
	state.Devices.Put(tx, &model.Device{ID: "d", Number: 1, Hostname: "web1", Via: "b", ViaLogin: "jumper"})
	state.Devices.Put(tx, &model.Device{ID: "b", Number: 2, Hostname: "bastion"})
	twice := func(c *model.Credential) { c.BadLogins = []model.Time{now - 10_000, now - 5_000} }
	put("free", "d", func(c *model.Credential) { c.BadLogins = []model.Time{now - 70_000, now} })
	put("own", "d", twice)
	put("manager", "d", func(c *model.Credential) { c.Reserved = []model.LoginReserve{{Token: 1, N: 2}} })
	put("managed", "d", func(c *model.Credential) { c.Execution.Authentication = "manager" })
	put("jumper", "b", nil)
	b.Commit()
	look := func(want map[model.CredentialID][]string) {
		t.Helper()
		v := h.View()
		defer v.Close()
		for id, reasons := range want {
			c, _ := state.Credentials.Get(v, string(id))
			if d := cmp.Diff(reasons, spent(v, now, c)); d != "" {
				t.Errorf("%s: -want +got\n%s", id, d)
			}
		}
	}
	own := "no login of the account may fail any more until " + (now + 50_000).String() + ": the target might lock it"
	look(map[model.CredentialID][]string{"free": nil, "own": {own}, "managed": {"no further login of the account that logs in for it may fail while those at work may"}, "jumper": nil})
	b = h.Store().Begin()
	tx = b.Tx(table.Stamp{})
	n = 4
	put("jumper", "b", twice)
	state.Devices.Put(tx, &model.Device{ID: "beside", Number: 3, Hostname: "web2"})
	state.Devices.Put(tx, &model.Device{ID: "d", Number: 1, Hostname: "web1", Via: "b", ViaLogin: "jumper", Enabled: true})
	put("key", "beside", func(c *model.Credential) { c.Key = &model.KeyPair{Devices: []model.DeviceID{"d"}} })
	b.Commit()
	way := "no login of the account at bastion, on the way, may fail any more until " + (now + 50_000).String() + ": the target might lock it"
	look(map[model.CredentialID][]string{"free": {way}, "own": {own, way}, "key": {way}})
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// TestWhyACustodyCounts: a custody that ran out decides the next change, as long as nothing changed since and the policy asks for it.
func TestWhyACustodyCounts(t *testing.T) {
	t.Parallel()
	const lapse = "a custody ran out, and nobody had given it back"
	for _, c := range []struct {
		timeout bool
		changed model.Time
		due     model.Time
		why     string
	}{{true, 0, 50, lapse}, {true, 60, 0, "the policy has no period"}, {false, 0, 0, "the policy has no period"}} {
		p := &model.Policy{Enabled: true, ChangeOnTimeout: c.timeout}
		row := &model.Credential{Enabled: true, LapsedAt: 50, ChangedAt: c.changed, Execution: model.Execution{Executor: "ssh", ChangeTemplate: "t", Automatic: true, Started: true}}
		if due, got := p.NextRotation(row), why(p, row); due != c.due || got != c.why {
			t.Errorf("%+v: due %d, %q", c, due, got)
		}
	}
}

// TestWhyAReadOrASessionCounts: the earliest of the rules is the one that is told.
func TestWhyAReadOrASessionCounts(t *testing.T) {
	t.Parallel()
	p := &model.Policy{Enabled: true, MaxAge: 100, ViewExpiry: 10, SessionExpiry: 20}
	for _, c := range []struct {
		viewed, used, due model.Time
		why               string
	}{
		{0, 0, 101, "the period of its policy ends"}, {50, 0, 60, "the time after its last read ends"}, {0, 50, 70, "the time after its last session ends"},
		{50, 30, 50, "the time after its last session ends"}, {95, 0, 101, "the period of its policy ends"},
	} {
		row := &model.Credential{Enabled: true, CreatedAt: 1, ViewedAt: c.viewed, UsedAt: c.used, Execution: model.Execution{Executor: "ssh", ChangeTemplate: "t", Automatic: true, Started: true}}
		if due, got := p.NextRotation(row), why(p, row); due != c.due || got != c.why {
			t.Errorf("%+v: due %d, %q", c, due, got)
		}
	}
	row := &model.Credential{Enabled: true, Execution: model.Execution{Executor: "ssh", ChangeTemplate: "t", Automatic: true, Started: true}}
	if got := why(&model.Policy{Enabled: true, SessionExpiry: 20}, row); got != "it is changed after its next session" {
		t.Error(got)
	}
}
