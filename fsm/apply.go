package fsm

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"cofre/fsm/audit"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// clock is the state time of one entry: the leader's stamp, never going back, and never far ahead but by clock.advance.
type clock struct {
	at      model.Time
	ahead   bool // the entry's stamp is too far ahead of state time
	stamped model.Time
}

func clockOf(r table.Reader, stamp model.Time) clock {
	s := state.SystemRow(r)
	c := clock{at: max(s.At, stamp), stamped: s.At}
	if s.At != 0 && stamp > s.At.Add(model.MaxStep) {
		c.at, c.ahead = s.At, true
	}
	return c
}

func (c clock) store(b *table.Batch) {
	tx := b.Tx(table.Stamp{})
	s := state.SystemRow(tx)
	if c.at > s.At {
		s.At = c.at
		state.System.Put(tx, &s)
	}
}

func (f *FSM) applyCommand(b *table.Batch, known *answers, c clock, l *raft.Log, ordinal int, e *command.Envelope) command.Result {
	tx := b.Tx(table.Stamp{})
	if res, ok := known.find(tx, e.ID); ok {
		return res
	}
	res := command.Result{Index: l.Index}
	switch {
	case e.Term != 0 && e.Term != l.Term:
		res.Err = model.Errorf(model.Fenced, "the command belongs to leadership term %d, not %d", e.Term, l.Term)
		return res
	case c.ahead && e.Kind != node.AdvanceClock.Kind():
		res.Err = model.Errorf(model.Unavailable, "the leader's clock is more than %s ahead of state time: wait for the clocks to agree", model.MaxStep)
		return res
	case e.Made < c.at.Add(-CommandsLive):
		res.Err = model.Errorf(model.Expired, "the command is older than %s by the cluster's time, %s: ask again; if the clocks are behind that time, when they reach it", CommandsLive, c.at)
		return res
	case e.Made > c.at.Add(CommandsLive) && e.Kind != node.AdvanceClock.Kind():
		res.Err = model.Errorf(model.Expired, "the command was made more than %s ahead of state time: correct the clock of node %s", CommandsLive, e.Node)
		return res
	}
	pos := model.PosOf(l.Index, ordinal)
	res.Body, res.Err = f.run(b, c, table.Stamp{Pos: pos, At: c.at, Node: e.Node, Actor: e.Actor}, e)
	// A clock that is ahead lets a command expire later: its answer stays as long.
	known.add(tx, pos, max(c.at, e.Made), e.ID, res)
	return res
}

func (f *FSM) run(b *table.Batch, c clock, stamp table.Stamp, e *command.Envelope) (codec.Raw, *model.Error) {
	def, ok := f.registry.Find(e.Kind, e.Version)
	if !ok {
		panic(fmt.Errorf("%w: %s version %d", command.ErrUndecodable, e.Kind, e.Version))
	}
	tx := b.Tx(stamp)
	m := command.Meta{ID: e.ID, Pos: stamp.Pos, At: stamp.At, Level: state.SystemRow(tx).Level, Actor: e.Actor, Node: e.Node}
	body, refused, panicked := contain(def, tx, m, e.Payload)
	if refused == nil {
		return body, nil
	}
	tx.Rollback()
	switch {
	case panicked:
		b.Tx(stamp).Emit(audit.CommandPanicked.With("kind", string(e.Kind), "command", e.ID.String()))
	case def.DenialsAudited() && (refused.Kind == model.Denied || refused.Kind == model.Unauthenticated || refused.Code == 1009):
		b.Tx(stamp).Emit(audit.CommandDenied.With("kind", string(e.Kind), "reason", refused.Kind.String(), "code", fmt.Sprint(refused.Code)))
	}
	return nil, refused
}

// contain runs a reducer; a panic of the reducer, or of the error it returns, becomes an Internal error, alike on every
// node, but storage errors and commands that cannot be understood stop the node.
func contain(def command.Erased, tx *table.Tx, m command.Meta, payload codec.Raw) (body codec.Raw, refused *model.Error, panicked bool) {
	var undecodable error
	defer func() {
		switch p := recover().(type) {
		case nil:
		case table.Failure:
			panic(p)
		default:
			body, panicked = nil, true
			refused = model.Errorf(model.Internal, "the command %s failed by a defect", m.ID)
		}
		if undecodable != nil {
			panic(undecodable)
		}
	}()
	body, err := def.Apply(tx, m, payload)
	switch {
	case err == nil:
		return body, nil, false
	case errors.Is(err, command.ErrUndecodable):
		undecodable = err
		return nil, nil, false
	}
	var me *model.Error
	if !errors.As(err, &me) {
		me = model.Errorf(model.Internal, "the command %s failed by a defect", def.Kind())
	}
	stored := *me // without the cause: a foreign error is not part of the state
	stored.Err = nil
	return nil, &stored, false
}
