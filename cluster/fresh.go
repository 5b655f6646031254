package cluster

import (
	"context"
	"sync"
	"time"
)

// FreshFor is how long a node serves without having been in touch with a majority (RULES 3).
const FreshFor = 5 * time.Second

// proofEvery is how often a leader proves that it still is one.
const proofEvery = sleepless / 2

// contact knows when this node was last in touch with a majority: a follower hears its leader, a leader proves itself.
// Raft's own word would not do for a leader: it counts the moment of stepping down as a contact, and a leader that was
// paused believes in itself for another moment when it goes on.
type contact struct {
	heard func() time.Time // what raft calls the last contact
	prove func(context.Context) (uint64, error)

	mu      sync.Mutex // guards what follows
	leading bool
	proven  time.Time // begin of the last round that proved leadership
	down    time.Time // what heard gives because it stepped down then
}

// lead keeps the proof young during a term; the election that began it was one.
func (c *contact) lead(ctx context.Context, _ uint64) {
	c.set(true, time.Now())
	defer c.stepDown()
	tick := time.NewTicker(proofEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		one, cancel := context.WithTimeout(ctx, roundTime)
		if _, err := c.prove(one); err == nil {
			c.set(true, began)
		}
		cancel()
	}
}

func (c *contact) set(leading bool, proven time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leading, c.proven = leading, proven
}

func (c *contact) stepDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leading, c.down = false, c.heard()
}

// last is the last contact.
func (c *contact) last() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.heard(); !c.leading && !t.Equal(c.down) {
		return t
	}
	return c.proven
}
