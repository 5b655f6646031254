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
	b.Commit()
	way := "no login of the account at bastion, on the way, may fail any more until " + (now + 50_000).String() + ": the target might lock it"
	look(map[model.CredentialID][]string{"free": {way}, "own": {own, way}})
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
