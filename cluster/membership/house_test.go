package membership_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cofre/cluster"
	"cofre/cluster/clustertest"
	"cofre/cluster/membership"
	"cofre/cluster/peer"
	"cofre/cluster/raftlog"
	"cofre/cluster/raftnode"
	"cofre/cluster/rpc"
	"cofre/fsm/model"
	"cofre/vault/disk"
)

// house is what is replicated in the real product and simply shared here: the node table, the tokens, the authority.
type house struct {
	caKey *ecdsa.PrivateKey
	ca    []byte

	mu     sync.Mutex // guards what follows
	nodes  map[model.NodeID]model.Node
	tokens map[string]*model.JoinToken
	root   []byte
}

func (h *house) rows() (out []model.Node) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.nodes {
		out = append(out, n)
	}
	return out
}

func (h *house) row(id model.NodeID) (model.Node, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, ok := h.nodes[id]
	return n, ok
}

func (h *house) set(id model.NodeID, s model.NodeState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.nodes[id]
	n.State = s
	h.nodes[id] = n
}

func (h *house) issue(_ context.Context, csr []byte, node model.NodeID, hosts []string) ([]byte, error) {
	return peer.IssueNode(h.caKey, h.ca, csr, "c1", node, hosts, time.Now())
}

// join is what the reducer of node.join does.
func (h *house) join(_ context.Context, token string, publicKey []byte, q membership.Request) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tokens[token]
	if t == nil || t.Name != q.Name {
		return model.Errorf(model.Denied, "the token is not for node %s", q.Name)
	}
	if t.Used && !bytes.Equal(h.nodes[q.Name].PublicKey, publicKey) {
		return model.Errorf(model.Denied, "the token was used already")
	}
	t.Used = true
	h.nodes[q.Name] = model.Node{ID: q.Name, State: model.NodeJoined, PublicKey: publicKey, HPKE: q.HPKE, Peer: q.Peer}
	return nil
}

func (h *house) deliver(_ context.Context, id model.NodeID) ([]byte, error) {
	if n, ok := h.row(id); !ok || n.State != model.NodeApproved {
		return nil, model.Errorf(model.Denied, "node %s is not approved", id)
	}
	return append([]byte("for "+string(id)+": "), h.root...), nil
}

