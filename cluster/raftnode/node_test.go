package raftnode_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"cofre/cluster/clustertest"
	"cofre/cluster/raftnode"
	"cofre/vault/disk"
)

// TestApplyEndsWithoutRaft: raft takes entries into its channel after it has shut down, half of the time, and never answers them. Whoever
// waits for one goes on soon after its context has ended, and does not know whether it was committed.
func TestApplyEndsWithoutRaft(t *testing.T) {
	t.Parallel()
	cipher, err := disk.NewRecordCipher(disk.GenerateKey(), "log")
	if err != nil {
		t.Fatal(err)
	}
	store := raft.NewInmemStore()
	log, err := raftnode.NewLog(store, store, "n1", cipher)
	if err != nil {
		t.Fatal(err)
	}
	_, transport := raft.NewInmemTransport("n1@192.0.2.1:1")
	n, err := raftnode.Start(raftnode.Config{ID: "n1", Log: log, Records: clustertest.NewFiles()}, clustertest.Open(clustertest.NewDisk()), transport, clustertest.Quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Shutdown(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, _, err := n.Apply(ctx, []byte("x"), time.Minute); !errors.Is(err, raft.ErrRaftShutdown) || !raftnode.Ambiguous(err) {
				t.Errorf("an entry after the end: %v", err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}
