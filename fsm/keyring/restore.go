package keyring

import (
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// RestoreArgs are the node that takes up a restored state, and the moment of that state.
type RestoreArgs struct {
	Node   model.Node `cbor:"node"`
	Backup model.Time `cbor:"backup"`
}

// RestoreResult counts what the backup holds of a life that is over.
type RestoreResult struct {
	Removed       int `cbor:"removed"`       // nodes
	Changes       int `cbor:"changes"`       // that are due
	Verifications int `cbor:"verifications"` // that are due
	Waiting       int `cbor:"waiting"`       // operations that waited for a slot
	AtWork        int `cbor:"at_work"`       // operations that a node worked on
}

// restoreCounted bounds how far what is due is counted for people.
const restoreCounted = 1_000_000

// Restore is the first command of a restored state, before raft starts with it. The cluster is the same for its clients, but no
// node, join token or access token of before belongs to it, and nothing starts by itself until people let it: what was due or
// waited may have happened in the life that was lost. What a node worked on is left under its lease, which runs out: then
// it is uncertain, as after every other loss of a node.
var Restore = command.Define("cluster.restore", 1, func(tx *table.Tx, m command.Meta, a RestoreArgs) (RestoreResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Operator: true}, nil); err != nil {
		return RestoreResult{}, err
	}
	k, err := current(tx)
	if err != nil {
		return RestoreResult{}, err
	}
	if state.Nodes.Has(tx, string(a.Node.ID)) {
		return RestoreResult{}, model.Errorf(model.Conflict, "the cluster had a node %s, and names are never used again: give this one another name (key node)", a.Node.ID).WithField("node")
	}
	var r RestoreResult
	r.Removed, r.AtWork = retire(tx, m)
	voidTokens(tx)
	k.Handover, k.Gossip = nil, nil // they were for nodes of before
	k.Revision++
	state.Keyring.Put(tx, k)
	a.Node.State, a.Node.Delivered, a.Node.JoinedAt, a.Node.ApprovedAt, a.Node.Revision = model.NodeApproved, true, m.At, m.At, 1
	state.Nodes.Put(tx, &a.Node)
	holdAll(tx, m, a.Backup, &r)
	tx.Emit(audit.ClusterRestored.With("cluster", string(k.Cluster), "backup", a.Backup.String(), "event", fmt.Sprint(tx.Head().Seq), "member", string(a.Node.ID), "removed", fmt.Sprint(r.Removed),
		"changes", fmt.Sprint(r.Changes), "verifications", fmt.Sprint(r.Verifications), "waiting", fmt.Sprint(r.Waiting), "at_work", fmt.Sprint(r.AtWork)))
	return r, nil
})

// retire removes every node, and counts what they worked on.
func retire(tx *table.Tx, m command.Meta) (removed, atWork int) {
	var nodes []*model.Node
	for n := range state.Nodes.All(tx, "") {
		for range state.Operations.By(tx, "lease", string(n.ID)) {
			atWork++
		}
		if n.State != model.NodeRemoved {
			nodes = append(nodes, n)
		}
	}
	for _, n := range nodes {
		n.State, n.RemovedAt, n.Announced.Slots = model.NodeRemoved, m.At, 0
		n.Revision++
		state.Nodes.Put(tx, n)
	}
	return len(nodes), atWork
}

// beyond is added to every epoch: more often than that nobody revoked the tokens of an authorization after the backup.
const beyond = 1 << 20

// voidTokens ends join tokens and access tokens: revocations after the backup are not known. Client secrets stay, those that pipelines
// were given too.
func voidTokens(tx *table.Tx) {
	var tokens []string
	for t := range state.JoinTokens.All(tx, "") {
		tokens = append(tokens, t.ID)
	}
	for _, id := range tokens {
		state.JoinTokens.Delete(tx, id)
	}
	var auths []*model.Authorization
	for a := range state.Authorizations.All(tx, "") {
		auths = append(auths, a)
	}
	live := map[model.AuthorizationID]uint64{}
	for _, a := range auths {
		live[a.ID] = a.Epoch
		a.Epoch += beyond
		a.Revision++
		state.Authorizations.Put(tx, a)
	}
	var keys []*model.ClientKey
	for k := range state.ClientKeys.All(tx, "") {
		if k.Epoch == live[k.Authorization] {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		k.Epoch += beyond
		k.Asked = slices.Clone(k.Asked) // others hold the row too
		for i, a := range k.Asked {
			if a.Epoch == live[a.Authorization] {
				k.Asked[i].Epoch += beyond
			}
		}
		state.ClientKeys.Put(tx, k)
	}
}

// holdAll stops what starts by itself and what waited, and says how much that is.
func holdAll(tx *table.Tx, m command.Meta, backup model.Time, r *RestoreResult) {
	due := table.TimeKey(m.At + 1)
	r.Changes = state.Credentials.Count(tx, "due", table.TimeKey(0), due, restoreCounted)
	r.Verifications = state.Credentials.Count(tx, "verify", table.TimeKey(0), due, restoreCounted)
	var hurried []*model.Operation
	for o := range state.Waiting(tx, 0, 1<<62) {
		if r.Waiting++; o.Immediate {
			hurried = append(hurried, o)
		}
	}
	for _, o := range hurried { // who hurried them did so in the life that was lost
		o.Immediate = false
		o.Revision++
		state.Operations.Put(tx, o)
	}
	sys := state.SystemRow(tx)
	sys.Frozen = true
	state.System.Put(tx, &sys)
	row := state.Automation(tx)
	row.Stopped, row.Restored = m.At, m.At
	row.Reason = fmt.Sprintf("the cluster was restored from a backup of %s: %d changes and %d verifications were due, %d operations waited, %d were at work", backup, r.Changes, r.Verifications, r.Waiting, r.AtWork)
	row.Revision++
	state.Automations.Put(tx, &row)
}
