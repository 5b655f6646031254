package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"cofre/fsm/chain"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/device"
	"cofre/fsm/dynamic"
	"cofre/fsm/keyring"
	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/policy"
	"cofre/fsm/template"
)

var (
	operator = model.Actor{Kind: model.ActorOperator, Name: "root"}
	client   = model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1, Source: "127.0.0.1"}
)

const engine model.ExecutorName = "ssh"

// jumper is the account that logs in at the jump host.
const jumper = "jump"

// setup makes a cluster of three nodes with four accounts: a manager that changes its own password, one at a jump host that
// changes its own too, one whose password the manager changes by way of that host, and a child that takes the manager's.
func (w *world) setup() {
	w.timing = model.DefaultLeases
	if w.chance(300) {
		w.timing = model.DemoLeases
	}
	w.policy = model.DefaultPolicy()
	w.policy.ID, w.policy.Name = "", "sim"
	w.policy.Attempts = 2 + w.rng.IntN(5)
	w.policy.RetryInterval = w.between(time.Second, 15*time.Second).Milliseconds()
	w.policy.BadLoginWindow = w.between(time.Minute, 15*time.Minute).Milliseconds()
	w.policy.MaxAge = w.between(3*time.Minute, 30*time.Minute).Milliseconds()
	w.policy.CustodyTTL, w.policy.ChangeOnTimeout = w.between(10*time.Second, 5*time.Minute).Milliseconds(), true
	w.leases.live = map[model.OperationID]hold{}
	w.raft.term = 1

	e := &entry{term: 1, at: start}
	add := func(kind command.Kind, by model.Actor, from model.NodeID, args any) string {
		c := &call{Envelope: command.Envelope{Kind: kind, Version: 1, ID: w.id(), Made: start, Actor: by, Node: from, Payload: codec.MustEncode(args)}, over: true}
		e.calls = append(e.calls, c)
		return command.Meta{ID: c.ID}.NewID(0)
	}
	system := model.Actor{Kind: model.ActorSystem, Name: "sim"}
	said := model.Announcement{Slots: 1 + w.rng.IntN(2), Executors: []model.ExecutorName{engine}, Level: 1}
	add(keyring.Create.Kind(), operator, "n1", keyring.CreateArgs{
		Keyring: model.Keyring{Cluster: "sim", Active: 1, Terms: []model.KeyTerm{{N: 1, Root: 1}}},
		Node:    model.Node{ID: "n1", PublicKey: []byte("n1"), Announced: said}, Leases: w.timing, Level: 1,
		Application: model.Application{ID: "app", Name: "sim", Enabled: true},
		Authorization: model.Authorization{ID: "admin", Application: "app", Name: "admin", ClientID: "admin", Modules: model.Modules,
			Write: true, Rights: model.Rights, Filter: model.Filter{All: true}, Enabled: true, Epoch: 1},
	})
	for _, id := range []model.NodeID{"n2", "n3"} {
		token := fmt.Sprintf("%064x", string(id))
		add(fsmnode.CreateToken.Kind(), operator, "n1", fsmnode.TokenArgs{ID: token, Name: id, NodeKey: model.Fingerprint([]byte(id)), TTL: time.Hour.Milliseconds()})
		add(fsmnode.Join.Kind(), system, id, fsmnode.JoinArgs{Token: token, ID: id, PublicKey: []byte(id), Announced: said})
		add(fsmnode.Announce.Kind(), system, id, fsmnode.AnnounceArgs{Announced: said})
	}
	w.policy.ID = model.PolicyID(add(policy.Put.Kind(), client, "n1", policy.PutArgs{Policy: w.policy}))
	change := model.TemplateID(model.DeriveID("catalogue", string(engine), "change"))
	add(template.Seed.Kind(), system, "n1", template.SeedArgs{Templates: []template.PutArgs{
		{Name: "change", Executor: engine, Kind: model.TemplateChange, Content: "passwd"},
		{Name: "create", Executor: engine, Kind: model.TemplateCreate, Content: "useradd"},
		{Name: "delete", Executor: engine, Kind: model.TemplateDelete, Content: "userdel"}}})
	at := func(d model.Device) model.DeviceID {
		return model.DeviceID(add(device.Put.Kind(), client, "n1", device.PutArgs{Device: d}))
	}
	host, hop := at(model.Device{Hostname: "web1", IP: "192.0.2.1"}), at(model.Device{Hostname: "jump1", IP: "192.0.2.2"})
	for _, name := range []string{"manager", jumper, "managed", "child"} {
		t := &account{w: w, name: name, password: w.newPassword()}
		automatic := true
		args := credential.PutArgs{Identifier: name, Device: host, Username: &name, Policy: &w.policy.ID,
			Execution: &credential.ExecutionPatch{Automatic: &automatic, ChangeTemplate: &change},
			Secret:    &credential.NewSecret{Row: w.id().String(), Secret: model.Sealed{Term: 1, Box: []byte(t.password)}}}
		switch name {
		case jumper:
			args.Device = hop
		case "managed":
			args.Execution.Authentication = &w.accounts[0].id
			args.Device = at(model.Device{Hostname: "web2", IP: "192.0.2.3", Via: hop, ViaLogin: w.accounts[1].id})
		case "child":
			args.Parent = &w.accounts[0].id
		}
		t.id = model.CredentialID(add(credential.Put.Kind(), client, "n1", args))
		w.accounts = append(w.accounts, t)
	}
	w.joint = joint{over: map[model.ChainRunID]bool{}}
	w.joint.id = model.ChainID(add(chain.Put.Kind(), client, "n1", chain.PutArgs{Chain: model.Chain{Name: "joint", Enabled: true, Policy: w.policy.ID,
		Script: w.script(), Automatic: w.chance(500), Every: model.Hour}})) // due once it was run by hand and the cluster was off
	named := func(name string) model.TemplateID {
		return model.TemplateID(model.DeriveID("catalogue", string(engine), name))
	}
	w.directory = &directory{w: w, users: map[string]string{}, rows: map[model.DynamicUserID]model.DynamicUser{}}
	w.directory.profile = model.ProfileID(add(dynamic.PutProfile.Kind(), client, "n1", dynamic.ProfileArgs{Profile: model.DynamicProfile{
		Identifier: "app", Enabled: true, Devices: []model.DeviceID{host}, Executor: engine, Create: named("create"), Remove: named("delete"),
		Authentication: w.accounts[0].id, Policy: w.policy.ID, TTL: w.between(time.Minute, 20*time.Minute).Milliseconds()}}))
	w.apply(e)
	for _, name := range []model.NodeID{"n1", "n2", "n3"} {
		n := &node{w: w, id: name, drift: int64(w.rng.IntN(401) - 200)}
		w.nodes = append(w.nodes, n)
		n.boots()
	}
	w.elect(false)
	for _, t := range w.accounts {
		if t.row.ID == "" {
			w.fail("the accounts were not set up")
		}
	}
}

// newPassword draws one that was never there before.
func (w *world) newPassword() string { return fmt.Sprintf("pw-%016x", w.rng.Uint64()) }

func (w *world) account(id string) *account {
	for _, t := range w.accounts {
		if string(t.id) == id {
			return t
		}
	}
	return nil
}

// sorted gives the keys of a map in order: chance must not come from Go's maps.
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func without[T comparable](s []T, x T) []T {
	return slices.DeleteFunc(slices.Clone(s), func(y T) bool { return x == y })
}