// node is one whole member over real TLS, bolt and loopback.
type node struct {
	raft     *raftnode.Node
	machine  *clustertest.Machine
	proposer *cluster.Proposer
	reader   *cluster.Reader
	client   *rpc.Client
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// run starts a member as cmd/cofre does; it ends with the test.
func run(t *testing.T, h *house, id *peer.Identity, ln net.Listener) *node {
	t.Helper()
	log := clustertest.Quiet()
	holder := peer.NewHolder(id)
	n := &node{machine: clustertest.Open(clustertest.NewDisk())}
	var raft atomic.Pointer[raftnode.Node] // raft's own streams ask it
	dir := &membership.Directory{Self: holder, Row: h.row, InRaft: func(id model.NodeID) bool { r := raft.Load(); return r != nil && r.Has(id) }}
	dialer := &peer.Dialer{Self: holder.Get, Pinned: dir.Pinned, Log: log}
	streams := peer.NewStreams(t.Context(), &peer.Dialer{Self: holder.Get, Pinned: dir.PinnedRaft, Log: log}, raftnode.PeerAddress(id.Node, ln.Addr().String()))
	folder := t.TempDir()
	cipher, err := disk.NewRecordCipher(disk.GenerateKey(), "log")
	if err != nil {
		t.Fatal(err)
	}
	store, err := raftnode.OpenLog(filepath.Join(folder, "log"), id.Node, cipher, raftlog.Options{Logger: clustertest.Silent{}})
	if err != nil {
		t.Fatal(err)
	}
	records, err := raftnode.Folder(filepath.Join(folder, "snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	n.raft, err = raftnode.Start(raftnode.Config{ID: id.Node, Log: store, Records: records, Scale: 2, SnapshotThreshold: 20, TrailingLogs: 4, SnapshotInterval: 100 * time.Millisecond},
		n.machine, raftnode.NewTransport(streams, log), log)
	if err != nil {
		t.Fatal(err)
	}
	raft.Store(n.raft)
	n.client = rpc.NewClient(func(ctx context.Context, to model.NodeID) (net.Conn, error) {
		return dialer.To(ctx, peer.ProtoRPC, to, dir.Peer(to))
	}, nil)
	n.proposer = cluster.NewProposer(n.raft, n.client, cluster.Admission{Registry: clustertest.Registry()})
	n.reader = cluster.NewReader(n.raft, n.client, n.proposer)
	own := func() cluster.Status { return cluster.Status{Progress: n.raft.Progress()} }
	gather := func(ctx context.Context) ([]cluster.MemberStatus, error) {
		return cluster.Gather(ctx, n.raft, n.client, own)
	}
	admitter := &membership.Admitter{Self: holder, Issue: h.issue, Propose: h.join, Log: log,
		Known:    func(id string) bool { h.mu.Lock(); defer h.mu.Unlock(); return h.tokens[id] != nil },
		Contacts: func() []peer.Contact { return membership.Contacts(h.rows()) }}
	members := &rpc.Server{Log: log, Handlers: map[rpc.Method]rpc.Handler{
		rpc.Propose: n.proposer.Handler(), rpc.ReadIndex: n.reader.Handler(), rpc.Status: cluster.StatusHandler(own),
		rpc.Unwrap: membership.UnwrapHandler(h.deliver)}}
	strangers := &rpc.Server{Log: log, Handlers: map[rpc.Method]rpc.Handler{rpc.Join: admitter.Handler()}}
	port := &peer.Listener{Self: holder.Get, Pinned: dir.Pinned, Raft: dir.PinnedRaft, Log: log, Handlers: map[string]peer.Handler{
		peer.ProtoRaft: streams.Serve, peer.ProtoRPC: members.Serve, peer.ProtoJoin: strangers.Serve}}
	reconciler := &membership.Reconciler{Node: n.raft, Rows: h.rows, Gather: gather, Log: log}

	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	for _, task := range []func(context.Context) error{
		func(ctx context.Context) error { return port.Serve(ctx, ln) }, n.proposer.Run, n.reader.Run, reconciler.Run,
	} {
		tasks.Go(func() {
			if err := task(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		n.client.Close()
		if err := n.raft.Shutdown(); err != nil {
			t.Error(err)
		}
		tasks.Wait()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// found starts the first member.
func found(t *testing.T) (*house, *node, string) {
	t.Helper()
	key, ca, err := peer.NewCA("c1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{caKey: key, ca: ca, nodes: map[model.NodeID]model.Node{}, tokens: map[string]*model.JoinToken{}, root: []byte("the root key")}
	ln := listen(t)
	nodeKey, err := peer.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := peer.NewRequest(nodeKey, "n1")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := h.issue(t.Context(), csr, "n1", nil)
	if err != nil {
		t.Fatal(err)
	}
	id := &peer.Identity{Node: "n1", Cluster: "c1", Key: nodeKey, Chain: [][]byte{cert}, CA: [][]byte{ca}, Gossip: [][]byte{bytes.Repeat([]byte{1}, 32)}}
	h.nodes["n1"] = model.Node{ID: "n1", State: model.NodeApproved, PublicKey: id.PublicKey(), Peer: ln.Addr().String()}
	n := run(t, h, id, ln)
	if err := n.raft.Bootstrap(ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if err := n.raft.Bootstrap(ln.Addr().String()); !errors.Is(err, raftnode.ErrHasState) {
		t.Errorf("a node with data founded again: %v", err)
	}
	return h, n, ln.Addr().String()
}

func (h *house) token(name model.NodeID, peers ...string) membership.Token {
	t := membership.NewToken("c1", peer.Hash(h.ca), peers, name)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens[t.ID()] = &model.JoinToken{ID: t.ID(), Name: name}
	return t
}

func newcomer(t *testing.T, ln net.Listener) *membership.Newcomer {
	t.Helper()
	key, err := peer.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return &membership.Newcomer{Key: key, HPKE: []byte("private"), HPKEPublic: []byte("public"), Peer: ln.Addr().String(), Log: clustertest.Quiet()}
}

// await looks again at every change of the clock it is given; conditions here depend on real sockets and elections.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func voters(n *node) (v int) {
	members, _ := n.raft.Members()
	for _, m := range members {
		if m.Voter {
			v++
		}
	}
	return v
}

// Three nodes come together over TLS, work, receive a state, get the root key when approved, and lose a member.
func TestLifeOfACluster(t *testing.T) {
	t.Parallel()
	h, first, address := found(t)
	await(t, "the first leads", func() bool { now, _ := first.raft.Leadership(); return now.Leading })
	ctx, cancel := context.WithTimeout(t.Context(), 120*time.Second)
	defer cancel()
	for i := range 50 { // more than the log keeps: the others need a state
		if _, err := clustertest.Write(ctx, first.proposer, fmt.Sprint(i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.raft.Snapshot(); err != nil {
		t.Fatal(err)
	}
	nodes := []*node{first}
	for _, name := range []model.NodeID{"n2", "n3"} {
		ln := listen(t)
		id, err := newcomer(t, ln).Join(ctx, h.token(name, "127.0.0.1:1", address)) // the first address is nobody
		if err != nil {
			t.Fatal(err)
		}
		n := run(t, h, id, ln)
		nodes = append(nodes, n)
		await(t, "the newcomer has the state", func() bool { return n.machine.Count() == 50 })
		if v := voters(first); v != len(nodes)-1 {
			t.Errorf("%s votes before it was approved (%d voters)", name, v)
		}
		short, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		if err := membership.FetchRoot(short, n.client, func() []model.NodeID { return []model.NodeID{"n1"} }, func([]byte) error { return nil }, clustertest.Quiet()); err == nil {
			t.Errorf("%s got the root key before it was approved", name)
		}
		stop()
		h.set(name, model.NodeApproved)
		var root string
		if err := membership.FetchRoot(ctx, n.client, func() []model.NodeID { return []model.NodeID{"n1"} }, func(b []byte) error { root = string(b); return nil }, clustertest.Quiet()); err != nil {
			t.Fatal(err)
		}
		if root != "for "+string(name)+": the root key" {
			t.Errorf("root %q", root)
		}
		await(t, "it votes", func() bool { return voters(first) == len(nodes) })
	}
	for i, n := range nodes {
		if r, err := clustertest.Write(ctx, n.proposer, "k", fmt.Sprint(i)); err != nil || r.Err != nil {
			t.Fatal(i, err, r.Err)
		}
		if got := n.machine.Get("k"); got != fmt.Sprint(i) {
			t.Errorf("node %d returned before it had applied: %q", i, got)
		}
		if _, err := n.reader.ReadIndex(ctx); err != nil || !n.reader.Fresh() {
			t.Errorf("node %d: %v, fresh %v", i, err, n.reader.Fresh())
		}
	}
	h.set("n3", model.NodeRemoved)
	await(t, "n3 is out", func() bool { members, _ := first.raft.Members(); return len(members) == 2 })
	await(t, "n3 is cut off", func() bool {
		return nodes[2].client.Call(ctx, "n1", rpc.Status, struct{}{}, nil) != nil
	})
	// The leader itself is removed: another one leads and takes it out.
	h.set("n1", model.NodeRemoved)
	await(t, "n1 is out", func() bool { members, _ := nodes[1].raft.Members(); return len(members) == 1 && members[0].ID == "n2" })
	if _, err := clustertest.Write(ctx, nodes[1].proposer, "k", "last"); err != nil {
		t.Error(err)
	}
}

func TestWhoIsNotAdmitted(t *testing.T) {
	t.Parallel()
	h, first, address := found(t)
	await(t, "the first leads", func() bool { now, _ := first.raft.Leadership(); return now.Leading })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ln := listen(t)
	defer func() { _ = ln.Close() }()
	good := h.token("n2", address)
	n := newcomer(t, ln)
	if _, err := n.Join(ctx, good); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Join(ctx, good); err != nil {
		t.Errorf("a newcomer that did not hear the answer asks again: %v", err)
	}
	if _, err := newcomer(t, ln).Join(ctx, good); !model.Is(err, model.Denied) {
		t.Errorf("used token: %v", err)
	}
	unknown := membership.NewToken("c1", peer.Hash(h.ca), []string{address}, "n9")
	if _, err := newcomer(t, ln).Join(ctx, unknown); !model.Is(err, model.Denied) {
		t.Errorf("unknown token: %v", err)
	}
	wrongCA := h.token("n3", address)
	wrongCA.CA[0] ^= 1
	short, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	if _, err := newcomer(t, ln).Join(short, wrongCA); err == nil {
		t.Error("a newcomer joined a cluster that it does not know")
	}
}
