package fsm

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/raft"

	"cofre/fsm/table"
)

// pointerLine begins the stream that a snapshot store hands to Restore after it built a received state aside: the next
// line names the store's directory.
const pointerLine = "cofre-pointer 1\n"

// Snapshot makes the committed rows durable so that raft may truncate its log; nothing is copied (DESIGN 7).
func (f *FSM) Snapshot() (raft.FSMSnapshot, error) { return flushed{f}, nil }

type flushed struct{ f *FSM }

func (s flushed) Persist(sink raft.SnapshotSink) error {
	if err := s.f.Flush(); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (flushed) Release() {}

// Flush makes the committed rows durable.
func (f *FSM) Flush() error { return f.home.Store().Flush() }

// Position is the log position of the committed rows.
func (f *FSM) Position() table.Applied {
	v := f.View()
	defer v.Close()
	return v.Applied()
}

// Directory is the name of the store in use.
func (f *FSM) Directory() string { return f.home.Directory() }

// Flip puts a built store into use.
func (f *FSM) Flip(dir string) error {
	if err := f.home.Flip(dir); err != nil {
		return err
	}
	f.answers = nil
	f.publish(nil)
	return nil
}

// Reap removes built stores that nobody needs.
func (f *FSM) Reap(keep ...string) error { return f.home.Reap(keep...) }

// Restore puts a received state into use: either one that was already built aside (a pointer), or a whole stream.
func (f *FSM) Restore(r io.ReadCloser) error {
	defer func() { _ = r.Close() }()
	br := bufio.NewReader(r)
	head, err := br.Peek(len(pointerLine))
	if err != nil {
		return fmt.Errorf("restore the state: the stream has no header: %w", err)
	}
	var dir string
	if string(head) == pointerLine {
		b, err := io.ReadAll(io.LimitReader(br, 512))
		if err != nil {
			return fmt.Errorf("restore the state: %w", err)
		}
		dir = strings.TrimSuffix(strings.TrimPrefix(string(b), pointerLine), "\n")
	} else if dir, _, err = f.Build(br); err != nil {
		return err
	}
	return f.Flip(dir)
}

// Build reads a state stream, verifies it, and makes a durable store of it aside. It is not in use yet.
func (f *FSM) Build(r io.Reader) (dir string, index uint64, err error) {
	d, err := newStreamReader(r)
	if err != nil {
		return "", 0, err
	}
	if d.header.Level > f.registry.Level() {
		return "", 0, fmt.Errorf("restore the state: it is at feature level %d, this binary knows %d", d.header.Level, f.registry.Level())
	}
	var salt [4]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return "", 0, fmt.Errorf("restore the state: %w", err)
	}
	dir = fmt.Sprintf("%d-%s", d.header.Applied.Index, hex.EncodeToString(salt[:]))
	sum, err := f.home.Build(dir, d.next, d.header.Applied)
	if err != nil {
		return "", 0, fmt.Errorf("restore the state: %w", err)
	}
	if string(sum[:]) != string(d.header.Hash) {
		return "", 0, errors.Join(fmt.Errorf("restore the state: its rows do not have the hash that its header names"), f.home.Remove(dir))
	}
	return dir, d.header.Applied.Index, nil
}
