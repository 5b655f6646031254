package raftnode_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/sirupsen/logrus"

	"cofre/cluster/clustertest"
	"cofre/cluster/raftnode"
	"cofre/fsm/codec"
	"cofre/fsm/command"
)

func quiet() *logrus.Logger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return l
}

var servers = raft.Configuration{Servers: []raft.Server{{ID: "a", Address: "a:1"}}}

func set(index uint64, value string) *raft.Log {
	e := command.Entry{Commands: []command.Envelope{{ID: command.ID{byte(index)}, Payload: codec.MustEncode(clustertest.Set{Key: "k", Value: value})}}}
	return &raft.Log{Index: index, Term: 1, Data: codec.MustEncode(e)}
}

func local(t *testing.T, s *raftnode.Snapshots, index uint64) error {
	t.Helper()
	sink, err := s.Create(raft.SnapshotVersionMax, index, 1, servers, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sink.Close()
}

// receive installs the state of one machine on the store of another, up to but without Restore.
func receive(t *testing.T, s *raftnode.Snapshots, from *clustertest.Machine) (string, error) {
	t.Helper()
	stream, err := from.Open()
	if err != nil {
		t.Fatal(err)
	}
	sink, err := s.Create(raft.SnapshotVersionMax, stream.Position().Index, 1, servers, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(sink, stream); err != nil {
		t.Fatal(err)
	}
	err = sink.Close()
	return sink.ID(), err
}

func open(t *testing.T, f raftnode.Files, m *clustertest.Machine) *raftnode.Snapshots {
	t.Helper()
	s, err := raftnode.OpenSnapshots(f, m, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLocalSnapshotMakesRowsDurableAndStreamsThePresent(t *testing.T) {
	t.Parallel()
	disk, files := clustertest.NewDisk(), clustertest.NewFiles()
	m := clustertest.Open(disk)
	s := open(t, files, m)
	m.ApplyBatch([]*raft.Log{set(2, "two")})
	if err := local(t, s, 4); err != nil { // 3 and 4 were barriers
		t.Fatal(err)
	}
	if got := clustertest.Open(disk).Get("k"); got != "two" {
		t.Errorf("after a crash the register is %q", got)
	}
	list, err := s.List()
	if err != nil || len(list) != 1 || list[0].Index != 4 {
		t.Fatalf("list %v %v", list, err)
	}
	meta, r, err := s.Open(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(r)
	if meta.Index != 4 || meta.Size != int64(len(b)) || len(meta.Configuration.Servers) != 1 {
		t.Errorf("meta %+v for %d bytes: an index below the record's would ask for truncated entries", meta, len(b))
	}
	m.ApplyBatch([]*raft.Log{set(5, "five")})
	if meta, _, _ = s.Open(list[0].ID); meta.Index != 5 {
		t.Errorf("a stream of index 5 says %d", meta.Index)
	}
}

func TestReceivedStateSurvivesACrashBeforeRestore(t *testing.T) {
	t.Parallel()
	leader := clustertest.Open(clustertest.NewDisk())
	leader.ApplyBatch([]*raft.Log{set(50, "fifty")})
	disk, files := clustertest.NewDisk(), clustertest.NewFiles()
	m := clustertest.Open(disk)
	s := open(t, files, m)
	if _, err := receive(t, s, leader); err != nil {
		t.Fatal(err)
	}
	if m.Get("k") != "" {
		t.Error("a state is in use before Restore")
	}
	m = clustertest.Open(disk) // crash between record and Restore
	open(t, files, m)
	if m.Get("k") != "fifty" || disk.Dirs() != 1 {
		t.Errorf("register %q, %d directories", m.Get("k"), disk.Dirs())
	}
}

func TestCrashBeforeTheRecordKeepsTheOldState(t *testing.T) {
	t.Parallel()
	leader := clustertest.Open(clustertest.NewDisk())
	leader.ApplyBatch([]*raft.Log{set(50, "fifty")})
	disk, files := clustertest.NewDisk(), clustertest.NewFiles()
	m := clustertest.Open(disk)
	m.ApplyBatch([]*raft.Log{set(2, "two")})
	s := open(t, files, m)
	if err := local(t, s, 2); err != nil {
		t.Fatal(err)
	}
	files.CrashAt(1)
	if _, err := receive(t, s, leader); !errors.Is(err, clustertest.ErrCrashed) {
		t.Fatalf("close: %v", err)
	}
	files.Restart()
	m = clustertest.Open(disk)
	open(t, files, m)
	if m.Get("k") != "two" || disk.Dirs() != 1 {
		t.Errorf("register %q, %d directories (the orphan must go)", m.Get("k"), disk.Dirs())
	}
}

func TestPointerIsFollowedByRestore(t *testing.T) {
	t.Parallel()
	leader := clustertest.Open(clustertest.NewDisk())
	leader.ApplyBatch([]*raft.Log{set(50, "fifty")})
	m := clustertest.Open(clustertest.NewDisk())
	s := open(t, clustertest.NewFiles(), m)
	id, err := receive(t, s, leader)
	if err != nil {
		t.Fatal(err)
	}
	meta, r, err := s.Open(id)
	if err != nil || meta.Index != 50 {
		t.Fatal(meta, err)
	}
	if err := m.Restore(r); err != nil || m.Get("k") != "fifty" {
		t.Fatalf("restore: %v, register %q", err, m.Get("k"))
	}
	if _, r, _ = s.Open(id); r == nil {
		t.Fatal("no stream after the flip")
	}
	if b, _ := io.ReadAll(r); strings.HasPrefix(string(b), raftnode.PointerLine) {
		t.Error("a peer would be given a pointer")
	}
}

// A local snapshot that began before an install must not become the newest record.
func TestLocalSnapshotDoesNotOvertakeAnInstall(t *testing.T) {
	t.Parallel()
	leader := clustertest.Open(clustertest.NewDisk())
	leader.ApplyBatch([]*raft.Log{set(50, "fifty")})
	disk, files := clustertest.NewDisk(), clustertest.NewFiles()
	m := clustertest.Open(disk)
	m.ApplyBatch([]*raft.Log{set(2, "two")})
	s := open(t, files, m)
	slow, err := s.Create(raft.SnapshotVersionMax, 2, 1, servers, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receive(t, s, leader); err != nil {
		t.Fatal(err)
	}
	if slow.Close() == nil {
		t.Error("the old state's record was written over the received one")
	}
	m = clustertest.Open(disk)
	open(t, files, m)
	if m.Get("k") != "fifty" {
		t.Errorf("register %q", m.Get("k"))
	}
}

func TestStaleStateRefusesToStart(t *testing.T) {
	t.Parallel()
	disk, files := clustertest.NewDisk(), clustertest.NewFiles()
	m := clustertest.Open(disk)
	s := open(t, files, m)
	m.ApplyBatch([]*raft.Log{set(7, "seven")})
	if err := local(t, s, 9); err != nil {
		t.Fatal(err)
	}
	open(t, files, clustertest.Open(disk)) // fsm index 7 satisfies a record of raft index 9
	var stale *raftnode.StaleStateError
	_, err := raftnode.OpenSnapshots(files, &lateMachine{clustertest.Open(disk)}, quiet())
	if !errors.As(err, &stale) || !strings.Contains(err.Error(), "new node id") {
		t.Errorf("start: %v", err)
	}
}

// lateMachine came back older than it said it was.
type lateMachine struct{ *clustertest.Machine }

func (*lateMachine) Position() raftnode.Position { return raftnode.Position{Index: 6} }

func TestOldRecordsGo(t *testing.T) {
	t.Parallel()
	files := clustertest.NewFiles()
	m := clustertest.Open(clustertest.NewDisk())
	s := open(t, files, m)
	for i := uint64(2); i < 8; i++ {
		m.ApplyBatch([]*raft.Log{set(i, "x")})
		if err := local(t, s, i); err != nil {
			t.Fatal(err)
		}
	}
	names, _ := files.List()
	if len(names) != 2 {
		t.Errorf("kept %v", names)
	}
	list, _ := open(t, files, m).List()
	if len(list) != 1 || list[0].Index != 7 {
		t.Errorf("newest %v", list)
	}
}

func FuzzRecord(f *testing.F) {
	m := clustertest.Open(clustertest.NewDisk())
	files := clustertest.NewFiles()
	s, err := raftnode.OpenSnapshots(files, m, quiet())
	if err != nil {
		f.Fatal(err)
	}
	k, _ := s.Create(raft.SnapshotVersionMax, 3, 1, servers, 1, nil)
	if err := k.Close(); err != nil {
		f.Fatal(err)
	}
	names, _ := files.List()
	good, _ := files.Read(names[0])
	f.Add(good)
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		files := clustertest.NewFiles()
		_ = files.Replace("00000000000000000001-3.snapshot", b)
		_, err := raftnode.OpenSnapshots(files, clustertest.Open(clustertest.NewDisk()), quiet())
		if string(b) != string(good) && err == nil {
			t.Error("a damaged record was accepted")
		}
	})
}

// TestTheLogReachesTheState: a node whose log ends before what its state has applied has forgotten what it confirmed, and does not
// start, unless a record says that the log was truncated behind that.
func TestTheLogReachesTheState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log      []uint64
		snapshot uint64 // 0: none
		last     uint64
		refused  bool
	}{
		"an empty log":                         {refused: true},
		"a log that ends before":               {log: []uint64{1, 2}, refused: true},
		"a log that ends with it":              {log: []uint64{2, 3}, last: 3},
		"a log that goes on":                   {log: []uint64{3, 9}, last: 9},
		"truncated as a whole":                 {snapshot: 4, last: 4},
		"a record behind the end of the log":   {log: []uint64{1, 2}, snapshot: 4, last: 4},
		"a record that the log went on behind": {log: []uint64{4, 5, 6}, snapshot: 4, last: 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := clustertest.Open(clustertest.NewDisk())
			s := open(t, clustertest.NewFiles(), m)
			m.ApplyBatch([]*raft.Log{set(3, "three")})
			if c.snapshot > 0 {
				if err := local(t, s, c.snapshot); err != nil {
					t.Fatal(err)
				}
			}
			log := raft.NewInmemStore()
			for _, i := range c.log {
				if err := log.StoreLog(&raft.Log{Index: i}); err != nil {
					t.Fatal(err)
				}
			}
			last, err := raftnode.Covers(s, log)
			var stale *raftnode.StaleLogError
			if last != c.last || (err != nil) != c.refused || errors.As(err, &stale) != c.refused || c.refused && stale.Applied != 3 {
				t.Errorf("it ends at %d: %v", last, err)
			}
		})
	}
}

// reaping counts how often directories are removed.
type reaping struct {
	*clustertest.Machine
	times int
}

func (r *reaping) Reap(keep ...string) error {
	r.times++
	return r.Machine.Reap(keep...)
}

// TestNothingIsRemovedWhileAStateArrives: the directory in which it is built has no record yet, so that a snapshot taken meanwhile would
// take it for one that nobody needs.
func TestNothingIsRemovedWhileAStateArrives(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(raft.SnapshotSink) error{"it is whole": raft.SnapshotSink.Close, "it is given up": raft.SnapshotSink.Cancel} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := clustertest.Open(clustertest.NewDisk())
			from.ApplyBatch([]*raft.Log{set(9, "nine")})
			stream, err := from.Open()
			if err != nil {
				t.Fatal(err)
			}
			m := &reaping{Machine: clustertest.Open(clustertest.NewDisk())}
			s, err := raftnode.OpenSnapshots(clustertest.NewFiles(), m, quiet())
			if err != nil {
				t.Fatal(err)
			}
			sink, err := s.Create(raft.SnapshotVersionMax, 9, 1, servers, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(sink, stream, stream.Size()/2); err != nil {
				t.Fatal(err)
			}
			m.ApplyBatch([]*raft.Log{set(3, "three")})
			before := m.times
			if err := local(t, s, 3); err != nil {
				t.Fatal(err)
			}
			if m.times != before {
				t.Error("directories are removed while a state arrives")
			}
			if _, err := io.Copy(sink, stream); err != nil {
				t.Fatal(err)
			}
			if err := end(sink); err != nil {
				t.Fatal(err)
			}
			if name == "it is whole" {
				if list, err := s.List(); err != nil || len(list) != 1 || list[0].Index != 9 {
					t.Errorf("the newest snapshot is %v, %v", list, err)
				}
				return
			}
			if err := local(t, s, 4); err != nil {
				t.Fatal(err)
			}
			if m.times == before {
				t.Error("nothing is removed any more")
			}
		})
	}
}
