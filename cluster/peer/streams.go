package peer

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cofre/cluster/raftnode"
	"cofre/fsm/model"
)

// Streams is raft's stream layer over the peer port. Its addresses are raftnode.PeerAddress: the node's name is part of
// them, so that a vote is never counted for a node that merely took over an address.
type Streams struct {
	dialer    *Dialer
	advertise string
	accepted  chan net.Conn

	once   sync.Once
	closed chan struct{}
}

// NewStreams makes a stream layer for a node that others reach at advertise (raftnode.PeerAddress).
func NewStreams(d *Dialer, advertise raft.ServerAddress) *Streams {
	return &Streams{dialer: d, advertise: string(advertise), accepted: make(chan net.Conn), closed: make(chan struct{})}
}

// Serve is the listener's Handler for raft/1: it lends the connection to raft until raft closes it.
func (s *Streams) Serve(ctx context.Context, conn net.Conn, _ model.NodeID) {
	lent := &lentConn{Conn: conn, done: make(chan struct{})}
	select {
	case s.accepted <- lent:
	case <-s.closed:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-lent.done:
	case <-ctx.Done():
	}
}

type lentConn struct {
	net.Conn
	once sync.Once
	done chan struct{}
}

func (c *lentConn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Conn.Close()
}

// Accept gives raft the next connection.
func (s *Streams) Accept() (net.Conn, error) {
	select {
	case c := <-s.accepted:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Dial connects raft to a member.
func (s *Streams) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), min(timeout, handshakeTime))
	defer cancel()
	node, host := raftnode.SplitPeerAddress(address)
	return s.dialer.To(ctx, ProtoRaft, node, host)
}

// Close ends Accept.
func (s *Streams) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// Addr is what others call this node.
func (s *Streams) Addr() net.Addr { return advertised(s.advertise) }

type advertised string

func (advertised) Network() string  { return "tcp" }
func (a advertised) String() string { return string(a) }
