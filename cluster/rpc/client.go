package rpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"cofre/fsm/codec"
	"cofre/fsm/model"
)

var (
	// ErrNotSent says that the request certainly did not reach the peer.
	ErrNotSent = errors.New("the request was not sent")
	// ErrNoAnswer says that the request may have reached the peer.
	ErrNoAnswer = errors.New("the peer did not answer")
)

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, context.Canceled)
}

// Observe is told of every reply: the peer's clock, and when the request went out and the reply came in.
type Observe func(peer model.NodeID, clock model.Time, sent, received time.Time)

// Conn is the caller's end of one connection.
type Conn struct {
	conn    net.Conn
	peer    model.NodeID
	observe Observe
	out     chan []byte
	done    chan struct{} // closed when the connection broke
	stop    context.CancelFunc
	ended   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	next    uint64
	waiting map[uint64]chan reply
}

// NewConn takes over an open connection. observe may be nil.
func NewConn(conn net.Conn, peer model.NodeID, observe Observe) *Conn {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Conn{conn: conn, peer: peer, observe: observe, out: make(chan []byte), done: make(chan struct{}), stop: cancel, waiting: map[uint64]chan reply{}}
	c.ended.Go(func() {
		writeFrames(ctx, conn, c.out)
		_ = conn.Close()
	})
	c.ended.Go(func() {
		defer cancel()
		defer close(c.done)
		c.read()
	})
	return c
}

func (c *Conn) read() {
	in := bufio.NewReaderSize(c.conn, 64<<10)
	for {
		var r reply
		if err := readFrame(in, &r); err != nil {
			_ = c.conn.Close()
			return
		}
		c.mu.Lock()
		w := c.waiting[r.ID]
		delete(c.waiting, r.ID)
		c.mu.Unlock()
		if w != nil {
			w <- r
		}
	}
}

// Close breaks the connection and waits for its goroutines.
func (c *Conn) Close() error {
	c.stop()
	err := c.conn.Close()
	c.ended.Wait()
	return err
}

func (c *Conn) broken() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Call asks and waits for the answer at most until ctx ends. out may be nil.
func (c *Conn) Call(ctx context.Context, m Method, args, out any) error {
	body, err := codec.Encode(args)
	if err != nil {
		return err
	}
	budget := maxBudget
	if t, ok := ctx.Deadline(); ok {
		budget = time.Until(t)
	}
	answer := make(chan reply, 1)
	c.mu.Lock()
	c.next++
	id := c.next
	c.waiting[id] = answer
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
	}()
	frame, err := encodeFrame(&request{ID: id, Method: m, Budget: max(budget.Milliseconds(), 1), Body: body})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	select {
	case c.out <- frame:
	case <-c.done:
		return fmt.Errorf("%s to %s: %w: the connection is broken", m, c.peer, ErrNotSent)
	case <-ctx.Done():
		return fmt.Errorf("%s to %s: %w: %w", m, c.peer, ErrNotSent, ctx.Err())
	}
	sent := time.Now()
	select {
	case r := <-answer:
		return c.take(r, sent, out)
	case <-c.done:
		select {
		case r := <-answer:
			return c.take(r, sent, out)
		default:
			return fmt.Errorf("%s to %s: %w: the connection broke", m, c.peer, ErrNoAnswer)
		}
	case <-ctx.Done():
		return fmt.Errorf("%s to %s: %w: %w", m, c.peer, ErrNoAnswer, ctx.Err())
	}
}

func (c *Conn) take(r reply, sent time.Time, out any) error {
	if c.observe != nil {
		c.observe(c.peer, r.Clock, sent, time.Now())
	}
	if r.Err != nil {
		return r.Err
	}
	if out == nil {
		return nil
	}
	return codec.Decode(r.Body, out)
}
