package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Background work leaves at once when nobody else asks; while others do, it takes the next batch of theirs, waits no
// longer than patience for it, and not at all when it fills a batch itself, or when a request waits for it.
func TestBackgroundWorkTakesCompany(t *testing.T) {
	t.Parallel()
	const some = 20 * time.Millisecond
	client, system := command.Envelope{Actor: model.Actor{Kind: model.ActorClient}}, command.Envelope{Actor: model.Actor{Kind: model.ActorSystem}}
	awaited := command.Envelope{Actor: system.Actor, Awaited: true}
	type step struct {
		after time.Duration
		what  command.Envelope
		n     int
	}
	for name, c := range map[string]struct {
		steps []step
		want  []time.Duration // when each batch left
	}{
		"alone":                   {[]step{{0, system, 1}, {some, system, 1}}, []time.Duration{0, some}},
		"people do not wait":      {[]step{{0, client, 1}, {some / 2, client, 1}}, []time.Duration{0, some / 2}},
		"with the next request":   {[]step{{0, client, 1}, {5, system, 1}, {some / 2, client, 1}}, []time.Duration{0, 5 + some/2}},
		"until patience is over":  {[]step{{0, client, 1}, {some / 2, system, 1}}, []time.Duration{0, some}},
		"after a pause of people": {[]step{{0, client, 1}, {some, system, 1}}, []time.Duration{0, some}},
		"a request waits for it":  {[]step{{0, client, 1}, {some / 2, awaited, 1}}, []time.Duration{0, some / 2}},
		"many":                    {[]step{{0, client, 1}, {5, system, 3}}, []time.Duration{0, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var left []time.Duration
				start, sent := time.Now(), 0
				q := newCoalescer(1, 3, func(_ context.Context, batch []command.Envelope) []outcome {
					left = append(left, time.Since(start))
					sent += len(batch)
					return make([]outcome, len(batch))
				})
				q.patience = some
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { q.run(ctx); close(ended) }()
				asked := 0
				for _, s := range c.steps {
					time.Sleep(s.after)
					for range s.n {
						q.submit(s.what)
					}
					asked += s.n
					synctest.Wait()
				}
				time.Sleep(time.Second)
				stop()
				<-ended
				if sent != asked || len(left) != len(c.want) {
					t.Fatalf("%d of %d commands left, at %v; want %v", sent, asked, left, c.want)
				}
				for i := range left {
					if left[i] != c.want[i] {
						t.Errorf("batches left at %v, want %v", left, c.want)
						break
					}
				}
			})
		})
	}
}

// Where members are near, one batch waits for the other; where they are far apart, one leaves a quarter of a round trip
// after the other, and who asks waits for little more than one round trip instead of two. Never more than farWorkers are under way.
func TestBatchesLeaveAStrideApart(t *testing.T) {
	t.Parallel()
	const trip, apart = 82 * time.Millisecond, 20 * time.Millisecond
	for name, c := range map[string]struct {
		stride      time.Duration
		least, most time.Duration // that a command waits on average
		flying      int64
	}{
		"near":      {0, trip * 3 / 2, trip * 2, 1},
		"far":       {apart, trip, trip * 5 / 4, 5},
		"very slow": {apart / 10, trip, trip * 9 / 8, farWorkers},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var flying, most atomic.Int64
				q := newCoalescer(2, 40, func(_ context.Context, batch []command.Envelope) []outcome {
					if n := flying.Add(1); n > most.Load() {
						most.Store(n)
					}
					time.Sleep(trip)
					flying.Add(-1)
					return make([]outcome, len(batch))
				})
				q.stride = func() time.Duration { return c.stride }
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { q.run(ctx); close(ended) }()
				var asked, waited atomic.Int64
				var clients sync.WaitGroup
				for i := range 12 {
					clients.Go(func() {
						time.Sleep(time.Duration(i) * 7 * time.Millisecond)
						for range 100 {
							begun := time.Now()
							q.wait(ctx, q.submit(command.Envelope{Actor: model.Actor{Kind: model.ActorClient}}))
							waited.Add(int64(time.Since(begun)))
							asked.Add(1)
						}
					})
				}
				clients.Wait()
				stop()
				<-ended
				if mean := time.Duration(waited.Load() / asked.Load()); mean < c.least || mean > c.most || most.Load() != c.flying {
					t.Errorf("%v on average, want %v to %v; %d batches under way at most, want %d", mean, c.least, c.most, most.Load(), c.flying)
				}
			})
		})
	}
}
