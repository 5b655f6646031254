package raftnode

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"cofre/cluster/raftlog"
	"cofre/fsm/model"
)

// RecordCipher seals log entries under the node's disk key; vault/disk has one.
type RecordCipher interface {
	Seal(dst, plaintext, aad []byte) ([]byte, error)
	Open(box, aad []byte) ([]byte, error)
}

// cachedEntries bounds the newest entries kept decrypted in memory for replication.
const cachedEntries = 512

// Log is the durable log of a node together with raft's own few values (term, vote).
type Log struct {
	raft.LogStore
	raft.StableStore
	close func() error
}

// Close closes the files.
func (l *Log) Close() error { return l.close() }

// damagedAdvice ends the errors of a log that cannot be used: nothing in it can be mended, and its peers have it all.
const damagedAdvice = "a byte of it was changed or lost: remove this node (cofre cluster remove), delete its data and let it join under a new name"

// OpenLog opens or creates the log in a directory. Entries are encrypted; term, vote and the candidate's address are not.
func OpenLog(dir string, node model.NodeID, cipher RecordCipher, o raftlog.Options) (*Log, error) {
	store, err := raftlog.Open(dir, o)
	if errors.Is(err, raftlog.ErrDamaged) {
		return nil, fmt.Errorf("%w: %s", err, damagedAdvice)
	}
	if err != nil {
		return nil, err
	}
	l, err := newLog(store, store, node, cipher, dir)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	l.close = store.Close
	return l, nil
}

// NewLog puts encryption and a cache over given stores, which the caller closes.
func NewLog(logs raft.LogStore, stable raft.StableStore, node model.NodeID, cipher RecordCipher) (*Log, error) {
	return newLog(logs, stable, node, cipher, "")
}

func newLog(logs raft.LogStore, stable raft.StableStore, node model.NodeID, cipher RecordCipher, path string) (*Log, error) {
	cache, err := raft.NewLogCache(cachedEntries, &encryptedLog{LogStore: logs, node: node, cipher: cipher, path: path})
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return &Log{LogStore: cache, StableStore: stable, close: func() error { return nil }}, nil
}

// encryptedLog seals Data bound to node, index, term and type, always on a copy: raft and the cache keep using theirs.
type encryptedLog struct {
	raft.LogStore
	node   model.NodeID
	cipher RecordCipher
	path   string // of the store, for errors
}

func (s *encryptedLog) aad(l *raft.Log) []byte {
	b := make([]byte, 0, 24+len(s.node)+len(l.Extensions))
	b = binary.BigEndian.AppendUint64(b, l.Index)
	b = binary.BigEndian.AppendUint64(b, l.Term)
	b = append(b, byte(l.Type))
	b = binary.AppendUvarint(b, uint64(len(s.node)))
	b = append(b, s.node...)
	return append(b, l.Extensions...)
}

// GetLog reads and decrypts one entry.
func (s *encryptedLog) GetLog(index uint64, out *raft.Log) error {
	if err := s.LogStore.GetLog(index, out); err != nil {
		return err // raft compares with ErrLogNotFound
	}
	plain, err := s.cipher.Open(out.Data, s.aad(out))
	if err != nil {
		return fmt.Errorf("decrypt entry %d of the log %s: %w", index, s.path, err)
	}
	out.Data = plain
	return nil
}

// StoreLog stores one entry.
func (s *encryptedLog) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs encrypts and stores entries in one commit.
func (s *encryptedLog) StoreLogs(logs []*raft.Log) error {
	sealed := make([]*raft.Log, len(logs))
	for i, l := range logs {
		box, err := s.cipher.Seal(nil, l.Data, s.aad(l))
		if err != nil {
			return fmt.Errorf("encrypt log entry %d: %w", l.Index, err)
		}
		c := *l
		c.Data = box
		sealed[i] = &c
	}
	return s.LogStore.StoreLogs(sealed)
}
