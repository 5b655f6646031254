package cluster

import (
	"context"
	"sync"
)

// rounds shares one round of work among all that wait: whoever comes while a round runs gets the result of the next
// one, because the running one may have looked before it came.
type rounds struct {
	do func(context.Context) (uint64, error)

	mu   sync.Mutex // guards what follows
	next *round     // collects callers; nil: none waits
	wake chan struct{}
}

type round struct {
	done  chan struct{}
	index uint64
	err   error
}

func newRounds(do func(context.Context) (uint64, error)) *rounds {
	return &rounds{do: do, wake: make(chan struct{}, 1)}
}

// run runs rounds until ctx ends.
func (r *rounds) run(ctx context.Context) {
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			if p := r.begin(); p != nil {
				p.err = ctx.Err()
				close(p.done)
			}
			return
		}
		p := r.begin()
		if p == nil {
			continue
		}
		p.index, p.err = r.do(ctx)
		close(p.done)
	}
}

func (r *rounds) begin() *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.next
	r.next = nil
	return p
}

// join waits for a round that begins after the call.
func (r *rounds) join(ctx context.Context) (uint64, error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &round{done: make(chan struct{})}
	}
	p := r.next
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	select {
	case <-p.done:
		return p.index, p.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
