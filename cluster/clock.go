package cluster

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
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
	// Wall, where it is set, is read instead of time.Now: in a bubble of virtual time it gives each machine a clock of its
	// own. It only shifts what the node believes the time to be, never timers or spans.
	Wall func() time.Time

	voters  func() []model.NodeID // without this node
	changed func(disagrees bool, offset time.Duration)

	distance distance
	majority atomic.Int64 // nanoseconds to a majority and back, as of the last probes

	mu        sync.Mutex // guards what follows
	samples   map[model.NodeID]sample
	disagrees bool
}

// sample is one reading. It goes on with this machine's timer, not with its clock: a step of our own clock is seen at
// once, and not only when somebody answers again.
type sample struct {
	theirs time.Time
	at     time.Time // when it was read, with the monotonic reading
}

// NewClock makes the comparison. changed (may be nil) is called when agreement is lost or found again.
func NewClock(voters func() []model.NodeID, changed func(disagrees bool, offset time.Duration)) *Clock {
	return &Clock{voters: voters, changed: changed, samples: map[model.NodeID]sample{}}
}

// Now is this node's clock; also without a comparison (c nil).
func (c *Clock) Now() model.Time { return model.TimeOf(c.wall()) }

// wall has no monotonic reading: clocks are compared by what they show.
func (c *Clock) wall() time.Time {
	if c == nil || c.Wall == nil {
		return time.Now().Round(0)
	}
	return c.Wall()
}

// Observe takes one reading; it fits rpc.Observe. The peer's clock is compared with the middle of the round trip;
// readings that took too long say nothing.
func (c *Clock) Observe(peer model.NodeID, clock model.Time, sent, received time.Time) {
	round := received.Sub(sent)
	if round > maxClockOffset/2 || clock.IsZero() {
		return
	}
	c.distance.observe(peer, round, received)
	c.mu.Lock()
	c.samples[peer] = sample{clock.Std().Add(round / 2), received}
	c.mu.Unlock()
	c.judge()
}

// Offset is how far this node is off the median of a majority of voters (positive: ahead); false: too few readings.
func (c *Clock) Offset() (time.Duration, bool) {
	voters := c.voters()
	c.mu.Lock()
	defer c.mu.Unlock()
	all, wall := []time.Duration{0}, c.wall() // this node, and how far the others are ahead of it
	for _, v := range voters {
		if s, ok := c.samples[v]; ok {
			if age := time.Since(s.at); age < sampleLife {
				all = append(all, s.theirs.Add(age).Sub(wall))
			}
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

// usableOffset is half of what Apply lets a command's date be away from state time.
const usableOffset = time.Minute

// Usable tells whether commands of a peer are taken, as far as its clock decides: it makes no sense to give work to a node
// that can report nothing. True while its clock is not known.
func (c *Clock) Usable(peer model.NodeID) bool {
	own, known := c.Offset()
	c.mu.Lock()
	s, ok := c.samples[peer]
	c.mu.Unlock()
	if !known || !ok {
		return true
	}
	age := time.Since(s.at)
	return age >= sampleLife || (s.theirs.Add(age).Sub(c.wall())+own).Abs() < usableOffset
}

// Wrong tells whether commands of this node are not taken, as far as its own clock decides: whoever asks here had better
// ask another node. False while nothing is known.
func (c *Clock) Wrong() bool {
	offset, known := c.Offset()
	return known && offset.Abs() >= usableOffset
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

// RoundTrip is how long a message to a member and its answer take at best; 0 if it is not known.
func (c *Clock) RoundTrip(peer model.NodeID) time.Duration { return c.distance.to(peer) }

// Majority is the same for the nearest members that make a majority with this node.
func (c *Clock) Majority() time.Duration { return time.Duration(c.majority.Load()) }

// entryStride is how long after one entry of the log another one may leave beside it; 0: not before that one is settled, as
// also without a comparison (c nil).
func (c *Clock) entryStride() time.Duration {
	if c == nil {
		return 0
	}
	return stride(c.Majority())
}

// callStride is the same for calls to a leader.
func (c *Clock) callStride(leader model.NodeID) time.Duration {
	if c == nil {
		return 0
	}
	return stride(c.RoundTrip(leader))
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
		c.majority.Store(int64(c.distance.majority(c.voters())))
		select {
		case <-time.After(probeEvery):
		case <-ctx.Done():
			return nil
		}
	}
}
