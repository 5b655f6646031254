package raftnode

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/hashicorp/raft"
	"github.com/sirupsen/logrus"
)

// Snapshots is raft's snapshot store over a state machine that lives on disk. A snapshot taken here writes a record of a
// few hundred bytes; the stream is made only for a follower that needs it.
type Snapshots struct {
	files Files
	sm    StateMachine
	log   logrus.FieldLogger

	mu       sync.Mutex // guards what follows; held across the write of a record, which orders records
	records  []*record  // oldest first
	next     uint64
	building int // states being received
}

// OpenSnapshots reads the records, finishes an interrupted install, and decides whether this node may start.
func OpenSnapshots(files Files, sm StateMachine, log logrus.FieldLogger) (*Snapshots, error) {
	records, err := readRecords(files)
	if err != nil {
		return nil, err
	}
	s := &Snapshots{files: files, sm: sm, log: log, records: records, next: 1}
	if r := s.newest(); r != nil {
		if _, err := fmt.Sscanf(r.id, "%d-", &s.next); err != nil {
			return nil, fmt.Errorf("read snapshot record %s: %w", r.id, err)
		}
		s.next++
		if r.Dir != sm.Directory() {
			if err := sm.Flip(r.Dir); err != nil {
				return nil, fmt.Errorf("finish the installation of a received state: %w", err)
			}
		}
		if have := sm.Position().Index; have < r.FSMIndex {
			return nil, &StaleStateError{Have: have, Need: r.FSMIndex}
		}
	}
	s.reap()
	return s, nil
}

// StaleStateError refuses the start of a node whose state directory is older than its log.
type StaleStateError struct{ Have, Need uint64 }

func (e *StaleStateError) Error() string {
	return fmt.Sprintf("the state of this node ends at log index %d, but its log begins after %d: rows are missing that no log entry brings back. "+
		"Run \"cofre cluster remove\" for this node on another one, wipe its data directory, and join it again under a new node id", e.Have, e.Need)
}

// StaleLogError refuses the start of a node whose log is older than its state: it has forgotten what it confirmed.
type StaleLogError struct{ Last, Applied uint64 }

func (e *StaleLogError) Error() string {
	return fmt.Sprintf("the log of this node ends at index %d, but its state has applied entry %d: entries that it confirmed are missing. "+
		"Run \"cofre cluster remove\" for this node on another one, wipe its data directory, and join it again under a new node id", e.Last, e.Applied)
}

// covers checks that the log, or the record that it was truncated for, reaches what was applied: entries are durable
// before they are applied. It gives the end of the two.
func (s *Snapshots) covers(log raft.LogStore) (last uint64, err error) {
	last, err = log.LastIndex()
	if err != nil {
		return 0, fmt.Errorf("find the end of the log: %w", err)
	}
	if r := s.newest(); r != nil {
		last = max(last, r.RaftIndex)
	}
	if applied := s.sm.Position().Index; last < applied {
		return 0, &StaleLogError{Last: last, Applied: applied}
	}
	return last, nil
}

func (s *Snapshots) newest() *record {
	if len(s.records) == 0 {
		return nil
	}
	return s.records[len(s.records)-1]
}

// List gives the newest record only: older ones are kept for people, never restored from.
func (s *Snapshots) List() ([]*raft.SnapshotMeta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.newest(); r != nil {
		return []*raft.SnapshotMeta{r.meta()}, nil
	}
	return nil, nil
}

// Open gives the pointer to a received state that is not in use yet, else a stream of the state as it is now.
func (s *Snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	r := s.newest()
	s.mu.Unlock()
	if r == nil || r.id != id {
		return nil, nil, fmt.Errorf("open snapshot %s: a newer one took its place", id)
	}
	if r.Dir != s.sm.Directory() {
		pointer := PointerLine + r.Dir + "\n"
		meta := r.meta()
		meta.Size = int64(len(pointer))
		return meta, io.NopCloser(strings.NewReader(pointer)), nil
	}
	stream, err := s.sm.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("open snapshot %s: %w", id, err)
	}
	meta, err := streamMeta(r, stream)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open snapshot %s: %w", id, err), stream.Close())
	}
	return meta, stream, nil
}

// streamMeta describes the stream by its own position. Where the record's index is higher, everything between was seen
// by raft only (no-ops, barriers), so the stream stands for that index too; a lower one could ask for truncated entries
// again and again.
func streamMeta(r *record, s Stream) (*raft.SnapshotMeta, error) {
	meta, pos := r.meta(), s.Position()
	meta.Size = s.Size()
	if pos.Index > meta.Index {
		meta.Index, meta.Term = pos.Index, pos.Term
	}
	if pos.ConfigurationIndex > meta.ConfigurationIndex {
		c, err := decodeConfiguration(pos.Configuration)
		if err != nil {
			return nil, err
		}
		meta.Configuration, meta.ConfigurationIndex = c, pos.ConfigurationIndex
	}
	return meta, nil
}

// Create begins a snapshot. What it becomes shows when it is closed: without a Write it stands for the state in use,
// with Writes it is a state received from the leader.
func (s *Snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	if version != raft.SnapshotVersionMax {
		return nil, fmt.Errorf("create a snapshot: version %d is not supported", version)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := &sink{store: s, record: &record{
		RaftIndex: index, Term: term, Configuration: raft.EncodeConfiguration(configuration), ConfigurationIndex: configurationIndex,
		FSMIndex: s.sm.Position().Index, Dir: s.sm.Directory(), id: recordID(s.next, index),
	}}
	s.next++
	return k, nil
}

// commit writes a record, which from then on is the truth, and forgets old ones.
func (s *Snapshots) commit(r *record, received bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.newest(); last != nil {
		if !received && (last.Dir != r.Dir || s.sm.Directory() != r.Dir) {
			return errors.New("a state was received meanwhile")
		}
		if last.id > r.id {
			r.id = recordID(s.next, r.RaftIndex)
			s.next++
		}
	}
	if err := s.files.Replace(r.id+recordSuffix, r.encode()); err != nil {
		return fmt.Errorf("write a snapshot record: %w", err)
	}
	s.records = append(s.records, r)
	s.reap()
	return nil
}

func (s *Snapshots) receiving(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.building += n
}

// reap removes old records, then the state directories that no record needs. Failing is not dangerous, only untidy.
func (s *Snapshots) reap() {
	for len(s.records) > keptRecords {
		if err := s.files.Remove(s.records[0].id + recordSuffix); err != nil {
			s.log.WithError(err).Warn("remove an old snapshot record")
			return
		}
		s.records = s.records[1:]
	}
	if s.building > 0 {
		return // its directory has no record yet
	}
	var keep []string
	if r := s.newest(); r != nil {
		keep = append(keep, r.Dir)
	}
	if err := s.sm.Reap(keep...); err != nil {
		s.log.WithError(err).Warn("remove an old state directory")
	}
}
