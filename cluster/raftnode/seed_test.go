package raftnode_test

import (
	"testing"

	"github.com/hashicorp/raft"

	"cofre/cluster/clustertest"
	"cofre/cluster/raftnode"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/vault/disk"
)

// TestSeed: the entries stand behind the state and before all others, this node alone votes, and a crash right after leaves all of it.
func TestSeed(t *testing.T) {
	t.Parallel()
	place, files, store := clustertest.NewDisk(), clustertest.NewFiles(), raft.NewInmemStore()
	m := clustertest.Open(place)
	m.ApplyBatch([]*raft.Log{set(50, "fifty")})
	cipher, err := disk.NewRecordCipher(disk.GenerateKey(), "log")
	if err != nil {
		t.Fatal(err)
	}
	log, err := raftnode.NewLog(store, store, "n9", cipher)
	if err != nil {
		t.Fatal(err)
	}
	entry := func(id byte, value string) command.Entry {
		return command.Entry{Commands: []command.Envelope{{ID: command.ID{id}, Payload: codec.MustEncode(clustertest.Set{Key: "k", Value: value})}}}
	}
	answers, err := raftnode.Seed(files, log, m, "n9", "192.0.2.9:1", entry(1, "first"), entry(2, "second"))
	if err != nil || len(answers) != 2 || answers[1].Err != nil {
		t.Fatalf("%+v %v", answers, err)
	}
	m = clustertest.Open(place) // as it is after a crash
	list, err := open(t, files, m).List()
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	servers := list[0].Configuration.Servers
	if m.Get("k") != "second" || m.Position().Index != 53 || list[0].Index != 53 || list[0].Term != 2 || list[0].ConfigurationIndex != 51 {
		t.Errorf("register %q at %+v, record %+v", m.Get("k"), m.Position(), list[0])
	}
	if len(servers) != 1 || servers[0].ID != "n9" || servers[0].Suffrage != raft.Voter {
		t.Errorf("members %+v", servers)
	}
	if term, err := store.GetUint64([]byte("CurrentTerm")); err != nil || term != 2 {
		t.Errorf("raft would begin in term %d (%v)", term, err)
	}
}
