package raftlog_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"

	"cofre/cluster/raftlog"
)

// TestFailedDisk: who opened the log is told of tables that cannot be written and of entries that cannot be read. What is confirmed stands in
// the write-ahead log: it is there once the disk works.
func TestFailedDisk(t *testing.T) {
	t.Parallel()
	var writes, reads atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		table := strings.HasSuffix(op.Path, ".sst")
		if table && (writes.Load() && op.Kind == errorfs.OpCreate || reads.Load() && op.Kind == errorfs.OpFileReadAt) {
			return syscall.EIO
		}
		return nil
	}))
	told := make(chan error, 1)
	start := func() *raftlog.Store {
		s, err := raftlog.Open("log", raftlog.Options{FS: fs, Logger: quiet{}, Failed: func(err error) {
			select {
			case told <- err:
			default:
			}
		}})
		check(t, err)
		return s
	}
	expect := func() {
		t.Helper()
		select {
		case err := <-told:
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("told %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("nobody is told")
		}
	}
	s := start()
	for i := range uint64(9) {
		check(t, s.StoreLog(entry(i+1, 1, 64<<10)))
	}
	writes.Store(true)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	expect()
	writes.Store(false)
	check(t, <-closed)
	select {
	case <-told:
	default:
	}

	s = start() // which reads the first entry and the last
	reads.Store(true)
	if err := s.GetLog(5, new(raft.Log)); !errors.Is(err, syscall.EIO) {
		t.Errorf("read: %v", err)
	}
	expect()
	reads.Store(false)
	check(t, s.GetLog(5, new(raft.Log)))
	check(t, s.Close())
}
