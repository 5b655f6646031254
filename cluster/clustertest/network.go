package clustertest

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cofre/cluster/raftnode"
	"cofre/fsm/model"
)

// ErrCut is what a message into a partition comes to.
var ErrCut = errors.New("the network is cut")

// Network connects the members and can be cut in each direction by itself.
type Network struct {
	mu  sync.Mutex // guards the fields
	cut map[[2]model.NodeID]bool
	up  map[model.NodeID]*raft.InmemTransport
}

// NewNetwork is whole.
func NewNetwork() *Network {
	return &Network{cut: map[[2]model.NodeID]bool{}, up: map[model.NodeID]*raft.InmemTransport{}}
}

// Cut drops what from sends to to.
func (n *Network) Cut(from, to model.NodeID) { n.set(from, to, true) }

// Heal is the reverse of Cut.
func (n *Network) Heal(from, to model.NodeID) { n.set(from, to, false) }

func (n *Network) set(from, to model.NodeID, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]model.NodeID{from, to}] = cut
}

func (n *Network) isCut(from, to model.NodeID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut[[2]model.NodeID{from, to}]
}

// of is the transport of a node's present life, nil while it is away.
func (n *Network) of(id model.NodeID) *raft.InmemTransport {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.up[id]
}

// attach connects a (re)started node.
func (n *Network) attach(id model.NodeID) raftnode.Transport {
	address, t := raft.NewInmemTransport(raftnode.PeerAddress(id, string(id)))
	n.mu.Lock()
	defer n.mu.Unlock()
	n.up[id] = t
	for other, o := range n.up {
		t.Connect(raftnode.PeerAddress(other, string(other)), o)
		o.Connect(address, t)
	}
	return &wire{InmemTransport: t, net: n, self: id}
}

// detach takes a node away, if it is there: what it sends and answers from now on reaches nobody.
func (n *Network) detach(id model.NodeID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t, ok := n.up[id]
	if !ok {
		return
	}
	delete(n.up, id)
	for _, o := range n.up {
		o.Disconnect(raftnode.PeerAddress(id, string(id)))
	}
	_ = t.Close()
}

// wire is raft's transport through the switches. It does not pipeline, so that each message meets them.
type wire struct {
	*raft.InmemTransport
	net  *Network
	self model.NodeID
}

// latency is how long a message takes; without any, nothing would ever wait and be packed.
const latency = time.Millisecond

// pass sends if the way there is whole, and loses the answer if the way back is not, or the life of the node that gave it
// ended.
func (w *wire) pass(to raft.ServerID, send func() error) error {
	<-time.After(latency)
	there := w.net.of(model.NodeID(to))
	if there == nil || w.net.of(w.self) != w.InmemTransport || w.net.isCut(w.self, model.NodeID(to)) {
		return ErrCut
	}
	if err := send(); err != nil {
		return err
	}
	if w.net.of(model.NodeID(to)) != there || w.net.isCut(model.NodeID(to), w.self) {
		return ErrCut
	}
	return nil
}

func (w *wire) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

func (w *wire) AppendEntries(id raft.ServerID, a raft.ServerAddress, q *raft.AppendEntriesRequest, r *raft.AppendEntriesResponse) error {
	return w.pass(id, func() error { return w.InmemTransport.AppendEntries(id, a, q, r) })
}

func (w *wire) RequestVote(id raft.ServerID, a raft.ServerAddress, q *raft.RequestVoteRequest, r *raft.RequestVoteResponse) error {
	return w.pass(id, func() error { return w.InmemTransport.RequestVote(id, a, q, r) })
}

func (w *wire) RequestPreVote(id raft.ServerID, a raft.ServerAddress, q *raft.RequestPreVoteRequest, r *raft.RequestPreVoteResponse) error {
	return w.pass(id, func() error { return w.InmemTransport.RequestPreVote(id, a, q, r) })
}

func (w *wire) InstallSnapshot(id raft.ServerID, a raft.ServerAddress, q *raft.InstallSnapshotRequest, r *raft.InstallSnapshotResponse, data io.Reader) error {
	return w.pass(id, func() error { return w.InmemTransport.InstallSnapshot(id, a, q, r, data) })
}

func (w *wire) TimeoutNow(id raft.ServerID, a raft.ServerAddress, q *raft.TimeoutNowRequest, r *raft.TimeoutNowResponse) error {
	return w.pass(id, func() error { return w.InmemTransport.TimeoutNow(id, a, q, r) })
}

// line is one end of an rpc connection through the switches: bytes sent into a cut are lost silently, as in a real
// network, and a connection that lost bytes breaks when it is used after the heal.
type line struct {
	net.Conn
	net      *Network
	from, to model.NodeID

	mu   sync.Mutex // guards lost
	lost bool
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	cut := l.net.isCut(l.from, l.to)
	broken := l.lost && !cut
	l.lost = l.lost || cut
	l.mu.Unlock()
	switch {
	case broken:
		_ = l.Close()
		return 0, net.ErrClosed
	case cut:
		return len(p), nil
	}
	return l.Conn.Write(p)
}
