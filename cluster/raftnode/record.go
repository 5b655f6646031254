package raftnode

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/raft"

	"cofre/fsm/codec"
)

// record is a snapshot as this node keeps it: where the log may begin, and which state directory stands for it. The rows
// stay where they are.
type record struct {
	RaftIndex          uint64 `cbor:"raft_index"`
	Term               uint64 `cbor:"term"`
	Configuration      []byte `cbor:"configuration"`
	ConfigurationIndex uint64 `cbor:"configuration_index"`
	FSMIndex           uint64 `cbor:"fsm_index"` // raft's index counts entries that the state machine never sees
	Dir                string `cbor:"dir"`

	id string
}

const (
	recordSuffix = ".snapshot"
	keptRecords  = 2
)

// recordID orders by time of writing: the newest record is the truth, whatever its index.
func recordID(sequence uint64, index uint64) string { return fmt.Sprintf("%020d-%d", sequence, index) }

func (r *record) encode() []byte {
	body := codec.MustEncode(r)
	sum := sha256.Sum256(body)
	return append(sum[:], body...)
}

func decodeRecord(b []byte) (*record, error) {
	if len(b) < sha256.Size {
		return nil, errors.New("a snapshot record is cut short")
	}
	if sum := sha256.Sum256(b[sha256.Size:]); string(sum[:]) != string(b[:sha256.Size]) {
		return nil, errors.New("a snapshot record is damaged")
	}
	var r record
	if err := codec.Decode(b[sha256.Size:], &r); err != nil {
		return nil, err
	}
	if _, err := decodeConfiguration(r.Configuration); err != nil {
		return nil, err
	}
	return &r, nil
}

// decodeConfiguration contains raft's decoder, which panics on bytes it cannot read.
func decodeConfiguration(b []byte) (c raft.Configuration, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("a raft configuration cannot be decoded")
		}
	}()
	return raft.DecodeConfiguration(b), nil
}

func (r *record) meta() *raft.SnapshotMeta {
	c, err := decodeConfiguration(r.Configuration)
	if err != nil {
		panic(err) // it was checked when the record was read or made
	}
	return &raft.SnapshotMeta{
		Version: raft.SnapshotVersionMax, ID: r.id, Index: r.RaftIndex, Term: r.Term,
		Configuration: c, ConfigurationIndex: r.ConfigurationIndex,
	}
}

// readRecords loads every record, oldest first.
func readRecords(files Files) ([]*record, error) {
	names, err := files.List()
	if err != nil {
		return nil, fmt.Errorf("list snapshot records: %w", err)
	}
	var out []*record
	for _, name := range names {
		id, ok := strings.CutSuffix(name, recordSuffix)
		if !ok || strings.HasPrefix(name, ".") {
			continue
		}
		b, err := files.Read(name)
		if err != nil {
			return nil, fmt.Errorf("read snapshot record %s: %w", name, err)
		}
		r, err := decodeRecord(b)
		if err != nil {
			return nil, fmt.Errorf("read snapshot record %s: %w", name, err)
		}
		r.id = id
		out = append(out, r)
	}
	return out, nil
}
