// Package raftlog keeps raft's log and its few values (term, vote) in a Pebble store of their own, whose write-ahead log
// is what makes them durable: one fdatasync for a group of entries, in files that are used again, where a B+tree needs
// two and writes its pages anew (ADR 0024).
//
// It guarantees that what StoreLogs, Set and DeleteRange confirmed is there after a crash, whole and in their order, and
// that a damaged file is an error and not an empty or shorter log: each chunk of the write-ahead log says how much of the
// file was durable before it, so a bad chunk below that is damage, and only one above it an unfinished last write. A log that
// ends before the end that is kept beside it is damaged too.
package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

const (
	// memTableSize bounds what a start reads again and what an idle node holds: entries are written once more, into a
	// table, when so many bytes have come together.
	memTableSize = 8 << 20
	cacheSize    = 4 << 20 // entries are read in order, and the newest ones come from raft's own cache
)

// ErrDamaged says that a file of the log is not what was written.
var ErrDamaged = errors.New("the log is damaged")

// Store implements raft.LogStore and raft.StableStore.
type Store struct {
	db     *pebble.DB
	cache  *pebble.Cache
	failed func(error)

	mu          sync.RWMutex // guards what follows
	first, last uint64       // both 0: no entries
	end         *end
}

// Options say where the store is and who hears about it.
type Options struct {
	FS     vfs.FS // nil: the operating system's
	Logger pebble.Logger
	Full   func()      // is waited for when the disk has no space, before what failed is tried once more
	Failed func(error) // is told of entries that cannot be read and of tables that cannot be written, and must not use the store
}

// Open opens or creates the store in a directory; ErrDamaged when a file of it is not what was written.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Full != nil {
		o.FS = vfs.OnDiskFull(o.FS, o.Full)
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	if err := checkManifests(o.FS, dir); err != nil {
		return nil, fmt.Errorf("open the log in %s: %w", dir, err)
	}
	cache := pebble.NewCache(cacheSize + 2*memTableSize) // memory tables count against it
	db, err := pebble.Open(dir, &pebble.Options{
		FS: o.FS, Cache: cache, MemTableSize: memTableSize, MemTableStopWritesThreshold: 4,
		FormatMajorVersion: pebble.FormatNewest, Logger: o.Logger, MaxOpenFiles: 64, MaxManifestFileSize: 256 << 10,
		EventListener: &pebble.EventListener{BackgroundError: o.Failed},
	})
	if err != nil {
		cache.Unref()
		if pebble.IsCorruptionError(err) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return nil, fmt.Errorf("open the log in %s: %w", dir, err)
	}
	s := &Store{db: db, cache: cache, failed: o.Failed}
	if err := s.bounds(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the log in %s: %w", dir, err), s.Close())
	}
	if err := s.checkEnd(o.FS, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open the log in %s: %w", dir, err), s.Close())
	}
	return s, nil
}

// checkEnd refuses a store that lacks what it once held.
func (s *Store) checkEnd(fs vfs.FS, dir string) (err error) {
	if s.end, err = openEnd(fs, dir); err != nil {
		return err
	}
	have := reach{last: s.last}
	for name, n := range map[string]*uint64{currentTerm: &have.term, lastVoteTerm: &have.vote} {
		if *n, err = s.GetUint64([]byte(name)); err != nil && !errors.Is(err, errNotFound) {
			return err
		}
	}
	if err := s.end.behind(have); err != nil {
		return err
	}
	return s.end.write(have)
}

// Close writes what stands in memory into tables, which tell a changed byte wherever it is, and closes the files.
func (s *Store) Close() error {
	err := errors.Join(s.db.Flush(), s.db.Close())
	s.cache.Unref()
	if s.end != nil {
		err = errors.Join(err, s.end.file.Close())
	}
	if err != nil {
		return fmt.Errorf("close the log: %w", err)
	}
	return nil
}

// The keys: entries by index, so that they stand in order, and values by name.
const entrySpace, valueSpace = 'e', 'v'

func entryKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{entrySpace}, index)
}

func valueKey(name []byte) []byte { return append([]byte{valueSpace}, name...) }

// bounds finds the first and the last entry.
func (s *Store) bounds() (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{entrySpace}, UpperBound: []byte{entrySpace + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for _, at := range []struct {
		seek func() bool
		to   *uint64
	}{{it.First, &s.first}, {it.Last, &s.last}} {
		*at.to = 0
		if !at.seek() {
			continue
		}
		if len(it.Key()) != 9 {
			return ErrDamaged
		}
		*at.to = binary.BigEndian.Uint64(it.Key()[1:])
	}
	return it.Error()
}

// FirstIndex implements raft.LogStore.
func (s *Store) FirstIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.first, nil
}

// LastIndex implements raft.LogStore.
func (s *Store) LastIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.last, nil
}

