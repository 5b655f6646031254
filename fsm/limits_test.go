package fsm_test

import (
	"fmt"
	"testing"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/encryption"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// fullRows makes a caller, an encryption key that is full, whose oldest version nobody may use when
// least is 2, and a secret with the greatest number of versions.
var fullRows = command.Define("test.full", 1, func(tx *table.Tx, m command.Meta, least uint64) (uint64, error) {
	state.Applications.Put(tx, &model.Application{ID: "shop", Name: "shop", Enabled: true})
	state.Authorizations.Put(tx, &model.Authorization{ID: "me", Application: "shop", ClientID: "me", Modules: []model.Module{model.ModuleSecrets}, Write: true,
		Rights: []model.Right{model.SecretRead, model.CredentialWrite}, Enabled: true, Epoch: 1})
	k := model.EncryptionKey{ID: "key", Number: 1, Name: "key", Algorithm: "aes256-gcm96", LastN: model.MaxKeyVersions, Least: least, Enabled: true, CreatedBy: "me"}
	for n := uint64(1); n <= k.LastN; n++ {
		k.Versions = append(k.Versions, model.KeyVersion{N: n, Row: fmt.Sprint("k", n), Secret: model.Sealed{Term: 1, Box: []byte{1}}})
	}
	state.EncryptionKeys.Put(tx, &k)
	s := model.DSMSecret{ID: "secret", Number: 1, Identity: "db", Name: "db", Engine: "Generic", Owner: "me", CreatedBy: "me", Enabled: true, Version: model.MaxDSMVersions, LastN: model.MaxDSMVersions, Revision: 1}
	state.DSMSecrets.Put(tx, &s)
	for n := uint64(1); n <= s.LastN; n++ {
		state.DSMVersions.Put(tx, &model.DSMVersion{Secret: s.ID, N: n, Entries: entries(n)})
	}
	return least, nil
})

func entries(n uint64) []model.DSMEntry {
	return []model.DSMEntry{{Kind: model.DSMKeyValue, Fields: []model.DSMField{{Name: "A", Row: fmt.Sprint("v", n), Secret: model.Sealed{Term: 1, Box: []byte{byte(n)}}}}}}
}

// A full key is rotated only when a version that nobody may use any more makes room; then that one is gone, and is not the least one again.
func TestFullKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		least uint64
		want  string
	}{{1, "conflict"}, {2, "ok"}} {
		m := start(t)
		if r := m.one(t0, "test.full", c.least); kind(r) != "ok" {
			t.Fatal(r)
		}
		as := func(k command.Kind, args any) string {
			e := m.envelope(k, t0.Add(time.Second), args)
			e.Actor = model.Actor{Kind: model.ActorClient, Authorization: "me", Epoch: 1}
			return kind(m.entry(t0.Add(time.Second), e)[0])
		}
		if got := as("encryption.rotate", encryption.RotateArgs{ID: "key", Algorithm: "aes256-gcm96", Material: encryption.Material{Row: "new", Secret: model.Sealed{Term: 1, Box: []byte{9}}}}); got != c.want {
			t.Errorf("least %d: %s", c.least, got)
		}
		if c.want != "ok" {
			continue
		}
		one, two := uint64(1), uint64(2)
		if got := as("encryption.put", encryption.PutArgs{ID: "key", Least: &one}); got != "invalid" {
			t.Errorf("a version that is gone is the least one: %s", got)
		}
		if got := as("encryption.put", encryption.PutArgs{ID: "key", Least: &two}); got != "ok" {
			t.Error(got)
		}
	}
}

// Of a full secret the oldest version goes with a new one, and no other.
func TestFullSecret(t *testing.T) {
	t.Parallel()
	m := start(t)
	if r := m.one(t0, "test.full", uint64(1)); kind(r) != "ok" {
		t.Fatal(r)
	}
	data := entries(200)
	e := m.envelope("dsm.put", t0.Add(time.Second), dsm.PutArgs{Module: model.ModuleSecrets, ID: "secret", Data: &data})
	e.Actor = model.Actor{Kind: model.ActorClient, Authorization: "me", Epoch: 1}
	if got := kind(m.entry(t0.Add(time.Second), e)[0]); got != "ok" {
		t.Fatal(got)
	}
	v := m.View()
	defer v.Close()
	for n, want := range map[uint64]bool{1: false, 2: true, model.MaxDSMVersions: true, model.MaxDSMVersions + 1: true} {
		if got := state.DSMVersions.Has(v, state.DSMVersionKey("secret", n)); got != want {
			t.Errorf("version %d is kept: %v", n, got)
		}
	}
}

// The limit is on all values of a secret, however many objects they stand in.
func TestValuesOfOneSecret(t *testing.T) {
	t.Parallel()
	m := start(t)
	if r := m.one(t0, "test.full", uint64(1)); kind(r) != "ok" {
		t.Fatal(r)
	}
	for _, c := range []struct {
		more int
		want string
	}{{0, "ok"}, {1, "invalid"}} {
		data := make([]model.DSMEntry, 2)
		for i, n := range []int{model.MaxDSMFields / 2, model.MaxDSMFields/2 + c.more} {
			data[i].Kind = model.DSMKeyValue
			for j := range n {
				data[i].Fields = append(data[i].Fields, model.DSMField{Name: fmt.Sprint("V", j), Row: fmt.Sprint("v", i, "-", j), Secret: model.Sealed{Term: 1, Box: []byte{1}}})
			}
		}
		e := m.envelope("dsm.put", t0.Add(time.Second), dsm.PutArgs{Module: model.ModuleSecrets, ID: "secret", Data: &data})
		e.Actor = model.Actor{Kind: model.ActorClient, Authorization: "me", Epoch: 1}
		if got := kind(m.entry(t0.Add(time.Second), e)[0]); got != c.want {
			t.Errorf("%d more than the limit: %s", c.more, got)
		}
	}
}
