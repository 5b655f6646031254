package clustertest

import (
	"fmt"
	"time"

	"cofre/cluster"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/device"
	"cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/template"
)

var (
	operator = model.Actor{Kind: model.ActorOperator, Name: "root"}
	system   = model.Actor{Kind: model.ActorSystem, Name: "test"}
	client   = model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1, Source: "127.0.0.1"}
)

const engine model.ExecutorName = "ssh"

// announced is what a member says of itself.
func (c *Cluster) announced(id model.NodeID) model.Announcement {
	level := uint16(1)
	if c.options.Binary != nil {
		level, _ = c.options.Binary(id)
	}
	return model.Announcement{Slots: 2, Executors: []model.ExecutorName{engine}, Version: "test", Level: level}
}

// Found fills the state of a real cluster: its keyring, an administrator, and a row for each member.
func (c *Cluster) Found() {
	c.t.Helper()
	first := c.ids[0]
	Do(c, first, keyring.Create, operator, keyring.CreateArgs{
		Keyring: model.Keyring{Cluster: "virtual", Active: 1, Terms: []model.KeyTerm{{N: 1, Root: 1}}},
		Node:    model.Node{ID: first, PublicKey: []byte(first), Announced: c.announced(first)}, Leases: model.DemoLeases, Level: 1,
		Application: model.Application{ID: "app", Name: "virtual", Enabled: true},
		Authorization: model.Authorization{ID: "admin", Application: "app", Name: "admin", ClientID: "admin", Modules: model.Modules,
			Write: true, Rights: model.Rights, Filter: model.Filter{All: true}, Enabled: true, Epoch: 1},
	})
	for _, id := range c.ids[1:] {
		c.Admit(id)
	}
}

// Admit makes the row of a member that runs already.
func (c *Cluster) Admit(id model.NodeID) {
	c.t.Helper()
	token := fmt.Sprintf("%064x", string(id))
	Do(c, c.ids[0], node.CreateToken, operator, node.TokenArgs{ID: token, Name: id, NodeKey: model.Fingerprint([]byte(id)), TTL: time.Hour.Milliseconds()})
	Do(c, id, node.Join, system, node.JoinArgs{Token: token, ID: id, PublicKey: []byte(id), Announced: c.announced(id)})
	c.Announce(id)
}

// Announce tells the cluster what a member's binary knows.
func (c *Cluster) Announce(id model.NodeID) {
	c.t.Helper()
	Do(c, id, node.Announce, system, node.AnnounceArgs{Announced: c.announced(id)})
}

// Accounts registers credentials with their first passwords.
func (c *Cluster) Accounts(passwords map[string]string) {
	c.t.Helper()
	at := c.ids[0]
	Do(c, at, template.Seed, system, template.SeedArgs{Templates: []template.PutArgs{{Name: "change", Executor: engine, Kind: model.TemplateChange, Content: "passwd"}}})
	change, automatic := model.TemplateID(model.DeriveID("catalogue", string(engine), "change")), true
	host := Do(c, at, device.Put, client, device.PutArgs{Device: model.Device{Hostname: "web1", IP: "192.0.2.1"}}).Device.ID
	for name, password := range passwords {
		Do(c, at, credential.Put, client, credential.PutArgs{Identifier: name, Device: host, Username: &name,
			Execution: &credential.ExecutionPatch{Automatic: &automatic, ChangeTemplate: &change},
			Secret:    &credential.NewSecret{Row: "first-" + name, Secret: model.Sealed{Term: 1, Box: []byte(password)}}})
	}
}

// Do proposes on a member and insists on success.
func Do[A, R any](c *Cluster, id model.NodeID, d command.Def[A, R], by model.Actor, args A) R {
	c.t.Helper()
	r, err := command.Propose(c.Context(30*time.Second), c.Member(id).Proposer, d, by, args)
	if err != nil {
		c.t.Fatalf("%s on %s: %v", d.Kind(), id, err)
	}
	return r
}

// Divergence is the watch of a member over its own state; reasons get why it quarantined itself.
func (m *Member) Divergence(mark func(reason string)) *cluster.Divergence {
	return &cluster.Divergence{
		Node: m.ID, Proposer: m.Proposer, Changed: m.Replica.Changed,
		Last: func() (uint64, []byte) { h := m.Replica.LastHash(); return h.Index, h.Hash[:] },
		Compare: func(index uint64) (node.HashResult, bool) {
			v := m.Replica.View()
			defer v.Close()
			return node.CompareHashes(v, index)
		},
		Overwritten: m.Node.Overwritten(), PutBack: m.Recall.PutBack(), Began: m.Node.Began(),
		Reported: func() uint64 { return m.hashReport(m.ID) },
		Mark:     func(reason string) error { mark(reason); return nil },
	}
}

// hashReport is the index of a member's newest hash report in the local replica; 0: none.
func (m *Member) hashReport(id model.NodeID) uint64 {
	if m.Replica == nil {
		return 0
	}
	v := m.Replica.View()
	defer v.Close()
	if h, ok := state.Hashes.Get(v, string(id)); ok {
		return h.Index
	}
	return 0
}

// Levels are what the members announced, and the active level.
func (m *Member) Levels() (announced []uint16, active uint16) {
	v := m.Replica.View()
	defer v.Close()
	for n := range state.Nodes.All(v, "") {
		if n.State != model.NodeRemoved {
			announced = append(announced, n.Announced.Level)
		}
	}
	return announced, state.SystemRow(v).Level
}

// Astray is a verb whose reducer writes something else besides on this member: a determinism bug.
type Astray struct {
	command.Erased
	Name string
}

// Apply does what the verb does, and more.
func (a Astray) Apply(tx *table.Tx, m command.Meta, payload codec.Raw) (codec.Raw, error) {
	body, err := a.Erased.Apply(tx, m, payload)
	state.Next(tx, "astray-"+a.Name)
	return body, err
}
