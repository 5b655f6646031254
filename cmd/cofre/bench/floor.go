package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"

	"cofre/cluster/raftlog"
)

// floor is raw Raft: three nodes in this process over loopback TCP, durable logs, a state machine that does nothing.
type floor struct {
	nodes  []*raft.Raft
	logs   []logStore
	leader atomic.Pointer[raft.Raft]
}

// logStore keeps a node's log and its vote.
type logStore interface {
	raft.LogStore
	raft.StableStore
	io.Closer
}

func onBolt(home string) (logStore, error) {
	return raftboltdb.NewBoltStore(filepath.Join(home, "raft.db"))
}

func onPebble(home string) (logStore, error) {
	return raftlog.Open(home, raftlog.Options{Logger: quiet{}})
}

type quiet struct{}

func (quiet) Infof(string, ...any)      {}
func (quiet) Errorf(string, ...any)     {}
func (quiet) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func onWAL(home string) (logStore, error) { return wal.Open(home) }

type nothing struct{}

func (nothing) Apply(*raft.Log) any                 { return nil }
func (nothing) Snapshot() (raft.FSMSnapshot, error) { return nothing{}, nil }
func (nothing) Restore(r io.ReadCloser) error       { return r.Close() }
func (nothing) Persist(s raft.SnapshotSink) error   { return s.Close() }
func (nothing) Release()                            {}

func newFloor(dir string, open func(home string) (logStore, error)) (*floor, error) {
	f := &floor{}
	var all raft.Configuration
	var transports []*raft.NetworkTransport
	for i := range 3 {
		t, err := raft.NewTCPTransport("127.0.0.1:0", nil, 3, 10*time.Second, io.Discard)
		if err != nil {
			return f, err
		}
		transports = append(transports, t)
		all.Servers = append(all.Servers, raft.Server{ID: raft.ServerID(fmt.Sprint(i)), Address: t.LocalAddr()})
	}
	for i, t := range transports {
		home := filepath.Join(dir, fmt.Sprint(i))
		if err := os.MkdirAll(home, 0o700); err != nil {
			return f, err
		}
		log, err := open(home)
		if err != nil {
			return f, err
		}
		f.logs = append(f.logs, log)
		c := raft.DefaultConfig()
		c.LocalID, c.BatchApplyCh, c.MaxAppendEntries = all.Servers[i].ID, true, 64
		c.Logger = hclog.NewNullLogger()
		r, err := raft.NewRaft(c, nothing{}, log, log, raft.NewInmemSnapshotStore(), t)
		if err != nil {
			return f, err
		}
		f.nodes = append(f.nodes, r)
	}
	if err := f.nodes[0].BootstrapCluster(all).Error(); err != nil {
		return f, err
	}
	return f, f.find()
}

// find waits for a leader: on a busy machine even the floor holds elections.
func (f *floor) find() error {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, r := range f.nodes {
			if r.State() == raft.Leader {
				f.leader.Store(r)
				return nil
			}
		}
	}
	return errors.New("the floor elects no leader")
}

// apply is one operation of the floor: 1 KiB to a majority's disks.
func (f *floor) apply(context.Context, int) error {
	for {
		err := f.leader.Load().Apply(make([]byte, 1024), 10*time.Second).Error()
		if !errors.Is(err, raft.ErrNotLeader) && !errors.Is(err, raft.ErrLeadershipLost) {
			return err
		}
		if err := f.find(); err != nil {
			return err
		}
	}
}

func (f *floor) close() error {
	var errs []error
	for _, r := range f.nodes {
		errs = append(errs, r.Shutdown().Error())
	}
	for _, l := range f.logs {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
