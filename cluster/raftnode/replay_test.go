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

// TestReplay: the copy gets what the log holds behind it, to its end, and then the entry of its own. A log with a gap is an error.
func TestReplay(t *testing.T) {
	t.Parallel()
	store := raft.NewInmemStore()
	cipher, err := disk.NewRecordCipher(disk.GenerateKey(), "log")
	if err != nil {
		t.Fatal(err)
	}
	log, err := raftnode.NewLog(store, store, "n9", cipher)
	if err != nil {
		t.Fatal(err)
	}
	for i, value := range []string{"48", "49", "50", "51", "last"} {
		l := set(uint64(48+i), value)
		l.Term = 7
		if err := log.StoreLog(l); err != nil {
			t.Fatal(err)
		}
	}
	m := clustertest.Open(clustertest.NewDisk())
	m.ApplyBatch([]*raft.Log{set(50, "as it was")})
	asked := 0
	own := func() command.Entry {
		if asked++; m.Get("k") != "last" {
			t.Errorf("its own entry was asked for when the copy held %q", m.Get("k"))
		}
		return command.Entry{Commands: []command.Envelope{{ID: command.ID{1}, Payload: codec.MustEncode(clustertest.Set{Key: "own", Value: "yes"})}}}
	}
	answers, err := raftnode.Replay(log, m, own)
	if err != nil || len(answers) != 1 || answers[0].Err != nil || asked != 1 {
		t.Fatalf("%+v %v, asked %d times", answers, err, asked)
	}
	if at := m.Position(); m.Get("k") != "last" || m.Get("own") != "yes" || at.Index != 53 || at.Term != 7 {
		t.Errorf("%q and %q at %+v", m.Get("k"), m.Get("own"), at)
	}
	if last, err := log.LastIndex(); err != nil || last != 52 {
		t.Errorf("the log ends at %d (%v)", last, err)
	}
	behind := clustertest.Open(clustertest.NewDisk())
	behind.ApplyBatch([]*raft.Log{set(40, "far behind")})
	if _, err := raftnode.Replay(log, behind, own); err == nil || asked != 1 {
		t.Errorf("a log that begins later was taken for whole (asked %d times)", asked)
	}
}
