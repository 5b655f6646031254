package cluster

import (
	"context"
	"slices"
	"sync"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
)

// outcome is what became of one command on one attempt.
type outcome struct {
	result command.Result
	err    error
	retry  bool // the same command may be tried again, here or elsewhere
	maybe  bool // despite err it may be committed
}

// pending is one command that waits to be packed.
type pending struct {
	envelope command.Envelope
	size     int
	since    time.Time
	done     chan outcome // buffered: delivering never waits
}

// background tells that nobody waits at a keyboard or in a program for a command: the scheduler and the slots ask for it, and no
// request waits for what it is part of.
func background(e *command.Envelope) bool { return e.Actor.Kind == model.ActorSystem && !e.Awaited }

// felt is what requests have felt so far: those that are not background work.
type felt struct {
	requests int
	waited   time.Duration // from submit to the outcome, in all
}

// coalescer packs the commands that wait while earlier ones are in flight. A lone command leaves at once, and under load
// the batches grow by themselves. Background work waits for company (patience), and a batch for those whom the last one
// answered (gather).
type coalescer struct {
	send    func(ctx context.Context, batch []command.Envelope) []outcome
	workers int // batches in flight at once
	beside  int // how many must wait for a batch to leave beside one in flight

	// stride, where it is set, is how long after the newest batch another one leaves beside it, whatever waits, and beyond
	// workers up to farWorkers: members are so far apart that waiting for an answer costs more than a batch. 0: never.
	stride func() time.Duration

	// patience is how long background work waits for a batch that leaves anyway, while commands of people and programs
	// come more often than that; 0: it does not wait. What a batch costs is then not spent twice (ADR 0033).
	patience time.Duration

	mu      sync.Mutex // guards what follows
	gather  gathering
	waiting []*pending
	flying  map[int]chan struct{} // by worker: closed when its batch is settled
	left    time.Time             // when the newest batch left
	asked   time.Time             // when the last command came that is not background work
	alarm   time.Time             // when a timer will wake a worker; zero: none will
	felt    felt
	wake    chan struct{} // buffered by one
}

func newCoalescer(workers, beside int, send func(context.Context, []command.Envelope) []outcome) *coalescer {
	return &coalescer{send: send, workers: workers, beside: beside, flying: map[int]chan struct{}{}, wake: make(chan struct{}, 1)}
}

// overhead estimates what an envelope needs besides its payload.
const overhead = 512

// submit queues a command.
func (c *coalescer) submit(e command.Envelope) *pending {
	p := &pending{envelope: e, size: len(e.Payload) + overhead, since: time.Now(), done: make(chan outcome, 1)}
	c.mu.Lock()
	if !background(&e) {
		c.asked = p.since
	}
	c.waiting = append(c.waiting, p)
	c.mu.Unlock()
	c.signal()
	return p
}

