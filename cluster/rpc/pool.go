package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"cofre/fsm/model"
)

// Dial opens an authenticated connection to a member.
type Dial func(ctx context.Context, peer model.NodeID) (net.Conn, error)

// Client keeps one connection per peer and opens it anew when it broke.
type Client struct {
	dial    Dial
	observe Observe

	mu     sync.Mutex // guards what follows; not held while dialling
	slots  map[model.NodeID]*slot
	closed bool
}

// slot is the connection to one peer. Its token channel lets one caller dial while the others wait or give up.
type slot struct {
	token chan struct{}
	conn  *Conn // touched by the holder of the token
}

// NewClient makes a client. observe may be nil.
func NewClient(dial Dial, observe Observe) *Client {
	return &Client{dial: dial, observe: observe, slots: map[model.NodeID]*slot{}}
}

const dialTime = 3 * time.Second

var errClosed = errors.New("the client is closed")

// Call asks a peer. The error wraps ErrNotSent or ErrNoAnswer, or is the peer's *model.Error.
func (c *Client) Call(ctx context.Context, peer model.NodeID, m Method, args, out any) error {
	conn, err := c.get(ctx, peer)
	if err != nil {
		return fmt.Errorf("%s to %s: %w: %w", m, peer, ErrNotSent, err)
	}
	return conn.Call(ctx, m, args, out)
}

func (c *Client) get(ctx context.Context, peer model.NodeID) (*Conn, error) {
	c.mu.Lock()
	s, ok := c.slots[peer]
	if !ok {
		s = &slot{token: make(chan struct{}, 1)}
		c.slots[peer] = s
	}
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	select {
	case s.token <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.token }()
	if s.conn != nil && !s.conn.broken() {
		return s.conn, nil
	}
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
	dctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	raw, err := c.dial(dctx, peer)
	if err != nil {
		return nil, err
	}
	s.conn = NewConn(raw, peer, c.observe)
	c.mu.Lock()
	closed = c.closed
	c.mu.Unlock()
	if closed {
		return nil, errors.Join(errClosed, s.conn.Close())
	}
	return s.conn, nil
}

// Close breaks every connection.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	slots := c.slots
	c.slots = map[model.NodeID]*slot{}
	c.mu.Unlock()
	for _, s := range slots {
		s.token <- struct{}{}
		if s.conn != nil {
			_ = s.conn.Close()
		}
		<-s.token
	}
}
