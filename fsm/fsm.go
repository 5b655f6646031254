// Package fsm is the replicated state machine: it applies committed log entries to the tables.
//
// Apply is a pure function of state and entry. The machine guarantees: a command is applied once however often it was
// proposed; time never goes back; a refused command leaves nothing but, where its declaration asks for it, a denial
// event; a defect in a reducer is the same harmless result on every node; a storage error is never a result. It never
// sees a key or a plaintext secret. cluster drives it as raft.FSM; readers take views.
package fsm

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// FSM is one replica of the state. raft calls ApplyBatch, Snapshot and Restore, one at a time.
type FSM struct {
	home     *table.Home
	registry *command.Registry
	applied  atomic.Uint64
	level    atomic.Uint32
	answers  *answers // nil: to be read from the rows; touched by raft's one caller only

	mu      sync.Mutex // guards what follows
	changed chan struct{}
	watches []*watch
	rows    map[*rowWatch]struct{}
	hash    HashAt
}

// HashAt is the state hash after the entry at an index.
type HashAt struct {
	Index uint64
	Hash  table.Hash
}

// Open opens the replica under dir.
func Open(dir string, registry *command.Registry, o table.Options) (*FSM, error) {
	home, err := table.OpenHome(dir, state.Schema, o)
	if err != nil {
		return nil, err
	}
	f := &FSM{home: home, registry: registry, changed: make(chan struct{}), rows: map[*rowWatch]struct{}{}}
	f.publish(nil)
	if l := f.Level(); l > registry.Level() {
		_ = home.Close()
		return nil, model.Errorf(model.Conflict, "the state is at feature level %d, this binary knows %d: install the cluster's version of cofre", l, registry.Level())
	}
	return f, nil
}

// View pins a consistent reading of the state.
func (f *FSM) View() *table.View { return f.home.View() }

// Level is the active feature level.
func (f *FSM) Level() uint16 { return uint16(f.level.Load()) }

// Close closes the replica, flushed.
func (f *FSM) Close() error { return f.home.Close() }

// LastHash is the newest state hash taken at a multiple of 4096 (RULES 4); Index 0 if there is none yet.
func (f *FSM) LastHash() HashAt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hash
}

// Apply applies one log entry; raft prefers ApplyBatch.
func (f *FSM) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// hashEvery is the distance in log indexes between two state hashes.
const hashEvery = 4096

// ApplyBatch applies committed entries in order and commits them together with the applied index. For a command entry
// the answer is a []command.Result, one per command.
func (f *FSM) ApplyBatch(logs []*raft.Log) []any {
	b := f.home.Store().Begin()
	known := f.answers
	if f.answers = nil; known == nil { // a batch that is not committed leaves nothing in memory either
		known = loadAnswers(b.Tx(table.Stamp{}))
	}
	answers := make([]any, len(logs))
	var hash HashAt
	for i, l := range logs {
		before := b.Meta().Index
		if l.Index <= before {
			continue // replayed after a restart: the rows are newer
		}
		switch l.Type {
		case raft.LogConfiguration:
			b.Meta().Configuration, b.Meta().ConfigurationIndex = append([]byte(nil), l.Data...), l.Index
		case raft.LogCommand:
			answers[i] = f.applyEntry(b, known, l)
			if l.Index/hashEvery > before/hashEvery {
				hash = HashAt{Index: l.Index, Hash: b.StateHash()}
			}
		}
		b.Meta().Index, b.Meta().Term = l.Index, l.Term
	}
	b.Commit()
	f.answers = known
	if hash.Index > 0 {
		f.mu.Lock()
		f.hash = hash
		f.mu.Unlock()
	}
	f.publish(b)
	return answers
}

func (f *FSM) applyEntry(b *table.Batch, known *answers, l *raft.Log) []command.Result {
	var e command.Entry
	if err := codec.Decode(l.Data, &e); err != nil {
		panic(fmt.Errorf("log entry %d: %w: %w", l.Index, command.ErrUndecodable, err))
	}
	tx := b.Tx(table.Stamp{})
	c := clockOf(tx, e.At)
	results := make([]command.Result, len(e.Commands))
	for i := range e.Commands {
		results[i] = f.applyCommand(b, known, c, l, i, &e.Commands[i])
	}
	c.store(b)
	known.store(tx)
	known.forget(tx, c.at, 2*len(e.Commands)+16)
	return results
}
