package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// end remembers, in a small file beside the store, how far the store reached: a log whose newest files were cut or removed
// looks like a shorter one that is whole, and its node would forget entries that it confirmed, or for whom it voted.
//
// The file is written in place behind each write of the store and not synced, which costs a microsecond: the kernel has it
// although the process dies, and after a power cut it tells an end that is older by a few seconds at most, never a newer
// one. Only before entries are taken off the end of the log it is made durable, with the lower end.
type end struct {
	file vfs.File
	at   reach
}

// reach is the last entry, and raft's term and the term of its last vote.
type reach struct{ last, term, vote uint64 }

const (
	endSuffix = ".end"
	endSize   = 3*8 + 4
)

// raft's own names of its values.
const currentTerm, lastVoteTerm = "CurrentTerm", "LastVoteTerm"

// openEnd opens or creates the file of the store in a directory. It knows nothing when the file is new or was never written.
func openEnd(files vfs.FS, dir string) (*end, error) {
	path := dir + endSuffix
	f, err := files.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	e := &end{file: f}
	b := make([]byte, endSize+1)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), f.Close())
	}
	if b = b[:n]; !blank(b) {
		if n != endSize || binary.BigEndian.Uint32(b[24:]) != crc32.Checksum(b[:24], castagnoli) {
			return nil, errors.Join(fmt.Errorf("%w: %s", ErrDamaged, path), f.Close())
		}
		e.at = reach{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}
	}
	return e, nil
}

// blank tells a file that was made and never written, or whose first bytes a power cut took.
func blank(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// behind tells what a store lacks of what it held.
func (e *end) behind(have reach) error {
	switch {
	case have.last < e.at.last:
		return fmt.Errorf("%w: it ends at entry %d, and entry %d was confirmed", ErrDamaged, have.last, e.at.last)
	case have.term < e.at.term:
		return fmt.Errorf("%w: it tells the term %d, and the node was in term %d", ErrDamaged, have.term, e.at.term)
	case have.vote < e.at.vote:
		return fmt.Errorf("%w: it tells a vote in term %d, and the node voted in term %d", ErrDamaged, have.vote, e.at.vote)
	}
	return nil
}

func (e *end) write(to reach) error {
	if to == e.at {
		return nil
	}
	var b [endSize]byte
	binary.BigEndian.PutUint64(b[:], to.last)
	binary.BigEndian.PutUint64(b[8:], to.term)
	binary.BigEndian.PutUint64(b[16:], to.vote)
	binary.BigEndian.PutUint32(b[24:], crc32.Checksum(b[:24], castagnoli))
	if _, err := e.file.WriteAt(b[:], 0); err != nil {
		return fmt.Errorf("remember the end of the log: %w", err)
	}
	e.at = to
	return nil
}

// lower makes a lower end durable, before the entries behind it go.
func (e *end) lower(last uint64) error {
	to := e.at
	to.last = min(to.last, last)
	if err := e.write(to); err != nil {
		return err
	}
	if err := e.file.Sync(); err != nil {
		return fmt.Errorf("remember the end of the log: %w", err)
	}
	return nil
}
