package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Nobody gets a round that began before he came. Where members are far apart, the next one begins a stride after the one
// before, and who asks waits for little more than one; never are more than roundsAtOnce under way.
func TestRoundsAStrideApart(t *testing.T) {
	t.Parallel()
	const trip, apart = 82 * time.Millisecond, 20 * time.Millisecond
	for name, c := range map[string]struct {
		stride, least, most time.Duration
		atOnce              int64
	}{
		"near":      {0, trip * 4 / 3, trip * 2, 1},
		"far":       {apart, trip, trip * 5 / 4, 5},
		"very slow": {apart / 10, trip, trip * 2, roundsAtOnce},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var running, most, asked, waited atomic.Int64
				r := newRounds(func(context.Context) (uint64, error) {
					began := time.Since(start)
					if n := running.Add(1); n > most.Load() {
						most.Store(n)
					}
					time.Sleep(trip)
					running.Add(-1)
					return uint64(began), nil
				}, func() time.Duration { return c.stride })
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { r.run(ctx); close(ended) }()
				var clients sync.WaitGroup
				for i := range 24 {
					clients.Go(func() {
						time.Sleep(time.Duration(i) * 7 * time.Millisecond)
						for range 50 {
							came := time.Since(start)
							began, err := r.join(ctx)
							if err != nil || time.Duration(began) < came {
								t.Errorf("%v; came at %v and got the round of %v", err, came, time.Duration(began))
								return
							}
							waited.Add(int64(time.Since(start) - came))
							asked.Add(1)
							time.Sleep(time.Duration(i%5) * time.Millisecond)
						}
					})
				}
				clients.Wait()
				stop()
				<-ended
				if mean := time.Duration(waited.Load() / max(asked.Load(), 1)); mean < c.least || mean > c.most || most.Load() != c.atOnce {
					t.Errorf("%v on average, want %v to %v; %d at once, want %d", mean, c.least, c.most, most.Load(), c.atOnce)
				}
			})
		})
	}
}
