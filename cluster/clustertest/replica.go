package clustertest

import (
	"fmt"
	"os"
	"sync/atomic"

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

// openReplica opens the state under dir.
func openReplica(dir string) (*Replica, error) {
	registry, err := fsm.NewRegistry()
	if err != nil {
		return nil, err
	}
	f, err := fsm.Open(dir, registry, table.Options{Cache: 1 << 20})
	if err != nil {
		return nil, err
	}
	return &Replica{FSM: f}, nil
}

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

// abandon copies the files as the kill left them to a new directory and only then closes the store.
func (r *Replica) abandon(dir string) (left string, err error) {
	if left, err = os.MkdirTemp("", "cofre-crash-"); err != nil {
		return "", err
	}
	if err := os.CopyFS(left+"/state", os.DirFS(dir)); err != nil {
		return "", fmt.Errorf("copy the state of a killed node: %w", err)
	}
	return left + "/state", r.Close()
}

// NoteCommand is a command of the real state machine that leaves one event in the trail.
func NoteCommand(source string) command.Envelope {
	return command.Envelope{Kind: trail.Note.Kind(), Version: trail.Note.Version(), Actor: model.Actor{Kind: model.ActorSystem, Name: "test"},
		Payload: codec.MustEncode(trail.NoteArgs{Count: 1, Sources: []string{source}})}
}
