package node

import (
	"fmt"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// AnnounceArgs are what the node that proposes says of itself.
type AnnounceArgs struct {
	Announced model.Announcement `cbor:"announced"`
	Peer      string             `cbor:"peer"`
	API       string             `cbor:"api"`
	Gossip    string             `cbor:"gossip"`
}

// Announce keeps a node's row current. It emits no event.
var Announce = command.Define("node.announce", 1, func(tx *table.Tx, m command.Meta, a AnnounceArgs) (Done, error) {
	n, err := self(tx, m)
	if err != nil {
		return Done{}, err
	}
	if a.Announced.Sealed {
		a.Announced.Slots = 0
	}
	n.Announced, n.Peer, n.API, n.Gossip = a.Announced, a.Peer, a.API, a.Gossip
	put(tx, n)
	return Done{}, nil
})

// SealArgs tell whether the vault of the proposing node is sealed now, and which order it has followed.
type SealArgs struct {
	Sealed   bool      `cbor:"sealed"`
	Followed model.Pos `cbor:"followed,omitempty"`
}

// Seal records that the vault of the proposing node was sealed or opened.
var Seal = command.Define("node.seal", 1, func(tx *table.Tx, m command.Meta, a SealArgs) (Done, error) {
	n, err := self(tx, m)
	if err != nil {
		return Done{}, err
	}
	if n.Announced.Sealed = a.Sealed; a.Sealed {
		n.Announced.Slots = 0
	}
	if n.SealBy == a.Followed {
		n.SealBy = 0
	}
	put(tx, n)
	kind := audit.NodeUnsealed
	if a.Sealed {
		kind = audit.NodeSealed
	}
	tx.Emit(kind.With("member", string(n.ID)))
	return Done{}, nil
})

// SealAll orders every member that may hold the root key to seal its vault. A member that is off follows when it is back: the
// order stands in its row until it says that it has.
var SealAll = command.Define("node.seal_all", 1, func(tx *table.Tx, m command.Meta, _ Done) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, byAdmin, nil); err != nil {
		return Done{}, err
	}
	var all []*model.Node
	for n := range state.Nodes.All(tx, "") {
		if n.State == model.NodeApproved {
			all = append(all, n)
		}
	}
	for _, n := range all {
		n.SealBy = m.Pos
		put(tx, n)
	}
	tx.Emit(audit.ClusterSealed.With("members", fmt.Sprint(len(all))))
	return Done{}, nil
}).AuditDenials()

func self(tx *table.Tx, m command.Meta) (*model.Node, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return nil, err
	}
	return member(tx, m.Node)
}

// HashArgs are a node's state hash after the entry at an index.
type HashArgs struct {
	Index uint64 `cbor:"index"`
	Hash  []byte `cbor:"hash"`
}

// HashResult tells the proposing node whether a majority disagrees with it, and who else differs.
type HashResult struct {
	Majority []byte         `cbor:"majority,omitempty"` // hash on which more than half of the members agree
	Differ   []model.NodeID `cbor:"differ,omitempty"`
}

// ReportHash stores a node's state hash and compares those taken at the same index (RULES 4). A member that differs from
// the majority is an alarm, and so is it that there is no majority; equal hashes are no event.
var ReportHash = command.Define("node.hash", 1, func(tx *table.Tx, m command.Meta, a HashArgs) (HashResult, error) {
	n, err := self(tx, m)
	if err != nil {
		return HashResult{}, err
	}
	state.Hashes.Put(tx, &state.StateHash{Node: n.ID, Index: a.Index, Hash: a.Hash})
	r, all := CompareHashes(tx, a.Index)
	for _, id := range r.Differ {
		tx.Emit(audit.NodeDiverged.With("member", string(id), "index", fmt.Sprint(a.Index)))
	}
	if all && r.Majority == nil {
		tx.Emit(audit.StatesDiffer.With("index", fmt.Sprint(a.Index)))
	}
	return r, nil
})

// CompareHashes compares the hashes that members took at an index, and tells whether all did. A node that reported before
// the majority was known looks again in its own replica.
func CompareHashes(r table.Reader, index uint64) (res HashResult, all bool) {
	members, count := 0, map[string]int{}
	var at []*state.StateHash
	for o := range state.Nodes.All(r, "") {
		if o.State == model.NodeRemoved {
			continue
		}
		members++
		if h, ok := state.Hashes.Get(r, string(o.ID)); ok && h.Index == index {
			at = append(at, h)
			count[string(h.Hash)]++
		}
	}
	for _, h := range at {
		if count[string(h.Hash)] > members/2 {
			res.Majority = h.Hash
		}
	}
	for _, h := range at {
		if res.Majority != nil && string(h.Hash) != string(res.Majority) {
			res.Differ = append(res.Differ, h.Node)
		}
	}
	return res, len(at) == members
}

// ClockArgs ask to move state time.
type ClockArgs struct {
	To model.Time `cbor:"to"`
}

// AdvanceClock moves state time forward past the limit of one entry; the leader proposes it at the start of a term when
// a majority of clocks agree, because the cluster was off.
var AdvanceClock = command.Define("clock.advance", 1, func(tx *table.Tx, m command.Meta, a ClockArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return Done{}, err
	}
	s := state.SystemRow(tx)
	if a.To <= s.At {
		return Done{}, model.Errorf(model.Invalid, "state time never goes back")
	}
	tx.Emit(audit.ClockAdvanced.With("from", s.At.String(), "to", a.To.String()))
	if s.At != 0 && a.To.Sub(s.At) > 24*time.Hour {
		s.Frozen = true
	}
	s.At = a.To
	state.System.Put(tx, &s)
	return Done{}, nil
})

// LevelArgs name a feature level.
type LevelArgs struct {
	Level uint16 `cbor:"level"`
}

// RaiseLevel activates a feature level that every member's binary knows.
var RaiseLevel = command.Define("cluster.level", 1, func(tx *table.Tx, m command.Meta, a LevelArgs) (Done, error) {
	act := byAdmin
	act.System = true
	if _, err := command.Authorize(tx, m.Actor, m.At, act, nil); err != nil {
		return Done{}, err
	}
	s := state.SystemRow(tx)
	if a.Level <= s.Level {
		return Done{}, nil
	}
	for n := range state.Nodes.All(tx, "") {
		if n.State != model.NodeRemoved && n.Announced.Level < a.Level {
			return Done{}, model.Errorf(model.Conflict, "node %s knows feature level %d only: upgrade it first", n.ID, n.Announced.Level)
		}
	}
	tx.Emit(audit.LevelRaised.With("from", fmt.Sprint(s.Level), "to", fmt.Sprint(a.Level)))
	s.Level = a.Level
	state.System.Put(tx, &s)
	return Done{}, nil
}).AuditDenials()

// ConfirmTime lets pruning and mass expiry go on after state time jumped by more than a day.
var ConfirmTime = command.Define("clock.confirm", 1, func(tx *table.Tx, m command.Meta, _ Done) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, byAdmin, nil); err != nil {
		return Done{}, err
	}
	s := state.SystemRow(tx)
	if !s.Frozen {
		return Done{}, nil
	}
	s.Frozen = false
	state.System.Put(tx, &s)
	tx.Emit(audit.ClockConfirmed.With("time", s.At.String()))
	return Done{}, nil
}).AuditDenials()
