package cluster

import (
	"context"
	"sync"
	"time"
)

// rounds shares one round of work among all that wait: whoever comes while a round runs gets the result of the next
// one, because the running one may have looked before it came. The next one begins when the running one ends, or a stride
// after it began where members are far apart.
type rounds struct {
	do     func(context.Context) (uint64, error)
	stride func() time.Duration // 0: one after the other

	mu   sync.Mutex // guards what follows
	next *round     // collects callers; nil: none waits
	wake chan struct{}
}

type round struct {
	done  chan struct{}
	index uint64
	err   error
}

func newRounds(do func(context.Context) (uint64, error), stride func() time.Duration) *rounds {
	return &rounds{do: do, stride: stride, wake: make(chan struct{}, 1)}
}

// roundsAtOnce bounds rounds that nobody answers.
const roundsAtOnce = 16

// run runs rounds until ctx ends.
func (r *rounds) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	room := make(chan struct{}, roundsAtOnce)
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
		room <- struct{}{}
		wg.Go(func() {
			p.index, p.err = r.do(ctx)
			close(p.done)
			<-room
		})
		var apart <-chan time.Time
		if s := r.stride(); s > 0 {
			apart = time.After(s)
		}
		select {
		case <-p.done:
		case <-apart:
		}
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
