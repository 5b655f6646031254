package raftlog_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/cluster/raftlog"
)

// killed makes a store with ten entries and a vote, in a process that died, and gives its files.
func killed(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	s := open(t, fs)
	check(t, s.SetUint64([]byte("CurrentTerm"), 3))
	check(t, s.SetUint64([]byte("LastVoteTerm"), 3))
	for i := range uint64(10) {
		check(t, s.StoreLog(entry(i+1, 3, 500)))
	}
	left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 2))})
	check(t, s.Close())
	return left
}

func readEnd(t *testing.T, fs vfs.FS) []byte {
	t.Helper()
	f, err := fs.Open("log.end")
	check(t, err)
	data, err := io.ReadAll(f)
	check(t, errors.Join(err, f.Close()))
	return data
}

func writeEnd(t *testing.T, fs vfs.FS, data []byte) {
	t.Helper()
	f, err := fs.Create("log.end", vfs.WriteCategoryUnspecified)
	check(t, err)
	_, err = f.Write(data)
	check(t, errors.Join(err, f.Close()))
}

// TestCutEnd: a store whose newest bytes were cut off by somebody's hand does not open as a shorter one. The control: without
// its file of the end it does, and knows nothing of the entries that are missing.
func TestCutEnd(t *testing.T) {
	t.Parallel()
	full := killed(t)
	names, err := full.List("log")
	check(t, err)
	wal := ""
	for _, n := range names {
		if strings.HasSuffix(n, ".log") {
			wal = n // the newest
		}
	}
	end := readEnd(t, full)
	size := len(read(t, full, wal))
	shorter := 0
	for cut := 0; cut <= size; cut += 61 {
		for _, known := range []bool{true, false} {
			fs := vfs.NewMem()
			for _, n := range names {
				data := read(t, full, n)
				if n == wal {
					data = data[:size-cut]
				}
				write(t, fs, n, data)
			}
			if known {
				writeEnd(t, fs, end)
			}
			s, err := raftlog.Open("log", raftlog.Options{FS: fs, Logger: quiet{}})
			last := uint64(0)
			if err == nil {
				last, _ = s.LastIndex()
				check(t, s.Close())
			}
			switch {
			case known && err == nil && last != 10:
				t.Errorf("%d bytes cut off: it opens and ends at entry %d", cut, last)
			case known && err != nil && !errors.Is(err, raftlog.ErrDamaged):
				t.Errorf("%d bytes cut off: %v", cut, err)
			case !known && err == nil && last < 10:
				shorter++
			}
		}
	}
	if shorter == 0 {
		t.Error("the control: nothing that was cut off made a shorter log")
	}
}

// TestLostVote: entries are not all that may not be forgotten.
func TestLostVote(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]func(s *raftlog.Store) error{
		"it ends at entry 10, and entry 11 was confirmed": func(s *raftlog.Store) error { return s.StoreLog(entry(11, 3, 10)) },
		"the node was in term 4":                          func(s *raftlog.Store) error { return s.SetUint64([]byte("CurrentTerm"), 4) },
		"the node voted in term 4":                        func(s *raftlog.Store) error { return s.SetUint64([]byte("LastVoteTerm"), 4) },
	} {
		fs := killed(t)
		old := killed(t)
		s := open(t, fs)
		check(t, later(s))
		check(t, s.Close())
		writeEnd(t, old, readEnd(t, fs)) // the store is an older copy
		if _, err := raftlog.Open("log", raftlog.Options{FS: old, Logger: quiet{}}); !errors.Is(err, raftlog.ErrDamaged) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		again := open(t, fs)
		check(t, again.Close())
	}
}

// TestShorterByRaft: what raft takes off the end is not missed, nor is what it takes off the beginning.
func TestShorterByRaft(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs)
	for i := range uint64(10) {
		check(t, s.StoreLog(entry(i+1, 1, 10)))
	}
	for _, r := range [][2]uint64{{1, 3}, {8, 10}, {4, 7}} {
		check(t, s.DeleteRange(r[0], r[1]))
		check(t, s.Close())
		s = open(t, fs)
	}
	check(t, s.StoreLog(entry(40, 1, 10))) // behind a state that was received
	check(t, s.Close())
	s = open(t, fs)
	check(t, s.Close())
}
