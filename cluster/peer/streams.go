package peer

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
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
	ending    <-chan struct{} // the node is stopping: Dial waits for nobody
	accepted  chan net.Conn

	once   sync.Once
	closed chan struct{}
}

// NewStreams makes a stream layer for a node that others reach at advertise (raftnode.PeerAddress), until ctx ends.
func NewStreams(ctx context.Context, d *Dialer, advertise raft.ServerAddress) *Streams {
	return &Streams{dialer: d, advertise: string(advertise), ending: ctx.Done(), accepted: make(chan net.Conn), closed: make(chan struct{})}
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

// redial is the pause before a member whose machine answers, but not its process, is asked again.
const redial = 25 * time.Millisecond

// Dial connects raft to a member. It waits for a process that is not there: after each refusal raft itself would pause
// twice as long, up to ten seconds, and so send nothing for as long again as the process took to start.
func (s *Streams) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	node, host := raftnode.SplitPeerAddress(address)
	for end := time.Now().Add(timeout); ; {
		ctx, cancel := context.WithTimeout(context.Background(), min(timeout, handshakeTime))
		conn, err := s.dialer.To(ctx, ProtoRaft, node, host)
		cancel()
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(end) {
			return conn, err
		}
		select {
		case <-time.After(redial):
		case <-s.ending:
			return nil, err
		}
	}
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
