package cluster

import (
	"context"
	"sync"
	"time"
)

const (
	// sleepless is the longest time between two proofs in which nobody else can have been elected: less than raft's heartbeat timeout.
	sleepless = 400 * time.Millisecond

	// drain is how long answers that wait in sockets are read before one counts.
	drain = 100 * time.Millisecond
)

// proof asks a majority whether this node still leads. Raft counts every answer that it reads after the question, those to
// what was sent before it too. A leader that was paused while others elected a new one finds such answers when it goes on, and
// would believe in itself, and serve what it knew then. So where the last proof is older than an election takes, they are
// read first.
type proof struct {
	verify func(context.Context) error

	mu   sync.Mutex // guards last
	last time.Time  // begin of the last one that succeeded
}

// begin takes the moment from which on something proved it, such as an entry of the term that was committed.
func (p *proof) begin(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.After(p.last) { // several run at once
		p.last = at
	}
}

// now returns when a majority said so after the call.
func (p *proof) now(ctx context.Context) error {
	p.mu.Lock()
	last := p.last
	p.mu.Unlock()
	for {
		at := time.Now()
		if err := p.verify(ctx); err != nil {
			return err
		}
		if time.Since(last) < sleepless {
			p.begin(at)
			return nil
		}
		for awake := false; !awake; {
			from := time.Now()
			select {
			case <-time.After(drain):
			case <-ctx.Done():
				return ctx.Err()
			}
			last = time.Now()
			awake = last.Sub(from) < sleepless // else it slept meanwhile
		}
	}
}
