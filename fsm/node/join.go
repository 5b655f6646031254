package node

import (
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TokenArgs describe a join token; ID is the hex SHA-256 of its secret.
type TokenArgs struct {
	ID      string       `cbor:"id"`
	Name    model.NodeID `cbor:"name"`
	NodeKey string       `cbor:"node_key,omitempty"`
	TTL     int64        `cbor:"ttl"` // milliseconds
}

// CreateToken admits one node by name, once, for a while.
var CreateToken = command.Define("node.token", 1, func(tx *table.Tx, m command.Meta, a TokenArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, byAdmin, nil); err != nil {
		return Done{}, err
	}
	ttl := time.Duration(a.TTL) * time.Millisecond
	switch {
	case !model.ValidName(string(a.Name)):
		return Done{}, model.Errorf(model.Invalid, "a node's name has 1 to 63 letters, digits, '-', '_' or '.'").WithField("name")
	case len(a.ID) != 64:
		return Done{}, model.Errorf(model.Invalid, "the token's id is not a SHA-256").WithField("id")
	case ttl < time.Second || ttl > 24*time.Hour:
		return Done{}, model.Errorf(model.Invalid, "a join token lives between a second and a day").WithField("ttl")
	}
	if n, ok := state.Nodes.Get(tx, string(a.Name)); ok {
		return Done{}, model.Errorf(model.Conflict, "the name %s is taken (node %s): names are never used again", a.Name, n.State).WithField("name")
	}
	t := model.JoinToken{ID: a.ID, Name: a.Name, NodeKey: a.NodeKey, Until: m.At.Add(ttl)}
	state.JoinTokens.Put(tx, &t)
	tx.Emit(audit.NodeTokenCreated.With("member", string(a.Name), "until", t.Until.String()))
	return Done{}, nil
}).AuditDenials()

// JoinArgs are what a newcomer says of itself; Token is the hex SHA-256 of the secret it showed.
type JoinArgs struct {
	Token     string             `cbor:"token"`
	ID        model.NodeID       `cbor:"id"`
	PublicKey []byte             `cbor:"public_key"`
	HPKE      []byte             `cbor:"hpke"`
	Peer      string             `cbor:"peer"`
	API       string             `cbor:"api"`
	Gossip    string             `cbor:"gossip"`
	Announced model.Announcement `cbor:"announced"`
}

// Join admits a newcomer as a sealed node and uses up its token. A newcomer that repeats itself with the same key, because
// it did not hear the answer, gets the same answer.
var Join = command.Define("node.join", 1, func(tx *table.Tx, m command.Meta, a JoinArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return Done{}, err
	}
	t, ok := state.JoinTokens.Get(tx, a.Token)
	if !ok || t.Name != a.ID || m.At >= t.Until {
		return Done{}, model.Errorf(model.Denied, "the join token is not valid for node %s: make a new one with cofre cluster token --name %s", a.ID, a.ID)
	}
	if t.Used {
		n, ok := state.Nodes.Get(tx, string(a.ID))
		if ok && string(n.PublicKey) == string(a.PublicKey) && n.State != model.NodeRemoved {
			return Done{}, nil
		}
		return Done{}, model.Errorf(model.Denied, "the join token was used already")
	}
	if t.NodeKey != "" && t.NodeKey != model.Fingerprint(a.PublicKey) {
		return Done{}, model.Errorf(model.Denied, "the join token was made for a node with another key")
	}
	if sys := state.SystemRow(tx); a.Announced.Level < sys.Level {
		return Done{}, model.Errorf(model.Denied, "the node's binary knows feature level %d, the cluster is at %d: install the cluster's version", a.Announced.Level, sys.Level)
	}
	if state.Nodes.Has(tx, string(a.ID)) {
		return Done{}, model.Errorf(model.Conflict, "the name %s is taken", a.ID)
	}
	t.Used = true
	state.JoinTokens.Put(tx, t)
	a.Announced.Sealed, a.Announced.Slots = true, 0
	n := model.Node{
		ID: a.ID, State: model.NodeJoined, PublicKey: a.PublicKey, HPKE: a.HPKE, Peer: a.Peer, API: a.API, Gossip: a.Gossip,
		Token: t.ID, Announced: a.Announced, JoinedAt: m.At, Revision: 1,
	}
	if t.NodeKey != "" {
		n.State, n.ApprovedAt = model.NodeApproved, m.At
	}
	state.Nodes.Put(tx, &n)
	tx.Emit(audit.NodeJoined.With("member", string(a.ID), "fingerprint", model.Fingerprint(a.PublicKey), "preapproved", yes(t.NodeKey != "")))
	return Done{}, nil
}).AuditDenials()

