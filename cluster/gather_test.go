package cluster

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Programs that ask one thing after another share one entry instead of forming two groups that wait for each other; who comes
// alone never waits; and where nobody comes back, batches wait in vain ever more seldom, never longer than twice the last one took.
func TestBatchesGather(t *testing.T) {
	t.Parallel()
	const flight, turn, limit = 5 * time.Millisecond, time.Millisecond, 4 * time.Millisecond
	for name, c := range map[string]struct {
		limit, pause time.Duration // pause: between an answer and the next request; 0: they come by the clock, a flight's third apart
		last         time.Duration // pause of the last client
		clients      int
		least, most  float64       // commands in a batch
		wait         time.Duration // that a command waits at most, on average
	}{
		"without":                {0, turn, turn, 16, 7.9, 8.1, 2 * flight},
		"sixteen clients":        {limit, turn, turn, 16, 15.5, 16, flight + turn/8},
		"one of them is slow":    {limit, turn, 3 * turn, 16, 15, 15.8, flight + turn/2},
		"more than come in time": {turn / 2, turn, turn, 16, 7.5, 9, 2*flight + turn},
		"slower than entries":    {100 * flight, 5 * flight, 5 * flight, 16, 2.5, 4, 2 * flight},
		"one client":             {limit, turn, turn, 1, 1, 1, flight},
		"by the clock":           {limit, 0, 0, 1, 2.9, 3.3, flight*5/3 + turn/4},
		"by the clock, without":  {0, 0, 0, 1, 2.9, 3.1, flight*5/3 + turn/4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				batches, sent, start := 0, 0, time.Now()
				q := newCoalescer(2, 40, func(_ context.Context, batch []command.Envelope) []outcome {
					batches++
					sent += len(batch)
					time.Sleep(flight)
					return make([]outcome, len(batch))
				})
				q.gather.limit = c.limit
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { q.run(ctx); close(ended) }()
				var mu sync.Mutex
				var asked, waited time.Duration
				ask := func() {
					begun := time.Now()
					q.wait(ctx, q.submit(command.Envelope{Actor: model.Actor{Kind: model.ActorClient}}))
					mu.Lock()
					defer mu.Unlock()
					asked++
					waited += time.Since(begun)
				}
				var clients sync.WaitGroup
				for i := range c.clients {
					pause := c.pause
					if i == c.clients-1 {
						pause = c.last
					}
					clients.Go(func() {
						time.Sleep(time.Duration(i) * flight / 16)
						for time.Since(start) < 3*time.Second {
							if pause == 0 {
								time.Sleep(flight/3 + 7)
								clients.Go(ask)
								continue
							}
							ask()
							time.Sleep(pause + time.Duration(i)*time.Microsecond)
						}
					})
				}
				clients.Wait()
				stop()
				<-ended
				size, mean := float64(sent)/float64(batches), waited/asked
				if size < c.least || size > c.most || mean > c.wait {
					t.Errorf("%.2f commands in a batch, want %v to %v; %v on average, want at most %v", size, c.least, c.most, mean, c.wait)
				}
			})
		})
	}
}