// GetLog implements raft.LogStore; ErrLogNotFound for an entry that is not there.
func (s *Store) GetLog(index uint64, l *raft.Log) error {
	value, err := s.read(entryKey(index))
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return raft.ErrLogNotFound
	case err != nil:
		return fmt.Errorf("read log entry %d: %w", index, err)
	}
	if err := decode(value, l); err != nil {
		return fmt.Errorf("read log entry %d: %w", index, err)
	}
	l.Index = index
	return nil
}

func (s *Store) read(key []byte) ([]byte, error) {
	v, closer, err := s.db.Get(key)
	if err != nil {
		if !errors.Is(err, pebble.ErrNotFound) {
			s.failed(err)
		}
		return nil, err
	}
	return append([]byte{}, v...), closer.Close()
}

// StoreLog implements raft.LogStore.
func (s *Store) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore: all of them or none, durable when it returns.
func (s *Store) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	b := s.db.NewBatch()
	for _, l := range logs {
		op := b.SetDeferred(9, size(l))
		op.Key[0] = entrySpace
		binary.BigEndian.PutUint64(op.Key[1:], l.Index)
		encode(op.Value, l)
		if err := op.Finish(); err != nil {
			return fmt.Errorf("store log entries: %w", err)
		}
	}
	if err := commit(b); err != nil {
		return fmt.Errorf("store log entries: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range logs {
		if s.first == 0 || l.Index < s.first {
			s.first = l.Index
		}
		s.last = max(s.last, l.Index)
	}
	to := s.end.at
	to.last = s.last
	return s.end.write(to)
}

func commit(b *pebble.Batch) error { return errors.Join(b.Commit(pebble.Sync), b.Close()) }

// DeleteRange implements raft.LogStore: from lowest to highest, both inclusive.
func (s *Store) DeleteRange(lowest, highest uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if highest >= s.last { // raft takes entries off the end, or all of them
		left := uint64(0)
		if lowest > s.first {
			left = lowest - 1
		}
		if err := s.end.lower(left); err != nil {
			return err
		}
	}
	if err := s.db.DeleteRange(entryKey(lowest), append(entryKey(highest), 0), pebble.Sync); err != nil {
		return fmt.Errorf("delete the log entries %d to %d: %w", lowest, highest, err)
	}
	if err := s.bounds(); err != nil {
		return fmt.Errorf("find the ends of the log: %w", err)
	}
	return nil
}

// errNotFound is told by its text: raft compares that.
var errNotFound = errors.New("not found")

// Set implements raft.StableStore.
func (s *Store) Set(key, value []byte) error {
	if err := s.db.Set(valueKey(key), value, pebble.Sync); err != nil {
		return fmt.Errorf("store raft's %s: %w", key, err)
	}
	if len(value) != 8 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.end.at
	switch string(key) {
	case currentTerm:
		to.term = binary.BigEndian.Uint64(value)
	case lastVoteTerm:
		to.vote = binary.BigEndian.Uint64(value)
	}
	return s.end.write(to)
}

// Get implements raft.StableStore.
func (s *Store) Get(key []byte) ([]byte, error) {
	v, err := s.read(valueKey(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read raft's %s: %w", key, err)
	}
	return v, nil
}

// SetUint64 implements raft.StableStore.
func (s *Store) SetUint64(key []byte, n uint64) error {
	return s.Set(key, binary.BigEndian.AppendUint64(nil, n))
}

// GetUint64 implements raft.StableStore.
func (s *Store) GetUint64(key []byte) (uint64, error) {
	v, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("read raft's %s: %w", key, ErrDamaged)
	}
	return binary.BigEndian.Uint64(v), nil
}

// An entry is stored as term, moment of its appending (nanoseconds of the epoch; 0: none), type, length of the
// extensions, extensions, data; numbers are big-endian.
const fixed = 8 + 8 + 1 + 4

func size(l *raft.Log) int { return fixed + len(l.Extensions) + len(l.Data) }

func encode(b []byte, l *raft.Log) {
	binary.BigEndian.PutUint64(b, l.Term)
	appended := uint64(0)
	if !l.AppendedAt.IsZero() {
		appended = uint64(l.AppendedAt.UnixNano())
	}
	binary.BigEndian.PutUint64(b[8:], appended)
	b[16] = byte(l.Type)
	binary.BigEndian.PutUint32(b[17:], uint32(len(l.Extensions)))
	n := copy(b[fixed:], l.Extensions)
	copy(b[fixed+n:], l.Data)
}

// decode reads an entry from bytes that it may keep.
func decode(b []byte, l *raft.Log) error {
	if len(b) < fixed {
		return ErrDamaged
	}
	n := int(binary.BigEndian.Uint32(b[17:]))
	if n > len(b)-fixed {
		return ErrDamaged
	}
	*l = raft.Log{Term: binary.BigEndian.Uint64(b), Type: raft.LogType(b[16]), Data: b[fixed+n:]}
	if at := binary.BigEndian.Uint64(b[8:]); at != 0 {
		l.AppendedAt = time.Unix(0, int64(at))
	}
	if n > 0 {
		l.Extensions = b[fixed : fixed+n : fixed+n]
	}
	return nil
}
