package clustertest

import (
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"cofre/cluster/raftlog"
	"cofre/cluster/raftnode"
)

// powered is raft's log on a disk whose power may be cut: from then on nothing is confirmed any more.
type powered struct {
	*raftlog.Store

	mu  sync.RWMutex // held while something is written
	off bool
}

func (m *Member) openLog(h *host) (*raftnode.Log, error) {
	store, err := raftlog.Open("log", raftlog.Options{FS: h.log, Logger: Silent{}})
	if err != nil {
		return nil, err
	}
	m.log = &powered{Store: store}
	return raftnode.NewLog(m.log, m.log, m.ID, h.cipher)
}

// Log is raft's log of a member, with its data encrypted.
func (m *Member) Log() raft.LogStore { return m.log }

// cut takes what the disk holds at the moment the power goes.
func (p *powered) cut(take func() *vfs.MemFS) *vfs.MemFS {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = true
	return take()
}

func (p *powered) write(do func() error) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.off {
		return ErrCrashed
	}
	return do()
}

// StoreLog implements raft.LogStore.
func (p *powered) StoreLog(l *raft.Log) error { return p.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (p *powered) StoreLogs(logs []*raft.Log) error {
	return p.write(func() error { return p.Store.StoreLogs(logs) })
}

// DeleteRange implements raft.LogStore.
func (p *powered) DeleteRange(lowest, highest uint64) error {
	return p.write(func() error { return p.Store.DeleteRange(lowest, highest) })
}

// Set implements raft.StableStore.
func (p *powered) Set(key, value []byte) error {
	return p.stable(func() error { return p.Store.Set(key, value) })
}

// SetUint64 implements raft.StableStore.
func (p *powered) SetUint64(key []byte, n uint64) error {
	return p.stable(func() error { return p.Store.SetUint64(key, n) })
}

// stable pretends after the cut: raft panics when it cannot write its term, and would take the test along that runs it in
// its own process. Nobody hears of the vote, the network was cut before.
func (p *powered) stable(do func() error) error {
	if err := p.write(do); !errors.Is(err, ErrCrashed) {
		return err
	}
	return nil
}
