// Package siem sends the audit trail to the receivers of the house: the local syslog of every node, syslog receivers
// over TLS, TCP or UDP, and files; and it tells the results of operations to webhooks and by e-mail.
//
// It reads this node's own replica and sends the events that originated here, and those of dead nodes that it is told to
// adopt. It guarantees at least once: a sink's cursor is stored, fsynced, only after the events are believed to have
// arrived, so a crash repeats events and never loses one; the sequence number lets a receiver drop the twins. A slow or
// dead receiver holds up nobody but its own cursor. Secret fields never leave; sensitive ones go only to receivers over
// TLS, or where the configuration says plaintext: true. cmd builds one Forwarder and runs it.
package siem

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/audit"
	"cofre/fsm/model"
)

// Trail is this node's replica of the audit trail.
type Trail interface {
	// Events gives up to limit events with sequence numbers above after, in order.
	Events(after uint64, limit int) ([]audit.Event, error)
	// Last is the newest sequence number; 0 if there is none.
	Last() uint64
	// Changed gives a channel that closes at the next change: "look again". It is taken before looking.
	Changed() <-chan struct{}
}

// Adoption is a dead or removed node whose events this node sends, from the position that was acknowledged for it last.
type Adoption struct {
	Node model.NodeID
	From uint64
}

// Options are what the Forwarder works with.
type Options struct {
	Node    model.NodeID
	Version string // of the binary, for CEF
	Trail   Trail
	Adopted func() []Adoption // asked again and again; nil: none
	// Ack is told how far every receiver is with the events of this node, and of those that it adopted; nil: nobody is.
	Ack func(ctx context.Context, node model.NodeID, seq uint64) error
	// Refuse tells whether an address is the cluster's own: a name in the configuration may not lead there. nil: none is.
	Refuse func(address string) bool
	Dir    string // where cursors are kept
	Log    logrus.FieldLogger
}

// ackEvery is the least time between two acknowledgements; they are entries of the log.
const ackEvery = 5 * time.Second

// Forwarder runs one pipeline for each sink.
type Forwarder struct {
	pipes []*pipeline
	tests map[string]func() (*results, error) // makes the sink of a receiver anew
	o     Options
}

// New checks the configuration and opens the cursors. It connects to nothing.
func New(c Config, o Options) (*Forwarder, error) {
	c = c.withDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of audit cursors: %w", err)
	}
	f := &Forwarder{o: o, tests: map[string]func() (*results, error){}}
	add := func(name, about string, counts bool, settle time.Duration, s Sink) error {
		p, err := newPipeline(name, s, o)
		if err != nil {
			return err
		}
		p.about, p.counts, p.settle, p.batch, p.timeout = about, counts, settle, c.Batch, c.Timeout
		f.pipes = append(f.pipes, p)
		return nil
	}
	if c.Local.Mode != LocalOff {
		if err := add("local", c.Local.about(), false, 0, newLocal(c.Local)); err != nil {
			return nil, err
		}
	}
	for _, r := range c.Receivers {
		s, err := newStream(r, o.Version, c.Timeout)
		if err != nil {
			return nil, fmt.Errorf("audit receiver %s: %w", r.Name, err)
		}
		if err := add(r.Name, r.about(), true, settleTime, s); err != nil {
			return nil, err
		}
	}
	for _, x := range c.Files {
		if err := add(x.Name, x.about(), true, 0, newFile(x)); err != nil {
			return nil, err
		}
	}
	told := func(name, about string, w Wanted, every time.Duration, open func() (*results, error)) error {
		f.tests[name] = open
		s, err := open()
		if err != nil {
			return fmt.Errorf("audit receiver %s: %w", name, err)
		}
		if err := add(name, about, true, 0, s); err != nil {
			return err
		}
		p := f.pipes[len(f.pipes)-1]
		s.aside, s.note, s.refused = p.setAside, p.noted, p.refusals()
		p.wants, p.every = w.matches, every
		if every > 0 {
			p.batch = mailBatch
		}
		return p.fromNow()
	}
	for _, w := range c.Webhooks {
		open := func() (*results, error) { return newWebhook(w, o, c.Timeout) }
		if err := told(w.Name, w.about(), w.Wanted, 0, open); err != nil {
			return nil, err
		}
	}
	for _, m := range c.Mails {
		open := func() (*results, error) { return newMailer(m, o, c.Timeout) }
		if err := told(m.Name, m.about(), m.Wanted, m.Every, open); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Run sends until the context ends, and returns after every pipeline has stopped.
func (f *Forwarder) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, p := range f.pipes {
		wg.Go(func() { p.run(ctx) })
	}
	if f.o.Ack != nil && len(f.pipes) > 0 {
		wg.Go(func() { f.acknowledge(ctx, ackEvery) })
	}
	<-ctx.Done()
	wg.Wait()
	return ctx.Err()
}

// acknowledge tells the cluster how far this node's receivers are, when that changed.
func (f *Forwarder) acknowledge(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	told := positions{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for node, seq := range f.positions() {
			if seq <= told[node] {
				continue
			}
			if err := f.o.Ack(ctx, node, seq); err != nil {
				f.o.Log.WithError(err).WithField("origin", node).Debug("audit: the acknowledgement was not taken; it is sent again")
				continue
			}
			told[node] = seq
		}
	}
}

// positions is what every sink that counts has taken, by the nodes that all of them send for. The local syslog counts
// only if there is nothing else: a container without one must not keep the cluster from pruning.
func (f *Forwarder) positions() positions {
	for _, only := range []bool{true, false} {
		var low positions
		for _, p := range f.pipes {
			if p.counts == only {
				low = lower(low, p.taken())
			}
		}
		if low != nil {
			return low
		}
	}
	return nil
}

// lower keeps what both know, at the lower position; a is nil if there is nothing to compare with yet.
func lower(a, b positions) positions {
	out := positions{}
	for node, seq := range b {
		if other, both := a[node]; a == nil {
			out[node] = seq
		} else if both {
			out[node] = min(seq, other)
		}
	}
	return out
}

// Status is the state of one sink, for people.
type Status struct {
	Name     string
	About    string // what it is, and a warning where plain text leaves the house
	Position uint64 // last sequence number looked at and, where it was ours, taken by the receiver
	Sent     uint64 // events sent since the start
	Aside    uint64 // events since the start that the receiver will not get, because it kept refusing them while it took others
	Error    string // why it does not send now; "" if it does
	Note     string // what does not work although it sends, such as one of several addresses
	Since    time.Time
}

// Status tells how every sink does.
func (f *Forwarder) Status() []Status {
	out := make([]Status, len(f.pipes))
	for i, p := range f.pipes {
		out[i] = p.status()
	}
	return out
}
