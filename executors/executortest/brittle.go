package executortest

import (
	"context"
	"net"
)

// Brittle is a network for executors that the kit does not fit: it breaks instead of the n-th write of an attempt, or in the answer to
// it; 0: never.
type Brittle struct {
	At    int
	After bool

	wire wire
}

// Dial is a Dialer.
func (b *Brittle) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	b.wire.mu.Lock()
	b.wire.at, b.wire.mode = b.At, cutBefore
	switch {
	case b.At == 0:
		b.wire.mode = whole
	case b.After:
		b.wire.mode = cutAnswer
	}
	b.wire.mu.Unlock()
	return b.wire.dial(ctx, network, address)
}

// Written is how many writes there were.
func (b *Brittle) Written() int { return b.wire.writes() }
