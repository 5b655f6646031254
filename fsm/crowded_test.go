package fsm_test

import (
	"fmt"
	"testing"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// crowd is how much there is already of what is limited.
type crowd struct {
	Secrets int `cbor:"secrets"`
	Keys    int `cbor:"keys"`
}

// crowdRows makes an authorization that holds so many secrets, has so many live keys and made another authorization, which holds none;
// its application gets users of a profile by itself.
var crowdRows = command.Define("test.crowd", 1, func(tx *table.Tx, m command.Meta, c crowd) (crowd, error) {
	state.Applications.Put(tx, &model.Application{ID: "shop", Name: "shop", Enabled: true})
	for _, id := range []model.AuthorizationID{"me", "you"} {
		state.Authorizations.Put(tx, &model.Authorization{ID: id, Application: "shop", ClientID: string(id), System: string(id), Environment: "prod", Modules: []model.Module{model.ModuleSecrets, model.ModuleApplication}, Write: true, Creates: true,
			Rights: []model.Right{model.SecretRead, model.CredentialWrite}, Enabled: true, Epoch: 1, CreatedBy: "you"})
	}
	for n := 1; n <= c.Secrets; n++ {
		state.DSMSecrets.Put(tx, &model.DSMSecret{ID: model.DSMSecretID(fmt.Sprint("s", n)), Number: uint64(n), Identity: fmt.Sprint("s", n), Owner: "me", CreatedBy: "me", Enabled: true})
	}
	for n := 1; n <= c.Keys; n++ {
		state.ClientKeys.Put(tx, &model.ClientKey{Authorization: "me", Epoch: 1, Secret: model.ClientSecret{Pepper: 1, MAC: []byte(fmt.Sprint("key", n)), At: m.At, Until: m.At.Add(time.Hour)}})
	}
	return c, nil
})

// TestCrowded: an authorization holds 500 secrets, whoever gives them to it, and has 10,000 live keys of pipelines.
func TestCrowded(t *testing.T) {
	t.Parallel()
	const keys = 10_000
	data := entries(1)
	you := []model.AuthorizationID{"me"}
	register := dsm.RegisterArgs{Application: "shop", System: "me", Environment: "prod", ClientID: "none", Secret: model.ClientSecret{Pepper: 1, MAC: []byte("one more")}}
	for _, c := range []struct {
		name string
		full crowd // the next one is one too many
		kind command.Kind
		as   model.AuthorizationID
		args any
	}{
		{"its own", crowd{Secrets: model.MaxDSMHeld}, "dsm.put", "me", dsm.PutArgs{Module: model.ModuleSecrets, Identity: "mine", Data: &data}},
		{"one that it may read", crowd{Secrets: model.MaxDSMHeld}, "dsm.put", "you", dsm.PutArgs{Module: model.ModuleSecrets, Identity: "shared", Data: &data, Readers: &you}},
		{"one that is given to it", crowd{Secrets: model.MaxDSMHeld}, "dsm.put", "you", dsm.PutArgs{Module: model.ModuleSecrets, Identity: "given", Data: &data, Owner: "me"}},
		{"a key", crowd{Keys: keys}, "dsm.register", "you", register},
	} {
		room := c.full
		room.Secrets, room.Keys = max(0, room.Secrets-1), max(0, room.Keys-1)
		for _, one := range []struct {
			there crowd
			want  string
		}{{room, "ok"}, {c.full, "limited"}} {
			m := start(t)
			if r := m.one(t0, "test.crowd", one.there); kind(r) != "ok" {
				t.Fatal(r)
			}
			e := m.envelope(c.kind, t0.Add(time.Second), c.args)
			e.Actor = model.Actor{Kind: model.ActorClient, Authorization: c.as, Epoch: 1}
			if got := kind(m.entry(t0.Add(time.Second), e)[0]); got != one.want {
				t.Errorf("%s, with %+v: %s, want %s", c.name, one.there, got, one.want)
			}
		}
	}
}
