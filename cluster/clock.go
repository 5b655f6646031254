package cluster

import (
	"context"
	"slices"
	"sync"
	"time"

	"cofre/fsm/model"
)

const (
	maxClockOffset = 2 * time.Second // RULES 1
	sampleLife     = 30 * time.Second
	probeEvery     = 5 * time.Second
)

// Clock compares this node's clock with those of the other voters, which every rpc reply carries.
type Clock struct {
	voters  func() []model.NodeID // without this node
	changed func(disagrees bool, offset time.Duration)

	mu        sync.Mutex // guards what follows
	samples   map[model.NodeID]sample
	disagrees bool
}

type sample struct {
	offset time.Duration // theirs minus ours
	at     time.Time
}

// NewClock makes the comparison. changed (may be nil) is called when agreement is lost or found again.
func NewClock(voters func() []model.NodeID, changed func(disagrees bool, offset time.Duration)) *Clock {
	return &Clock{voters: voters, changed: changed, samples: map[model.NodeID]sample{}}
}

// Observe takes one reading; it fits rpc.Observe. The peer's clock is compared with the middle of the round trip;
// readings that took too long say nothing.
func (c *Clock) Observe(peer model.NodeID, clock model.Time, sent, received time.Time) {
	round := received.Sub(sent)
	if round > maxClockOffset/2 || clock.IsZero() {
		return
	}
	offset := clock.Std().Sub(sent.Add(round / 2).Round(0)) // Round strips the monotonic reading: walls are compared
	c.mu.Lock()
	c.samples[peer] = sample{offset, received}
	c.mu.Unlock()
	c.judge()
}

// Offset is how far this node is off the median of a majority of voters (positive: ahead); false: too few readings.
func (c *Clock) Offset() (time.Duration, bool) {
	voters := c.voters()
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []time.Duration{0} // this node
	for _, v := range voters {
		if s, ok := c.samples[v]; ok && time.Since(s.at) < sampleLife {
			all = append(all, s.offset)
		}
	}
	if len(all) <= (len(voters)+1)/2 {
		return 0, false
	}
	slices.Sort(all)
	mid := len(all) / 2
	median := all[mid]
	if len(all)%2 == 0 {
		median = (all[mid-1] + all[mid]) / 2
	}
	return -median, true
}

// Disagrees tells whether this node's clock is more than 2 s off. Without a majority of readings nothing is known, and
// the bound on how far one entry moves state time protects (RULES 1).
func (c *Clock) Disagrees() bool {
	offset, known := c.Offset()
	return known && offset.Abs() > maxClockOffset
}

func (c *Clock) judge() {
	offset, known := c.Offset()
	bad := known && offset.Abs() > maxClockOffset
	c.mu.Lock()
	turned := known && bad != c.disagrees
	if turned {
		c.disagrees = bad
	}
	c.mu.Unlock()
	if turned && c.changed != nil {
		c.changed(bad, offset)
	}
}

// Run asks every other voter for its clock every 5 s, so that a node which gains leadership knows already. probe is any
// rpc call.
func (c *Clock) Run(ctx context.Context, probe func(context.Context, model.NodeID)) error {
	for {
		one, cancel := context.WithTimeout(ctx, maxClockOffset)
		var wg sync.WaitGroup
		for _, v := range c.voters() {
			wg.Go(func() { probe(one, v) })
		}
		wg.Wait()
		cancel()
		select {
		case <-time.After(probeEvery):
		case <-ctx.Done():
			return nil
		}
	}
}
