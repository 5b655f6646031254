package raftnode_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"cofre/cluster/clustertest"
	"cofre/cluster/raftlog"
	"cofre/cluster/raftnode"
	"cofre/vault/disk"
)

func TestLogIsEncryptedAndSurvivesRestart(t *testing.T) {
	t.Parallel()
	key := disk.GenerateKey()
	path := filepath.Join(t.TempDir(), "log")
	sentinel := bytes.Repeat([]byte("sentinel-of-the-entry"), 3)
	open := func() *raftnode.Log {
		c, err := disk.NewRecordCipher(key, "log")
		if err != nil {
			t.Fatal(err)
		}
		l, err := raftnode.OpenLog(path, "n1", c, raftlog.Options{Logger: clustertest.Silent{}})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	in := &raft.Log{Index: 1, Term: 3, Type: raft.LogCommand, Data: bytes.Clone(sentinel)}
	if err := l.StoreLogs([]*raft.Log{in, {Index: 2, Term: 3, Type: raft.LogNoop}}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(in.Data, sentinel) {
		t.Error("storing changed the entry that raft goes on using")
	}
	if err := l.SetUint64([]byte("CurrentTerm"), 3); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var stored []byte
	if err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		stored = append(stored, data...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(stored, []byte("sentinel")) {
		t.Error("the entry is readable on the disk")
	}
	if !bytes.Contains(stored, []byte("CurrentTerm")) {
		t.Error("the search would not find what is readable")
	}
	l = open()
	defer func() { _ = l.Close() }()
	var out raft.Log
	if err := l.GetLog(1, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*in, out); diff != "" {
		t.Error(diff)
	}
	if err := l.GetLog(2, &out); err != nil || len(out.Data) != 0 {
		t.Errorf("empty entry: %q %v", out.Data, err)
	}
	if err := l.GetLog(3, &out); !errors.Is(err, raft.ErrLogNotFound) {
		t.Errorf("absent entry: %v", err)
	}
}

func TestEntriesAreBoundToTheirPlace(t *testing.T) {
	t.Parallel()
	c, err := disk.NewRecordCipher(disk.GenerateKey(), "log")
	if err != nil {
		t.Fatal(err)
	}
	for name, move := range map[string]func(*raft.Log){
		"index": func(l *raft.Log) { l.Index = 2 },
		"term":  func(l *raft.Log) { l.Term = 9 },
		"type":  func(l *raft.Log) { l.Type = raft.LogConfiguration },
		"bits":  func(l *raft.Log) { l.Data[len(l.Data)-1] ^= 1 },
	} {
		raw := raft.NewInmemStore()
		write, err := raftnode.NewLog(raw, raw, "n1", c)
		if err != nil {
			t.Fatal(err)
		}
		if err := write.StoreLog(&raft.Log{Index: 1, Term: 1, Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		var l raft.Log
		if err := raw.GetLog(1, &l); err != nil {
			t.Fatal(err)
		}
		l.Data = bytes.Clone(l.Data)
		move(&l)
		if err := raw.StoreLog(&l); err != nil {
			t.Fatal(err)
		}
		read, _ := raftnode.NewLog(raw, raw, "n1", c) // a fresh cache
		if err := read.GetLog(l.Index, &l); err == nil {
			t.Errorf("%s: a moved entry was opened", name)
		}
		other, _ := raftnode.NewLog(raw, raw, "n2", c)
		if err := other.GetLog(1, &l); err == nil {
			t.Errorf("%s: another node's entry was opened", name)
		}
	}
}