// ApproveArgs name a node and the fingerprint that the operator compared.
type ApproveArgs struct {
	ID          model.NodeID `cbor:"id"`
	Fingerprint string       `cbor:"fingerprint"`
}

// Approve lets the root key be handed to a node once.
var Approve = command.Define("node.approve", 1, func(tx *table.Tx, m command.Meta, a ApproveArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, byAdmin, nil); err != nil {
		return Done{}, err
	}
	n, err := member(tx, a.ID)
	if err != nil {
		return Done{}, err
	}
	if a.Fingerprint != model.Fingerprint(n.PublicKey) {
		return Done{}, model.Errorf(model.Denied, "the fingerprint is not that of node %s: do not approve it", a.ID).WithField("fingerprint")
	}
	n.State, n.ApprovedAt, n.Delivered = model.NodeApproved, m.At, false
	put(tx, n)
	tx.Emit(audit.NodeApproved.With("member", string(a.ID), "fingerprint", a.Fingerprint))
	return Done{}, nil
}).AuditDenials()

// MemberArgs name a node.
type MemberArgs struct {
	ID model.NodeID `cbor:"id"`
}

// DeliverArgs name a node, and the generation of the root key that the sender holds.
type DeliverArgs struct {
	ID   model.NodeID `cbor:"id"`
	Root uint32       `cbor:"root"`
}

// DeliverResult is what the sender needs to wrap the root key.
type DeliverResult struct {
	HPKE  []byte `cbor:"hpke"`
	Key   string `cbor:"key"`   // fingerprint of the node's key
	Token string `cbor:"token"` // id of its join token
}

// Deliver records, before it happens, that the root key goes to a node; it succeeds once per approval,
// and only with the newest key: none was made for a newcomer that would lead from an older one to that.
var Deliver = command.Define("node.deliver", 1, func(tx *table.Tx, m command.Meta, a DeliverArgs) (DeliverResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return DeliverResult{}, err
	}
	n, err := member(tx, a.ID)
	if err != nil {
		return DeliverResult{}, err
	}
	switch {
	case n.State != model.NodeApproved:
		return DeliverResult{}, model.Errorf(model.Denied, "node %s waits for approval: cofre cluster approve %s", a.ID, a.ID)
	case n.Delivered:
		return DeliverResult{}, model.Errorf(model.Denied, "the root key went to node %s already: approve it again if it did not arrive", a.ID)
	}
	if row, ok := state.Keyring.Get(tx, state.SystemKey); !ok || row.Root != a.Root {
		return DeliverResult{}, model.Errorf(model.Unavailable, "the sender does not hold the newest root key yet: try again")
	}
	n.Delivered = true
	put(tx, n)
	tx.Emit(audit.NodeDelivered.With("member", string(a.ID)))
	return DeliverResult{HPKE: n.HPKE, Key: model.Fingerprint(n.PublicKey), Token: n.Token}, nil
}).AuditDenials()

// Remove takes a node out for ever; the leader then removes it from raft. The last one to which the root key went stays: of what the
// others hold, if there are any, nobody could read anything.
var Remove = command.Define("node.remove", 1, func(tx *table.Tx, m command.Meta, a MemberArgs) (Done, error) {
	act := byAdmin
	act.System = m.Actor.Kind == model.ActorSystem && m.Node == a.ID // a node may leave by itself
	if _, err := command.Authorize(tx, m.Actor, m.At, act, nil); err != nil {
		return Done{}, err
	}
	n, err := member(tx, a.ID)
	if err != nil {
		return Done{}, err
	}
	if !heldBesides(tx, n.ID) {
		return Done{}, model.Errorf(model.Conflict, "node %s is the last member that has the root key: without it nobody opens the vault again. Let another node join, and approve it, first (cofre cluster token, cofre cluster approve)", n.ID)
	}
	n.State, n.RemovedAt = model.NodeRemoved, m.At
	n.Announced.Slots = 0
	put(tx, n)
	tx.Emit(audit.NodeRemoved.With("member", string(a.ID)))
	return Done{}, nil
}).AuditDenials()

// heldBesides tells whether the root key went to another member than one.
func heldBesides(tx *table.Tx, id model.NodeID) bool {
	for n := range state.Nodes.All(tx, "") {
		if n.ID != id && n.State == model.NodeApproved && n.Delivered {
			return true
		}
	}
	return false
}

func member(tx *table.Tx, id model.NodeID) (*model.Node, error) {
	n, ok := state.Nodes.Get(tx, string(id))
	if !ok || n.State == model.NodeRemoved {
		return nil, model.Errorf(model.NotFound, "there is no member %s: cofre cluster members lists them", id).WithField("id")
	}
	return n, nil
}

func put(tx *table.Tx, n *model.Node) {
	n.Revision++
	state.Nodes.Put(tx, n)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
