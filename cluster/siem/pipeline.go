package siem

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/model"
)

// Sink takes events somewhere. One goroutine uses it.
type Sink interface {
	// Send hands over a batch in order. After an error nothing is known of the batch, and it comes again.
	Send(ctx context.Context, batch []audit.Event) error
	// Settled tells whether everything sent so far has left for good. An error says that it was lost on the way.
	Settled() (bool, error)
	// Close gives connections back; the sink opens them again when it is used.
	Close() error
}

// settleTime is how long a connection must stay alive after a batch before its cursor is stored. Syslog has no answers:
// a receiver that refuses our certificate, or stops, says so only by ending the connection a moment later.
const settleTime = 2 * time.Second

// The pauses after a failure: they double up to the last.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = time.Minute
)

// adoptionEvery is how often the list of adopted nodes is read when the trail is quiet.
const adoptionEvery = 5 * time.Second

// positions tell, by origin, the last sequence number that was dealt with.
type positions map[model.NodeID]uint64

// pending is a position that was sent and is not believed to have arrived yet.
type pending struct {
	at    positions
	count int // events that went to the sink
	sent  time.Time
}

type pipeline struct {
	name    string
	about   string
	counts  bool // its position goes into the acknowledgement
	settle  time.Duration
	wants   func(*audit.Event) bool // nil: every event
	every   time.Duration           // the least time between two batches that hold something; what happens meanwhile goes together
	pause   time.Duration           // the first pause
	batch   int
	timeout time.Duration

	sink   Sink
	cursor Cursor
	o      Options

	at      positions // sent
	stored  positions // in the cursor
	waiting []pending // oldest first
	next    time.Time // before that nothing is sent

	mu    sync.Mutex // guards state and done
	state Status
	done  positions // taken by the receiver
}

func newPipeline(name string, s Sink, o Options) (*pipeline, error) {
	c := &FileCursor{Path: filepath.Join(o.Dir, "audit-"+name+".cursor")}
	at, err := c.Load()
	if err != nil {
		return nil, fmt.Errorf("audit sink %s: %w", name, err)
	}
	p := &pipeline{name: name, sink: ordered(s, c), cursor: c, o: o, settle: settleTime, pause: firstPause, batch: 256, timeout: 30 * time.Second}
	p.begin(at)
	return p, nil
}

// fromNow lets a sink that never worked begin with what happens from now on: nobody wants to be told the results of years.
func (p *pipeline) fromNow() error {
	if at, err := p.cursor.Load(); err != nil || at != nil {
		return err
	}
	at := positions{p.o.Node: p.o.Trail.Last()}
	if err := p.cursor.Store(at); err != nil {
		return err
	}
	p.begin(at)
	return nil
}

func (p *pipeline) begin(at positions) {
	if at == nil {
		at = positions{}
	}
	if _, ok := at[p.o.Node]; !ok {
		at[p.o.Node] = 0
	}
	p.at, p.stored, p.waiting = maps.Clone(at), at, nil
	p.arrived(at)
}

// arrived publishes how far the receiver is.
func (p *pipeline) arrived(at positions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Position, p.done = at[p.o.Node], maps.Clone(at)
}

func (p *pipeline) taken() positions {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.done)
}

func (p *pipeline) status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state
	s.Name, s.About = p.name, p.about
	return s
}