func (c *coalescer) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// wait gives the outcome; if ctx ends before the command was packed, it is taken back and certainly not sent.
func (c *coalescer) wait(ctx context.Context, p *pending) outcome {
	select {
	case o := <-p.done:
		return o
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, w := range c.waiting {
		if w == p {
			c.waiting = append(c.waiting[:i:i], c.waiting[i+1:]...)
			return outcome{err: ctx.Err()}
		}
	}
	select {
	case o := <-p.done:
		return o
	default:
		return outcome{err: ctx.Err(), maybe: true}
	}
}

// run packs and sends until ctx ends; what waits then is answered as not sent.
func (c *coalescer) run(ctx context.Context) {
	var wg sync.WaitGroup
	workers := c.workers
	if c.stride != nil {
		workers = max(workers, farWorkers)
	}
	for i := range workers {
		wg.Go(func() { c.work(ctx, i) })
	}
	wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.waiting {
		p.done <- outcome{err: ctx.Err()}
	}
	c.waiting = nil
}

func (c *coalescer) work(ctx context.Context, worker int) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		for batch := c.take(worker); batch != nil; batch = c.take(worker) {
			envelopes := make([]command.Envelope, len(batch))
			for i, p := range batch {
				envelopes[i] = p.envelope
			}
			for i, o := range c.send(ctx, envelopes) {
				batch[i].done <- o
			}
			c.settle(worker, batch)
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// take packs what waits, within the limits of one entry; nil if nothing waits.
func (c *coalescer) take(worker int) []*pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.flying) > 0 && (len(c.waiting) < c.beside || len(c.flying) >= c.workers) && !c.strides() {
		return nil // who settles what is in flight takes it, or the timer
	}
	if c.holds() {
		return nil // the next command takes it along, or the timer
	}
	n, size := 0, 0
	for n < len(c.waiting) && n < command.MaxEntryCommands {
		size += c.waiting[n].size
		if n > 0 && size > command.MaxEntryBytes {
			break
		}
		n++
	}
	if n == 0 || n == len(c.waiting) && c.gathers() {
		return nil // the command that makes it large takes it, or the timer
	}
	batch := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	c.flying[worker], c.left = make(chan struct{}), time.Now()
	if len(c.waiting) > 0 {
		c.signal() // another worker may be free
	}
	return batch
}

// farWorkers are batches in flight at once where members are far apart: those of two round trips, a stride apart.
const farWorkers = 8

// strides tells whether the newest batch left so long ago that another one leaves beside it.
func (c *coalescer) strides() bool {
	if c.stride == nil || len(c.waiting) == 0 || len(c.flying) >= farWorkers {
		return false
	}
	s := c.stride()
	if s == 0 {
		return false
	}
	if left := s - time.Since(c.left); left > 0 {
		c.wakeIn(left)
		return false
	}
	return true
}

// wakeIn lets a worker look again after a while.
func (c *coalescer) wakeIn(after time.Duration) {
	at := time.Now().Add(after)
	if !c.alarm.IsZero() && !at.Before(c.alarm) {
		return
	}
	c.alarm = at
	time.AfterFunc(after, func() {
		c.mu.Lock()
		c.alarm = time.Time{} // also that of a later one, which then wakes somebody for nothing
		c.mu.Unlock()
		c.signal()
	})
}

// gathers tells whether what waits, and does not fill an entry, should wait for more: see gathering.
func (c *coalescer) gathers() bool {
	if len(c.flying) > 0 {
		return false
	}
	left := c.gather.left(time.Now(), len(c.waiting))
	if left > 0 {
		c.wakeIn(left)
	}
	return left > 0
}

// holds tells whether what waits is background work only, for which company is likely to come soon.
func (c *coalescer) holds() bool {
	if len(c.waiting) == 0 || len(c.waiting) >= c.beside {
		return false
	}
	now := time.Now()
	until := c.asked
	if first := c.waiting[0].since; first.Before(until) {
		until = first
	}
	left := until.Add(c.patience).Sub(now)
	if left <= 0 || slices.ContainsFunc(c.waiting, func(p *pending) bool { return !background(&p.envelope) }) {
		return false
	}
	c.wakeIn(left)
	return true
}

// accompanied tells whether people and programs ask so often that a batch of theirs is likely to come soon.
func (c *coalescer) accompanied() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.asked) < c.patience
}

func (c *coalescer) settle(worker int, batch []*pending) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range batch {
		if !background(&p.envelope) {
			c.felt.requests++
			c.felt.waited += now.Sub(p.since)
		}
	}
	close(c.flying[worker])
	delete(c.flying, worker)
	c.gather.settle(now, now.Sub(c.left), len(batch), len(c.waiting))
}

// idle tells whether nothing waits.
func (c *coalescer) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting) == 0
}

// settled waits for the batches that are in flight now.
func (c *coalescer) settled(ctx context.Context) error {
	c.mu.Lock()
	var flying []chan struct{}
	for _, f := range c.flying {
		flying = append(flying, f)
	}
	c.mu.Unlock()
	for _, f := range flying {
		select {
		case <-f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
