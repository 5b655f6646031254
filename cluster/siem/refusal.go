package siem

import (
	"context"
	"errors"
	"time"

	"cofre/fsm/audit"
)

// A receiver of results may refuse one event for ever, by a fault of its own, and everything behind it would wait. So an
// event that was refused for hours is set aside, said and counted, but only where the receiver is proven to work: it took a
// later event, and refused this one again after that. A receiver that takes nothing makes everything wait, however long.
const (
	refusedFor = 4 * time.Hour
	mostLooked = 16 // refusals that one look behind a refused event bears
)

// refusal is an answer that is about the event, as far as one can tell: the receiver is there, and says no.
type refusal struct{ error }

func refused(err error) bool {
	var r refusal
	return errors.As(err, &r)
}

// Send implements Sink.
func (r *results) Send(ctx context.Context, batch []audit.Event) error {
	var events []audit.Event
	for i := range batch {
		if e := &batch[i]; e.Seq > r.taken[e.Node] && !r.done[e.Seq] {
			events = append(events, *e)
		}
	}
	n := 0
	if len(events) > 0 {
		var err error
		n, err = r.deliver(ctx, events)
		r.did(events[:n])
		if refused(err) && r.refused.note(&events[n]) >= refusedFor {
			err = r.lookBehind(ctx, events[n:], err)
		}
		if err != nil {
			return err
		}
	}
	for i := range batch {
		r.taken[batch[i].Node] = max(r.taken[batch[i].Node], batch[i].Seq)
	}
	clear(r.done)
	r.refused.drop(batch)
	return nil
}

func (r *results) did(events []audit.Event) {
	for i := range events {
		r.done[events[i].Seq] = true
	}
}

// lookBehind sends each event alone, whatever happens to the one before it, and sets aside what may be. It gives the error
// that remains: nil if nothing waits any more.
func (r *results) lookBehind(ctx context.Context, events []audit.Event, err error) error {
	var no []audit.Event // refused so far
	before := 0          // so many of them stand before one that was taken
	for i := 0; i < len(events) && len(no) < mostLooked; i++ {
		switch _, e := r.deliver(ctx, events[i:i+1]); {
		case e == nil:
			r.did(events[i : i+1])
			before = len(no)
		case !refused(e):
			return e
		default:
			r.refused.note(&events[i])
			no = append(no, events[i])
		}
	}
	for i := range no[:before] {
		_, e := r.deliver(ctx, no[i:i+1])
		if e != nil && !refused(e) {
			return e
		}
		if e != nil {
			if r.refused.note(&no[i]) < refusedFor {
				continue
			}
			r.aside(&no[i], e)
		}
		r.did(no[i : i+1])
	}
	for i := range events {
		if !r.done[events[i].Seq] {
			return err
		}
	}
	return nil
}
