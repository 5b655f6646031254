// Package trail is the feature of the audit trail's own verbs: notes of denials at an edge, acknowledgements of the
// receivers, signed checkpoints, and the removal of old events. The trail itself is written by table.Tx.Emit.
package trail

import (
	"encoding/hex"
	"fmt"
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "trail", Commands: []command.Erased{Note, Ack, Checkpoint, Prune}}

var bySystem = authz.Action{System: true}

// Done is the result of verbs that have nothing to tell.
type Done struct{}

// NoteArgs sum up what an edge refused within a second: a count by reason, and up to 100 sources.
type NoteArgs struct {
	Count   uint64   `cbor:"count"`
	Reasons []string `cbor:"reasons"` // "401 x 12": never text of a request
	Sources []string `cbor:"sources"`
}

// Note records denials at an edge that changed nothing.
var Note = command.Define("audit.note", 1, func(tx *table.Tx, m command.Meta, a NoteArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return Done{}, err
	}
	if len(a.Sources) > 100 || len(a.Reasons) > 32 {
		return Done{}, model.Errorf(model.Invalid, "the note is too long")
	}
	tx.Emit(audit.AuditNote.With("count", fmt.Sprint(a.Count), "reasons", strings.Join(a.Reasons, ", "), "sources", strings.Join(a.Sources, ",")))
	return Done{}, nil
})

// AckArgs tell the last sequence number of a node's events that the receivers took: the proposing node's own, or those of
// a dead or removed one that it sends in its place.
type AckArgs struct {
	Seq  uint64       `cbor:"seq"`
	Node model.NodeID `cbor:"node,omitempty"` // empty: the proposing node
}

// Ack keeps a node's position; it emits no event.
var Ack = command.Define("audit.ack", 1, func(tx *table.Tx, m command.Meta, a AckArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return Done{}, err
	}
	id := m.Node
	if a.Node != "" {
		id = a.Node
	}
	n, ok := state.Nodes.Get(tx, string(id))
	if !ok {
		return Done{}, model.Errorf(model.NotFound, "there is no member %s", id)
	}
	if a.Seq > n.AuditAck && a.Seq <= tx.Head().Seq {
		n.AuditAck = a.Seq
		n.Revision++
		state.Nodes.Put(tx, n)
	}
	return Done{}, nil
})

// CheckpointArgs are a signature over the chain up to Seq.
type CheckpointArgs struct {
	Seq       uint64 `cbor:"seq"`
	Hash      []byte `cbor:"hash"`
	Key       uint32 `cbor:"key"` // id of the audit key
	Signature []byte `cbor:"signature"`
}

// Checkpoint puts a signature of the chain into the chain. The signed position must be what this replica computed.
var Checkpoint = command.Define("audit.checkpoint", 1, func(tx *table.Tx, m command.Meta, a CheckpointArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return Done{}, err
	}
	e, ok := table.Audit.Get(tx, table.NumberKey(a.Seq))
	if !ok || string(e.Hash) != string(a.Hash) {
		return Done{}, model.Errorf(model.Invalid, "the checkpoint does not belong to this chain")
	}
	tx.Emit(audit.AuditCheckpoint.With("seq", fmt.Sprint(a.Seq), "hash", hex.EncodeToString(a.Hash), "key", fmt.Sprint(a.Key), "signature", hex.EncodeToString(a.Signature)))
	return Done{}, nil
})
