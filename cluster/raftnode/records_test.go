package raftnode_test

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"cofre/cluster/clustertest"
	"cofre/cluster/raftnode"
)

// TestRecordsGoOnAfterARestart: the newest record is the truth, so that those which a process writes must stand behind those of the
// process before it: else the next start would ask for what was given up long ago.
func TestRecordsGoOnAfterARestart(t *testing.T) {
	t.Parallel()
	files := clustertest.NewFiles()
	m := clustertest.Open(clustertest.NewDisk())
	index := uint64(1)
	for process, snapshots := range []int{3, 1, 1} {
		s := open(t, files, m)
		for range snapshots {
			index++
			m.ApplyBatch([]*raft.Log{set(index, "x")})
			if err := local(t, s, index); err != nil {
				t.Fatal(err)
			}
		}
		list, err := open(t, files, m).List()
		if err != nil || len(list) != 1 || list[0].Index != index {
			t.Errorf("after process %d, at index %d, the newest is %v, %v", process+1, index, list, err)
		}
	}
}

// TestStreamTellsItsOwnPlace: a state goes out as it is now, and what is told of it is that, not what the record knew: a follower that
// took an older configuration would count the votes of nodes that are gone.
func TestStreamTellsItsOwnPlace(t *testing.T) {
	t.Parallel()
	m := clustertest.Open(clustertest.NewDisk())
	s := open(t, clustertest.NewFiles(), m)
	m.ApplyBatch([]*raft.Log{set(2, "two")})
	if err := local(t, s, 2); err != nil {
		t.Fatal(err)
	}
	now := raft.Configuration{Servers: []raft.Server{{ID: "a", Address: "a:1"}, {ID: "b", Address: "b:1"}}}
	later := set(6, "six")
	later.Term = 3
	m.ApplyBatch([]*raft.Log{{Index: 5, Term: 3, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(now)}, later})
	list, err := s.List()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	meta, r, err := s.Open(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := raft.SnapshotMeta{Version: raft.SnapshotVersionMax, ID: list[0].ID, Index: 6, Term: 3, Configuration: now, ConfigurationIndex: 5, Size: meta.Size}
	if diff := cmp.Diff(want, *meta); diff != "" {
		t.Error(diff)
	}
	if _, _, err := s.Open("another"); err == nil {
		t.Error("a record that is not the newest was opened")
	}
}

// TestCancelledStateIsNoSnapshot: what was given up on the way leaves no record, however much of it had come.
func TestCancelledStateIsNoSnapshot(t *testing.T) {
	t.Parallel()
	from := clustertest.Open(clustertest.NewDisk())
	from.ApplyBatch([]*raft.Log{set(9, "nine")})
	disk, files := clustertest.NewDisk(), clustertest.NewFiles()
	s := open(t, files, clustertest.Open(disk))
	sink, err := s.Create(raft.SnapshotVersionMax, 9, 1, servers, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := from.Open()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, stream.Size())
	if n, err := stream.Read(b); n != len(b) {
		t.Fatal(n, err)
	}
	if _, err := sink.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := sink.Cancel(); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write([]byte("more")); err == nil {
		t.Error("written after the end")
	}
	if err := sink.Close(); err != nil { // raft closes what it cancelled, too
		t.Error(err)
	}
	if names, _ := files.List(); len(names) != 0 {
		t.Errorf("records: %v", names)
	}
	m := clustertest.Open(disk)
	open(t, files, m)
	if m.Get("k") != "" || disk.Dirs() != 1 {
		t.Errorf("register %q, %d directories", m.Get("k"), disk.Dirs())
	}
}

// TestReceivedStateOvertakesWhatBeganLater: a state takes long to arrive, and a snapshot that is taken meanwhile stands for the old one. The
// next start takes the newest record for the truth, so that of the received state must stand behind it.
func TestReceivedStateOvertakesWhatBeganLater(t *testing.T) {
	t.Parallel()
	from := clustertest.Open(clustertest.NewDisk())
	from.ApplyBatch([]*raft.Log{set(9, "nine")})
	disk, files := clustertest.NewDisk(), clustertest.NewFiles()
	m := clustertest.Open(disk)
	s := open(t, files, m)
	sink, err := s.Create(raft.SnapshotVersionMax, 9, 1, servers, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.ApplyBatch([]*raft.Log{set(3, "three")})
	if err := local(t, s, 3); err != nil {
		t.Fatal(err)
	}
	stream, err := from.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(sink, stream); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	m = clustertest.Open(disk) // a crash before Restore
	list, err := open(t, files, m).List()
	if err != nil || len(list) != 1 || list[0].Index != 9 || m.Get("k") != "nine" {
		t.Errorf("after a restart: %v, %v, register %q", list, err, m.Get("k"))
	}
}

// TestDamagedStateIsNoSnapshot: what arrived is not what was sent. The node keeps what it has.
func TestDamagedStateIsNoSnapshot(t *testing.T) {
	t.Parallel()
	from := clustertest.Open(clustertest.NewDisk())
	from.ApplyBatch([]*raft.Log{set(9, "nine")})
	files, m := clustertest.NewFiles(), clustertest.Open(clustertest.NewDisk())
	s := open(t, files, m)
	stream, err := from.Open()
	if err != nil {
		t.Fatal(err)
	}
	sink, err := s.Create(raft.SnapshotVersionMax, 9, 1, servers, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(sink, stream, stream.Size()-1); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err == nil {
		t.Error("a state that was cut short was taken")
	}
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Errorf("snapshots: %v, %v", list, err)
	}
	if _, err := receive(t, s, from); err != nil {
		t.Errorf("it does not take the whole one after it: %v", err)
	}
}

// TestReceivedStateThatWentBack: a record says how far the received state reaches, not how far the one before it did.
func TestReceivedStateThatWentBack(t *testing.T) {
	t.Parallel()
	from := clustertest.Open(clustertest.NewDisk())
	from.ApplyBatch([]*raft.Log{set(50, "fifty")})
	disk, files := clustertest.NewDisk(), clustertest.NewFiles()
	if _, err := receive(t, open(t, files, clustertest.Open(disk)), from); err != nil {
		t.Fatal(err)
	}
	var stale *raftnode.StaleStateError
	_, err := raftnode.OpenSnapshots(files, &lateMachine{clustertest.Open(disk)}, quiet())
	if !errors.As(err, &stale) || stale.Need != 50 {
		t.Errorf("start: %v", err)
	}
}
