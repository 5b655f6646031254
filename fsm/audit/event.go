// Package audit owns the trail: the catalogue of event kinds, the Event, its classification, the hash chain, signed
// checkpoints and the verifier of exports. It is pure: no clocks, no files, no network.
//
// It guarantees that an event's hash covers all of it and its predecessor in canonical encoding, so that every replica
// computes the same chain, and that a field which no declaration classifies counts as secret. Reducers emit through
// table.Tx.Emit; cluster/siem and the edges read.
package audit

import (
	"crypto/sha256"

	"cofre/fsm/codec"
	"cofre/fsm/model"
)

// Severity is a syslog severity (RFC 5424, 6.2.1).
type Severity uint8

// The severities in use.
const (
	Alert   Severity = 1
	Error   Severity = 3
	Warning Severity = 4
	Notice  Severity = 5
	Info    Severity = 6
)

func (s Severity) String() string {
	return [...]string{"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"}[s&7]
}

// Field is one named value of an event.
type Field struct {
	Name  string `cbor:"n"`
	Value string `cbor:"v"`
}

// Event is one record of the trail. Seq counts from 1 without holes; Hash is SHA-256 of the canonical encoding of
// the event with an empty Hash, and Prev is the Hash of Seq-1 (32 zero bytes for the first).
type Event struct {
	Seq           uint64                `cbor:"seq"`
	Pos           model.Pos             `cbor:"pos"`
	At            model.Time            `cbor:"at"`
	Node          model.NodeID          `cbor:"node"`
	Kind          string                `cbor:"kind"`
	Severity      Severity              `cbor:"severity"`
	Actor         model.ActorKind       `cbor:"actor"`
	Authorization model.AuthorizationID `cbor:"auth,omitempty"`
	Name          string                `cbor:"name,omitempty"`   // operator's login or system part
	Source        string                `cbor:"source,omitempty"` // address of the client
	Fields        []Field               `cbor:"fields,omitempty"`
	Prev          []byte                `cbor:"prev"`
	Hash          []byte                `cbor:"hash"`
}

// Field finds a field's value; "" if there is none.
func (e *Event) Field(name string) string {
	for _, f := range e.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Sum computes what Hash must be.
func (e *Event) Sum() []byte {
	c := *e
	c.Hash = nil
	sum := sha256.Sum256(codec.MustEncode(&c))
	return sum[:]
}

// Head is the end of the chain.
type Head struct {
	Seq  uint64 `cbor:"seq"`
	Hash []byte `cbor:"hash"`
}

// Append links an event to the chain: it sets Seq, Prev and Hash and moves the head.
func (h *Head) Append(e *Event) {
	e.Seq, e.Prev = h.Seq+1, h.Hash
	if e.Prev == nil {
		e.Prev = make([]byte, sha256.Size)
	}
	e.Hash = e.Sum()
	h.Seq, h.Hash = e.Seq, e.Hash
}
