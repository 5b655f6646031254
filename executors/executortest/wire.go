package executortest

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"cofre/executors"
	"cofre/vault/secret"
)

// cutMode says when a connection breaks.
type cutMode uint8

const (
	whole     cutMode = iota
	cutBefore         // instead of the n-th write
	cutAfter          // right after the n-th write
	cutAnswer         // when the first bytes after the n-th write arrive, which are lost
	cutDeaf           // when the target has said all it has to say to the n-th write, which is lost
	stall             // nothing arrives any more after the n-th write
)

func (m cutMode) String() string {
	return [...]string{"no", "before", "after", "in the answer to", "after all answers to", "stalled after"}[m]
}

// wire is a network with one fault. Writes are counted over all connections of an attempt.
type wire struct {
	mode    cutMode
	at      int
	quiet   time.Duration // of cutDeaf: how long the target says nothing when it has said all
	refuse  bool          // every dial fails
	forbid  error         // every dial returns it: a rule of the dialer, not the network
	stalled func()        // called once when a stall begins

	sessions *executors.Sessions // that stay for the next attempt; nil: none does

	mu      sync.Mutex // guards the counters
	dialed  int
	written int
	conns   []net.Conn
}

func (w *wire) dials() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dialed
}

func (w *wire) writes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed++
	w.mu.Unlock()
	if w.forbid != nil {
		return nil, w.forbid
	}
	if w.refuse {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c)
	return &conn{Conn: c, wire: w}, nil
}

// now is the fault that reading meets after what has been written.
func (w *wire) now() (mode cutMode, quiet time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.written < w.at {
		return whole, 0
	}
	return w.mode, w.quiet
}

// kill cuts all connections, in silence: who uses one next finds out.
func (w *wire) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
}

// fault lets the n-th write from now on fail.
func (w *wire) fault(mode cutMode, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mode, w.at, w.quiet = mode, w.written+n, quiet
}

// conn breaks when its wire says so.
type conn struct {
	net.Conn
	wire *wire
}

// quiet is how long a target usually says nothing when it waits for us: it takes its time over a password hash.
const quiet = 1500 * time.Millisecond

// errCut looks like a lost connection.
func errCut(op string) error { return &net.OpError{Op: op, Net: "tcp", Err: syscall.ECONNRESET} }

func (c *conn) Write(p []byte) (int, error) {
	w := c.wire
	w.mu.Lock()
	w.written++
	n, mode, at := w.written, w.mode, w.at
	w.mu.Unlock()
	if mode == cutBefore && n >= at {
		return 0, errors.Join(errCut("write"), c.Close())
	}
	written, err := c.Conn.Write(p)
	if n == at {
		switch mode {
		case cutAfter:
			err = c.Close()
		case stall:
			w.stalled()
		}
	}
	return written, err
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	mode, patience := c.wire.now()
	if n == 0 {
		return n, err
	}
	switch mode {
	case cutAnswer:
		clear(p[:n])
		return 0, errors.Join(errCut("read"), c.Close())
	case cutDeaf:
		for err == nil {
			clear(p[:n])
			if err = c.Conn.SetReadDeadline(time.Now().Add(patience)); err == nil {
				n, err = c.Conn.Read(p)
			}
		}
		return 0, errors.Join(errCut("read"), c.Close())
	case stall:
		// Deadlines still work: a stalled network does not stop our own clock.
		for err == nil {
			clear(p[:n])
			n, err = c.Conn.Read(p)
		}
		return 0, err
	}
	return n, err
}

func value(s string) secret.Value { return secret.New([]byte(s)) }

// ClassOf is the class of a Failure; "" for other errors.
func ClassOf(err error) executors.Class {
	var f *executors.Failure
	if errors.As(err, &f) {
		return f.Class
	}
	return ""
}
