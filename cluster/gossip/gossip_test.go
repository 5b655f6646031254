package gossip_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/cluster/gossip"
	"cofre/fsm/model"
)

// freePort finds a port that is free for both UDP and TCP.
func freePort(t *testing.T) string {
	t.Helper()
	for range 50 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		u, err := net.ListenPacket("udp", ln.Addr().String())
		_ = ln.Close()
		if err == nil {
			_ = u.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

// start runs a node's gossip; stop ends it and waits.
func start(t *testing.T, node model.NodeID, cluster model.ClusterID, key byte, known ...string) (g *gossip.Gossip, address string, stop func()) {
	t.Helper()
	address = freePort(t)
	log := logrus.New()
	log.SetOutput(&bytes.Buffer{})
	g, err := gossip.Start(gossip.Config{Node: node, Cluster: cluster, Bind: address, Peer: "peer-" + string(node) + ":1", API: "https://" + string(node),
		Keys: [][]byte{bytes.Repeat([]byte{key}, 32)}}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, func() []string { return known }) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return g, address, stop
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func summary(g *gossip.Gossip) (s string) {
	for _, m := range g.Members() {
		s += fmt.Sprintf("%s=%s@%s ", m.Node, m.Health, m.Peer)
	}
	return s
}

func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	a, address, _ := start(t, "a", "c1", 1)
	b, _, _ := start(t, "b", "c1", 1, address)
	_, _, stop := start(t, "c", "c1", 1, address)
	want := "a=alive@peer-a:1 b=alive@peer-b:1 c=alive@peer-c:1 "
	await(t, want, func() bool { return summary(a) == want && summary(b) == want })
	stop()
	gone := "a=alive@peer-a:1 b=alive@peer-b:1 c=dead@peer-c:1 "
	await(t, gone, func() bool { return summary(a) == gone && summary(b) == gone })
}

func TestStrangersAreNotHeard(t *testing.T) {
	t.Parallel()
	a, address, _ := start(t, "a", "c1", 1)
	other, _, _ := start(t, "x", "c2", 1, address) // same key, another cluster
	wrong, _, _ := start(t, "y", "c1", 2, address) // another key
	friend, _, _ := start(t, "b", "c1", 1, address)
	await(t, "the friend is heard", func() bool { return len(friend.Members()) == 2 && len(a.Members()) == 2 })
	if len(other.Members()) != 1 || len(wrong.Members()) != 1 {
		t.Errorf("strangers know %s and %s", summary(other), summary(wrong))
	}
}

func TestRingRotates(t *testing.T) {
	t.Parallel()
	old, next := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	a, address, _ := start(t, "a", "c1", 1)
	if err := a.SetKeys([][]byte{next, old}); err != nil {
		t.Fatal(err)
	}
	b, _, _ := start(t, "b", "c1", 2, address)
	await(t, "the new key works", func() bool { return len(a.Members()) == 2 && len(b.Members()) == 2 })
	if err := a.SetKeys([][]byte{next}); err != nil {
		t.Fatal(err)
	}
	c, _, _ := start(t, "c", "c1", 1, address)
	await(t, "b stays", func() bool { return len(a.Members()) == 2 })
	if len(c.Members()) != 1 {
		t.Error("a retired key still works")
	}
	if a.SetKeys(nil) == nil {
		t.Error("an empty ring was taken")
	}
}

func TestNeverInClear(t *testing.T) {
	t.Parallel()
	if _, err := gossip.Start(gossip.Config{Node: "a", Bind: "127.0.0.1:0"}, logrus.New()); err == nil {
		t.Error("gossip without a key started")
	}
}
