// Package command is how the replicated state changes: the envelope that a log entry carries, the declaration of one
// verb (Def), the registry of all verbs, and the Proposer through which every room asks for a change.
//
// It guarantees that a verb is declared in one place, arguments and result are typed and decoded strictly, and that
// who asks is decided again inside the reducer (Authorize). Features declare verbs; services propose them.
package command

import (
	"context"
	"encoding/hex"
	"fmt"

	"cofre/fsm/codec"
	"cofre/fsm/model"
)

// Kind names a verb: "credential.checkout". Stable, never reused.
type Kind string

// ID is 128 random bits from the proposer; it makes retries harmless.
type ID [16]byte

// IsZero tells whether the id was not drawn yet.
func (id ID) IsZero() bool { return id == ID{} }

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Limits of RULES 2.
const (
	MaxCommand       = 256 << 10 // bytes of one envelope; larger ones are refused at the edge
	MaxEntryCommands = 256
	MaxEntryBytes    = 512 << 10
)

// Envelope is one command. A Proposer fills ID, Made and Node when they are empty.
type Envelope struct {
	Kind    Kind         `cbor:"kind"`
	Version uint16       `cbor:"v"`
	ID      ID           `cbor:"id"`
	Made    model.Time   `cbor:"made"` // the proposer's clock: informative, expires retries
	Actor   model.Actor  `cbor:"actor"`
	Node    model.NodeID `cbor:"node"`
	Term    uint64       `cbor:"term,omitempty"` // set by the scheduler: valid only in this raft term
	Payload codec.Raw    `cbor:"payload"`

	// Awaited says that a request waits for it: no part of the log, but of its way there.
	Awaited bool `cbor:"-"`
}

type awaited struct{}

// Awaited marks the commands that are proposed with ctx: a request waits for what they are part of, though it is not what
// proposes them.
func Awaited(ctx context.Context) context.Context { return context.WithValue(ctx, awaited{}, true) }

// Entry is the data of one raft log entry: the commands that waited while the previous entry was in flight, stamped by
// the leader that submitted it.
type Entry struct {
	At       model.Time `cbor:"at"`
	Term     uint64     `cbor:"term"`
	Commands []Envelope `cbor:"commands"`
}

// Result is the answer of an applied command, the same on every node. Index is the log index it was applied at.
type Result struct {
	Index uint64       `cbor:"index"`
	Body  codec.Raw    `cbor:"body,omitempty"`
	Err   *model.Error `cbor:"err,omitempty"`
}

// Meta is what a reducer may know besides state and arguments.
type Meta struct {
	ID    ID
	Pos   model.Pos
	At    model.Time // state time: the leader's stamp, never going back
	Level uint16     // active feature level
	Actor model.Actor
	Node  model.NodeID // where the request arrived
}

// NewID derives the n-th identifier of objects that this command creates.
func (m Meta) NewID(n int) string { return model.DeriveID("command", m.ID.String(), fmt.Sprint(n)) }

// Proposer gets a command into the log and returns after it was applied, by a majority's leave, on the leader and on this
// node; of a command whose answer suffices (Def.Suffices) on the leader. An error without a Result means
// that the outcome is not known or that it did not happen: see its Kind (Unavailable, Uncertain).
type Proposer interface {
	Propose(ctx context.Context, e Envelope) (Result, error)
}

// Propose asks for a change in the name of an actor and gives the typed result.
func Propose[A, R any](ctx context.Context, p Proposer, d Def[A, R], actor model.Actor, args A) (R, error) {
	r, _, err := ProposeAt(ctx, p, d, actor, args)
	return r, err
}

// ProposeAt is Propose that also tells the log index at which the command was applied.
func ProposeAt[A, R any](ctx context.Context, p Proposer, d Def[A, R], actor model.Actor, args A) (R, uint64, error) {
	var out, zero R
	index, err := d.propose(ctx, p, actor, args, &out)
	if err != nil {
		return zero, index, err
	}
	return out, index, nil
}

// propose asks for the verb and decodes the result into out.
func (v verb) propose(ctx context.Context, p Proposer, actor model.Actor, args, out any) (index uint64, err error) {
	payload, err := codec.Encode(args)
	if err != nil {
		return 0, &model.Error{Op: string(v.kind), Kind: model.Internal, Msg: "arguments cannot be encoded", Err: err}
	}
	res, err := p.Propose(ctx, Envelope{Kind: v.kind, Version: v.version, Actor: actor, Payload: payload, Awaited: ctx.Value(awaited{}) != nil})
	if err != nil {
		return 0, err
	}
	if res.Err != nil {
		return res.Index, res.Err
	}
	if err := codec.Decode(res.Body, out); err != nil {
		return res.Index, &model.Error{Op: string(v.kind), Kind: model.Internal, Msg: "the result cannot be read", Err: err}
	}
	return res.Index, nil
}
