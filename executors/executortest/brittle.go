package executortest

import (
	"context"
	"net"
)

// Brittle is a network for executors that the kit does not fit.
type Brittle struct{ wire wire }

// NewBrittle makes one that breaks instead of the n-th write of an attempt, or in the answer to it; 0: never.
func NewBrittle(n int, answer bool) *Brittle {
	switch {
	case n == 0:
		return &Brittle{wire{mode: whole}}
	case answer:
		return &Brittle{wire{at: n, mode: cutAnswer}}
	default:
		return &Brittle{wire{at: n, mode: cutBefore}}
	}
}

// Dial is a Dialer.
func (b *Brittle) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return b.wire.dial(ctx, network, address)
}

// Written is how many writes there were.
func (b *Brittle) Written() int { return b.wire.writes() }
