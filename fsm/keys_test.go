package fsm_test

import (
	"encoding/binary"
	"testing"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// manyKeys makes a pipeline's caller, and an authorization of it that has n keys for a minute.
var manyKeys = command.Define("test.keys", 1, func(tx *table.Tx, m command.Meta, n uint64) (uint64, error) {
	caller := model.Authorization{ID: "me", Application: "ci", ClientID: "me", Modules: []model.Module{model.ModuleApplication}, Write: true, Creates: true, Enabled: true, Epoch: 1}
	made := model.Authorization{ID: "made", Application: "shop", ClientID: "made", System: "s", Environment: "e", CreatedBy: "me", Enabled: true, Epoch: 1}
	for _, id := range []model.ApplicationID{"ci", "shop"} {
		state.Applications.Put(tx, &model.Application{ID: id, Name: string(id), Enabled: true})
	}
	state.Authorizations.Put(tx, &caller)
	state.Authorizations.Put(tx, &made)
	for i := range n {
		s := model.ClientSecret{Pepper: 1, MAC: binary.BigEndian.AppendUint64(nil, i), At: m.At, Until: m.At.Add(time.Minute)}
		state.ClientKeys.Put(tx, &model.ClientKey{Authorization: made.ID, Epoch: 1, Secret: s})
	}
	return n, nil
})

// An authorization has 10,000 live keys of pipelines at most; those that are over do not count.
func TestKeysOfPipelines(t *testing.T) {
	t.Parallel()
	m := start(t)
	if r := m.one(t0, "test.keys", uint64(9_999)); kind(r) != "ok" {
		t.Fatal(r)
	}
	register := func(at model.Time) string {
		e := m.envelope("dsm.register", at, dsm.RegisterArgs{Application: "shop", System: "s", Environment: "e", ClientID: "unused", Secret: model.ClientSecret{Pepper: 1, MAC: []byte(at.String())}})
		e.Actor = model.Actor{Kind: model.ActorClient, Authorization: "me", Epoch: 1}
		return kind(m.entry(at, e)[0])
	}
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{time.Second, "ok"}, {2 * time.Second, "limited"}, {time.Minute + time.Second, "ok"}} {
		if got := register(t0.Add(c.after)); got != c.want {
			t.Errorf("after %s: %s", c.after, got)
		}
	}
}
