package clustertest

import (
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/cluster/raftnode"
	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/trail"
)

// Replica is the real state machine, on files. Its life ends like that of a killed process: what Pebble did not write
// yet is lost, because its own log is off.
type Replica struct {
	*fsm.FSM
	dead atomic.Bool
}

// openReplica opens the state on a disk.
func openReplica(disk vfs.FS, registry *command.Registry) (*Replica, error) {
	f, err := fsm.Open("state", registry, table.Options{FS: disk, Cache: 1 << 20, Logger: Silent{}})
	if err != nil {
		return nil, err
	}
	return &Replica{FSM: f}, nil
}

// Silent drops what Pebble logs.
type Silent struct{}

// Infof drops a line.
func (Silent) Infof(string, ...any) {}

// Errorf drops a line.
func (Silent) Errorf(string, ...any) {}

// Fatalf panics: the store cannot go on.
func (Silent) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// Position adapts fsm's.
func (r *Replica) Position() raftnode.Position { return raftnode.Position(r.FSM.Position()) }

// Flush fails once the process is dead.
func (r *Replica) Flush() error {
	if r.dead.Load() {
		return ErrCrashed
	}
	return r.FSM.Flush()
}

// Open adapts fsm's.
func (r *Replica) Open() (raftnode.Stream, error) {
	s, err := r.FSM.Open()
	if err != nil {
		return nil, err
	}
	return stateStream{s}, nil
}

// time is the state's.
func (r *Replica) time() model.Time {
	v := r.View()
	defer v.Close()
	return state.SystemRow(v).At
}

type stateStream struct{ *fsm.Stream }

func (s stateStream) Position() raftnode.Position { return raftnode.Position(s.Stream.Position()) }

// NoteCommand is a command of the real state machine that leaves one event in the trail.
func NoteCommand(source string) command.Envelope {
	return command.Envelope{Kind: trail.Note.Kind(), Version: trail.Note.Version(), Actor: model.Actor{Kind: model.ActorSystem, Name: "test"},
		Payload: codec.MustEncode(trail.NoteArgs{Count: 1, Sources: []string{source}})}
}
