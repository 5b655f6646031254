package fsm_test

import (
	"testing"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// alterRows changes the rows of fullRows.
var alterRows = command.Define("test.alter", 1, func(tx *table.Tx, m command.Meta, what string) (string, error) {
	a, _ := state.Authorizations.Get(tx, "me")
	s, _ := state.DSMSecrets.Get(tx, "secret")
	switch what {
	case "right":
		a.Rights = []model.Right{model.CredentialWrite}
	case "addresses":
		a.IPs = []string{"192.0.2.0/24"}
	case "revoked":
		a.Epoch = 2
	case "disabled":
		s.Enabled = false
	case "foreign":
		s.Owner, s.CreatedBy = "other", "other"
	}
	state.Authorizations.Put(tx, a)
	state.DSMSecrets.Put(tx, s)
	return what, nil
})

// Whoever would be refused a read is not told either that nothing has changed, although what he asks with is as good as it was.
func TestPeekDecidesAsRead(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]bool{"": true, "right": false, "addresses": false, "revoked": false, "disabled": false, "foreign": false} {
		m := start(t)
		if r := m.one(t0, "test.full", uint64(1)); kind(r) != "ok" {
			t.Fatal(r)
		}
		if r := m.one(t0, "test.alter", what); kind(r) != "ok" {
			t.Fatal(r)
		}
		actor := model.Actor{Kind: model.ActorClient, Authorization: "me", Epoch: 1, Source: "198.51.100.7"}
		args := dsm.ReadArgs{Module: model.ModuleSecrets, ID: "secret"}
		v := m.View()
		r, ok := dsm.Peek(v, actor, t0.Add(time.Second), args)
		v.Close()
		e := m.envelope("dsm.read", t0.Add(time.Second), args)
		e.Actor = actor
		if read := kind(m.entry(t0.Add(time.Second), e)[0]); ok != want || (read == "ok") != want || want && (len(r.Secrets) != 1 || r.Secrets[0].Version != model.MaxDSMVersions) {
			t.Errorf("%q: peek %v %+v, read %s", what, ok, r, read)
		}
	}
}
