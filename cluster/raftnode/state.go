package raftnode

import (
	"context"
	"io"

	"github.com/hashicorp/raft"
)

// Position is what the store knows of the log, written in the same batch as the rows.
type Position struct {
	Index, Term        uint64
	Configuration      []byte // raft.EncodeConfiguration
	ConfigurationIndex uint64
}

// Stream is one pinned state on its way out. Size is exact: a follower installs exactly that many bytes.
type Stream interface {
	io.ReadCloser
	Position() Position
	Size() int64
}

// StateMachine is the replicated state as this package drives it; package fsm is one.
type StateMachine interface {
	// ApplyBatch answers []command.Result for each command entry; it handles LogConfiguration itself. Restore accepts a
	// whole stream, or the pointer of PointerLine to a directory that Build made.
	raft.BatchingFSM
	// Applied is the index of the newest committed rows.
	Applied() uint64
	// Wait returns when Applied reached index.
	Wait(ctx context.Context, index uint64) error
	// Flush makes the committed rows durable.
	Flush() error
	// Position is the log position of the committed rows.
	Position() Position
	// Open pins the committed state.
	Open() (Stream, error)
	// Build verifies a stream and makes a durable directory of it, not yet in use.
	Build(r io.Reader) (dir string, index uint64, err error)
	// Flip puts a built directory into use; it is idempotent.
	Flip(dir string) error
	// Directory is the name of the directory in use.
	Directory() string
	// Reap removes directories that are neither in use nor pinned nor named.
	Reap(keep ...string) error
	// Level is the active feature level.
	Level() uint16
}

// PointerLine begins the stream that Open gives to Restore for a state that was built aside; the directory's name and a
// line break follow.
const PointerLine = "cofre-pointer 1\n"
