package fsm

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"cofre/fsm/audit"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

const (
	answersLive = 2 * time.Minute  // RULES 2: how long results are remembered
	maxStep     = 10 * time.Minute // RULES 1: how far one entry may move state time
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
	if s.At != 0 && stamp > s.At.Add(maxStep) {
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

func (f *FSM) applyCommand(b *table.Batch, c clock, l *raft.Log, ordinal int, e *command.Envelope) command.Result {
	reader := b.Tx(table.Stamp{})
	if a, ok := state.Answers.Get(reader, string(e.ID[:])); ok {
		return command.Result{Index: a.Index, Body: a.Body, Err: a.Err}
	}
	res := command.Result{Index: l.Index}
	switch {
	case e.Term != 0 && e.Term != l.Term:
		res.Err = model.Errorf(model.Fenced, "the command belongs to leadership term %d, not %d", e.Term, l.Term)
		return res
	case c.ahead && e.Kind != node.AdvanceClock.Kind():
		res.Err = model.Errorf(model.Unavailable, "the leader's clock is more than %s ahead of state time: wait for the clocks to agree", maxStep)
		return res
	case e.Made < c.at.Add(-answersLive):
		res.Err = model.Errorf(model.Expired, "the command is older than %s: ask again", answersLive)
		return res
	case e.Made > c.at.Add(answersLive) && e.Kind != node.AdvanceClock.Kind():
		res.Err = model.Errorf(model.Expired, "the command was made more than %s ahead of state time: correct the clock of node %s", answersLive, e.Node)
		return res
	}
	// A clock that is ahead lets a command expire later: its answer stays as long.
	res.Body, res.Err = f.run(b, c, table.Stamp{Pos: model.PosOf(l.Index, ordinal), At: c.at, Node: e.Node, Actor: e.Actor}, e)
	state.Answers.Put(b.Tx(table.Stamp{}), &state.Answer{ID: e.ID[:], At: max(c.at, e.Made), Index: l.Index, Body: res.Body, Err: res.Err})
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

// forgetAnswers removes at most n answers that are too old to be asked for again. f.oldest is the time of the oldest one
// that it left, so that it looks only when there is something to remove, and starts there: the store keeps markers of
// removed rows for a while, and nothing older can have been added since.
func (f *FSM) forgetAnswers(b *table.Batch, at model.Time, n int) {
	limit := at.Add(-answersLive)
	if limit <= f.oldest {
		return
	}
	tx := b.Tx(table.Stamp{})
	var old []string
	oldest := at
	for a := range state.Answers.Range(tx, "at", table.TimeKey(f.oldest), table.TimeKey(at+1)) {
		if a.At >= limit || len(old) == n {
			oldest = a.At
			break
		}
		old = append(old, string(a.ID))
	}
	f.oldest = oldest
	for _, id := range old {
		state.Answers.Delete(tx, id)
	}
}
