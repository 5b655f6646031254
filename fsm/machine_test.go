package fsm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"cofre/fsm"
	"cofre/fsm/audit"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// The verbs of a feature that misbehaves in every way a reducer can.
var (
	add = command.Define("test.add", 1, func(tx *table.Tx, m command.Meta, _ struct{}) (uint64, error) {
		return state.Next(tx, "test"), nil
	})
	deny = command.Define("test.deny", 1, func(tx *table.Tx, m command.Meta, _ struct{}) (uint64, error) {
		state.Next(tx, "test")
		tx.Emit(audit.ClockConfirmed.With("time", "never"))
		return 0, model.Errorf(model.Denied, "no")
	}).AuditDenials()
	crashing = command.Define("test.panic", 1, func(tx *table.Tx, m command.Meta, _ struct{}) (uint64, error) {
		state.Next(tx, "test")
		var none []int
		return uint64(none[m.Pos&1]), nil
	})
	typedNil = command.Define("test.nil", 1, func(tx *table.Tx, m command.Meta, _ struct{}) (uint64, error) {
		state.Next(tx, "test")
		var e *model.Error
		return 0, e
	})
	wrappedNil = command.Define("test.wrapped", 1, func(tx *table.Tx, m command.Meta, _ struct{}) (uint64, error) {
		state.Next(tx, "test")
		var e *model.Error
		return 0, nilError{e}
	})
	foreign = command.Define("test.foreign", 1, func(tx *table.Tx, m command.Meta, _ struct{}) (uint64, error) {
		state.Next(tx, "test")
		return 0, errors.New("differs from node to node")
	})
	broken = command.Define("test.storage", 1, func(*table.Tx, command.Meta, struct{}) (uint64, error) {
		panic(table.Failure{Op: "read", Err: errors.New("bad sector")})
	})
	long = command.Define("test.long", 1, func(tx *table.Tx, m command.Meta, n int) (string, error) {
		return strings.Repeat(fmt.Sprint(state.Next(tx, "test")), n), nil
	})
	level   = command.Define("test.level", 1, func(_ *table.Tx, m command.Meta, _ struct{}) (uint64, error) { return uint64(m.Level), nil })
	feature = command.Feature{Name: "test", Commands: []command.Erased{add, level, manyKeys, fullRows, alterRows, crowdRows, long, deny, crashing, typedNil, wrappedNil, foreign, broken}}
)

// nilError wraps an error that is a typed nil.
type nilError struct{ e *model.Error }

func (nilError) Error() string   { return "wrapped" }
func (n nilError) Unwrap() error { return n.e }

type machine struct {
	*fsm.FSM
	t     *testing.T
	index uint64
	id    int
}

func start(t *testing.T) *machine {
	t.Helper()
	m := &machine{FSM: openLevel(t, t.TempDir(), fsm.Level), t: t}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func openLevel(t *testing.T, dir string, level uint16) *fsm.FSM {
	t.Helper()
	r, err := command.NewRegistry(level, append([]command.Feature{feature}, fsm.Features...)...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := fsm.Open(dir, r, table.Options{Cache: 1 << 20, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type quiet struct{}

func (quiet) Infof(string, ...any)      {}
func (quiet) Errorf(string, ...any)     {}
func (quiet) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// envelope makes a new command of the system, made at a moment.
func (m *machine) envelope(k command.Kind, made model.Time, args any) command.Envelope {
	m.id++
	return command.Envelope{Kind: k, Version: 1, ID: fsmtest.ID(m.id), Made: made, Node: "n1", Payload: codec.MustEncode(args),
		Actor: model.Actor{Kind: model.ActorSystem, Name: "test"}}
}

func (m *machine) log(at model.Time, es ...command.Envelope) *raft.Log {
	m.index++
	return &raft.Log{Index: m.index, Term: 1, Type: raft.LogCommand, Data: codec.MustEncode(&command.Entry{At: at, Term: 1, Commands: es})}
}

func (m *machine) entry(at model.Time, es ...command.Envelope) []command.Result {
	m.t.Helper()
	return m.Apply(m.log(at, es...)).([]command.Result)
}

// one applies a new command that is made at the entry's moment.
func (m *machine) one(at model.Time, k command.Kind, args any) command.Result {
	m.t.Helper()
	return m.entry(at, m.envelope(k, at, args))[0]
}

func (m *machine) now() model.Time {
	v := m.View()
	defer v.Close()
	return state.SystemRow(v).At
}

func (m *machine) count() (n uint64) {
	v := m.View()
	defer v.Close()
	if s, ok := state.Sequences.Get(v, "test"); ok {
		n = s.Last
	}
	return n
}

func kind(r command.Result) string {
	if r.Err == nil {
		return "ok"
	}
	return r.Err.Kind.String()
}

const t0 = model.Time(1_767_225_600_000)