// run sends until the context ends. After a failure it goes back to the stored cursor.
func (p *pipeline) run(ctx context.Context) {
	pause := p.pause
	for {
		before := p.status().Position
		err := p.work(ctx)
		_ = p.sink.Close()
		if ctx.Err() != nil {
			return
		}
		p.failed(err)
		p.at, p.waiting = maps.Clone(p.stored), nil
		if p.status().Position > before {
			pause = p.pause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

func (p *pipeline) failed(err error) {
	p.mu.Lock()
	first := p.state.Error == ""
	p.state.Error = err.Error()
	if first {
		p.state.Since = time.Now()
	}
	p.mu.Unlock()
	if first {
		p.o.Log.WithError(err).WithField("sink", p.name).Warn("audit: events wait; sending is tried again until it succeeds")
	}
}

func (p *pipeline) works(count int) {
	p.mu.Lock()
	again := p.state.Error != ""
	p.state.Error, p.state.Since = "", time.Time{}
	p.state.Sent += uint64(count)
	p.mu.Unlock()
	if again {
		p.o.Log.WithField("sink", p.name).Info("audit: events are being sent again")
	}
}

// setAside says what the receiver will never get. The event stays in the trail.
func (p *pipeline) setAside(e *audit.Event, err error) {
	p.mu.Lock()
	p.state.Aside++
	p.mu.Unlock()
	p.o.Log.WithError(err).WithField("sink", p.name).WithField("event", eventID(e)).
		Errorf("audit: event %d (%s) is set aside: the receiver refused it for %s and took later ones", e.Seq, e.Kind, refusedFor)
}

// refusals opens what is kept of them.
func (p *pipeline) refusals() *refusals {
	return openRefusals(filepath.Join(p.o.Dir, "audit-"+p.name+".refused"), func(err error) {
		p.o.Log.WithError(err).WithField("sink", p.name).Warn("audit: since when the receiver refuses events was not kept")
	})
}

// noted says what does not work although the receiver gets its events.
func (p *pipeline) noted(text string) {
	p.mu.Lock()
	changed := p.state.Note != text
	p.state.Note = text
	p.mu.Unlock()
	if changed && text != "" {
		p.o.Log.WithField("sink", p.name).Warn("audit: " + text)
	}
}

// work sends what is there and waits for more; it returns only with an error.
func (p *pipeline) work(ctx context.Context) error {
	for {
		changed := p.o.Trail.Changed()
		wait := adoptionEvery
		if held := time.Until(p.next); held > 0 {
			wait, changed = min(wait, held), nil
		} else if more, err := p.step(ctx); err != nil {
			return err
		} else if more {
			wait = 0
		}
		if err := p.promote(); err != nil {
			return err
		}
		if wait == 0 {
			continue
		}
		if len(p.waiting) > 0 {
			wait = min(wait, max(p.settle/4, time.Millisecond))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// step sends one batch and tells whether there may be more.
func (p *pipeline) step(ctx context.Context) (more bool, err error) {
	p.adopt()
	ours, last, more, err := p.read(ctx)
	if err != nil || last == 0 {
		return false, err
	}
	if len(ours) > 0 {
		sctx, cancel := context.WithTimeout(ctx, p.timeout)
		err := p.sink.Send(sctx, ours)
		cancel()
		if err != nil {
			return false, fmt.Errorf("send events %d to %d: %w", ours[0].Seq, ours[len(ours)-1].Seq, err)
		}
	}
	if len(ours) > 0 && p.every > 0 {
		p.next = time.Now().Add(p.every)
	}
	for n := range p.at {
		p.at[n] = max(p.at[n], last)
	}
	p.waiting = append(p.waiting, pending{at: maps.Clone(p.at), count: len(ours), sent: time.Now()})
	return more, nil
}

// read collects what is to be sent next, and tells up to which event it looked (0: there is none) and whether there may be
// more. A sink that wants few events looks on until its batch is full or the trail ends.
func (p *pipeline) read(ctx context.Context) (ours []audit.Event, last uint64, more bool, err error) {
	low := slices.Min(slices.Collect(maps.Values(p.at)))
	for more = true; more && len(ours) < p.batch && ctx.Err() == nil && (last == 0 || p.wants != nil); {
		var events []audit.Event
		if events, err = p.o.Trail.Events(low, p.batch); err != nil {
			return nil, 0, false, fmt.Errorf("read the trail after event %d: %w", low, err)
		}
		more = len(events) == p.batch
		if len(events) == 0 {
			break
		}
		if first := events[0].Seq; first > low+1 {
			p.o.Log.WithField("sink", p.name).Errorf("audit: events %d to %d were removed from the trail before they were sent", low+1, first-1)
		}
		for i := range events {
			e := &events[i]
			if at, ok := p.at[e.Node]; ok && e.Seq > at && (p.wants == nil || p.wants(e)) {
				ours = append(ours, *e)
			}
		}
		last = events[len(events)-1].Seq
		low = last
	}
	return ours, last, more, nil
}

// adopt takes over the events of dead nodes, and gives them back.
func (p *pipeline) adopt() {
	var now []Adoption
	if p.o.Adopted != nil {
		now = p.o.Adopted()
	}
	for n := range p.at {
		if n != p.o.Node && !slices.ContainsFunc(now, func(a Adoption) bool { return a.Node == n }) {
			delete(p.at, n)
		}
	}
	for _, a := range now {
		if _, ok := p.at[a.Node]; !ok {
			p.at[a.Node] = a.From
		}
	}
}

// lazy is how many foreign events may pass before the cursor is stored for them alone.
const lazy = 1024

// promote stores the newest position whose batches are old enough and settled.
func (p *pipeline) promote() error {
	n, count := 0, 0
	for n < len(p.waiting) && time.Since(p.waiting[n].sent) >= p.settle {
		count += p.waiting[n].count
		n++
	}
	if n == 0 {
		return nil
	}
	settled, err := p.sink.Settled()
	if err != nil {
		return fmt.Errorf("wait for the receiver: %w", err)
	}
	if !settled {
		if age := time.Since(p.waiting[0].sent); age > p.settle+p.timeout {
			return fmt.Errorf("the receiver took nothing for %s", age.Round(time.Second))
		}
		return nil
	}
	to := p.waiting[n-1].at
	if count > 0 || to[p.o.Node] >= p.stored[p.o.Node]+lazy || len(to) != len(p.stored) {
		if err := p.cursor.Store(to); err != nil {
			return err
		}
		p.stored = to
	}
	p.waiting = slices.Delete(p.waiting, 0, n)
	p.works(count)
	p.arrived(to)
	return nil
}
