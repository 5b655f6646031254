package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The run of what falls due at once: a share of all credentials, on several targets, within a minute.
const (
	dueShare   = 5                // every fifth credential of --fill falls due
	dueTargets = 10               // real Redis servers
	dueAfter   = 2 * time.Minute  // after the registration
	dueIdle    = 30 * time.Second // before that, in which reads are taken as those of an idle cluster
	dueLimit   = 15 * time.Minute
	dueReaders = 50 // clients that read secrets all the time, each dueReads times a second
	dueReads   = 2
)

// dues lets thousands of credentials fall due together, kills the leader when half of them are changed, and then asks the
// targets themselves: how many changes they saw, how many connections at once, and whether the vault's secrets log in.
func dues(ctx context.Context, _ *floor, s *server, o options) (err error) {
	if err := s.find(ctx); err != nil {
		return err
	}
	due := o.fill / dueShare
	if _, err := burstOf(ctx, 64, o.fill-due, func(ctx context.Context) error { return s.write(ctx, 0) }); err != nil {
		return err
	}
	farm, err := startFarm(ctx, s, due)
	defer func() { err = errors.Join(err, farm.close()) }()
	if err != nil {
		return err
	}
	var gone interval // when there was no leader
	began := time.Now()
	if err := farm.register(ctx, s); err != nil {
		return err
	}
	registered := time.Since(began)
	fmt.Printf("%d credentials, %d of them due within %s on %d Redis servers\n", o.fill, due, registered.Round(time.Second), dueTargets)
	// The readers are there before anything falls due, as they are in life, with their connections.
	start := began.Add(dueAfter)
	done, killed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(done)
		select {
		case <-ctx.Done():
			killed <- ctx.Err()
			return
		case <-time.After(time.Until(start)):
		}
		var err error
		gone, err = farm.halfway(ctx, s)
		killed <- err
	}()
	all := s.reading(ctx, dueAfter+dueLimit, done)
	if err := <-killed; err != nil {
		return err
	}
	var idle, busy, without []read
	for _, r := range all {
		switch {
		case r.due.Before(start.Add(-dueIdle)):
		case r.due.Before(start):
			idle = append(idle, r)
		case r.due.Before(gone.to) && r.due.Add(r.took).After(gone.from):
			without = append(without, r)
		default:
			busy = append(busy, r)
		}
	}
	fmt.Printf("all changed in %s: %.0f a second\n", time.Since(start).Round(time.Second), float64(due)/time.Since(start).Seconds())
	fmt.Printf("secret reads, %d a second: p50 / p99 %s idle, %s meanwhile; of %d that met the %s without a leader %s\n",
		dueReaders*dueReads, spread(times(idle)), spread(times(busy)), len(without), gone.to.Sub(gone.from).Round(time.Millisecond), spread(times(without)))
	return farm.judge(ctx, s)
}

// interval is a part of the run.
type interval struct{ from, to time.Time }

// read is a read of a secret: when it was due, and how long it took from then on.
type read struct {
	due  time.Time
	took time.Duration
}

// reading reads secrets at a constant rate from all nodes until the span or done is over. A node that is gone costs the
// time until another one answers.
func (s *server) reading(ctx context.Context, span time.Duration, done <-chan struct{}) []read {
	took, nodes := make([][]read, dueReaders), slices.Clone(s.ready.Nodes) // addresses stay when a node starts again
	end := time.Now().Add(span)
	var readers sync.WaitGroup
	for r := range dueReaders {
		readers.Go(func() {
			first := time.Now().Add(time.Duration(r) * time.Second / (dueReads * dueReaders)) // not all at once
			for n, due := 0, first; due.Before(end) && ctx.Err() == nil; n++ {
				select {
				case <-done:
					return
				case <-time.After(time.Until(due)):
				}
				for try := 0; try < 100; try++ {
					once, stop := context.WithTimeout(ctx, 2*time.Second)
					err := s.read(once, nodes[(n+try)%len(nodes)].API, "restricted")
					stop()
					if err == nil {
						break
					}
				}
				took[r] = append(took[r], read{due, time.Since(due)})
				due = due.Add(time.Second / dueReads)
			}
		})
	}
	readers.Wait()
	return slices.Concat(took...)
}

func times(reads []read) (all []time.Duration) {
	for _, r := range reads {
		all = append(all, r.took)
	}
	return all
}

func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "nothing"
	}
	all = slices.Sorted(slices.Values(all))
	return fmt.Sprintf("%.1f / %.1f ms", float64(all[len(all)/2].Microseconds())/1000, float64(all[len(all)*99/100].Microseconds())/1000)
}

// register stores the accounts of all targets, so that all fall due dueAfter later.
func (f *farm) register(ctx context.Context, s *server) error {
	var next atomic.Int64
	_, err := burstOf(ctx, 50, len(f.accounts), func(ctx context.Context) error {
		a := &f.accounts[next.Add(1)-1]
		body := fmt.Appendf(nil, `{"identifier":%q,"hostname":%q,"username":%q,"secret":%q,"type":"Due","execution":{"authentication":"due-admin-%d"}}`,
			a.name, f.host(a.target), a.name, a.password, a.target)
		return s.send(ctx, http.MethodPost, s.leader+"/api/v1/credentials", s.tokens["all"], "application/json", body)
	})
	return err
}

// halfway kills the leader when half of the accounts are changed, starts it again, and waits for the last account. It
// gives from when to when there was no leader.
func (f *farm) halfway(ctx context.Context, s *server) (gone interval, err error) {
	dead := ""
	for end := time.Now().Add(dueLimit); time.Now().Before(end); {
		changed, err := f.changed()
		if err != nil {
			return gone, err
		}
		if dead == "" && changed >= len(f.accounts)/2 {
			if dead, err = s.leads(ctx, ""); err != nil {
				return gone, err
			}
			gone.from = time.Now()
			if err := syscall.Kill(s.node(dead).PID, syscall.SIGKILL); err != nil {
				return gone, err
			}
			fmt.Printf("leader killed after %d changes\n", changed)
			if _, err := s.leads(ctx, dead); err != nil {
				return gone, err
			}
			gone.to = time.Now()
			if err := s.restart(ctx, dead); err != nil {
				return gone, err
			}
			if err := s.find(ctx); err != nil {
				return gone, err
			}
		}
		if changed >= len(f.accounts) {
			open, err := s.open(ctx)
			if err != nil || open == 0 {
				return gone, err
			}
		}
		select {
		case <-ctx.Done():
			return gone, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return gone, fmt.Errorf("not everything was changed within %s", dueLimit)
}

// open counts operations that are not over, up to a page.
func (s *server) open(ctx context.Context) (int, error) {
	var page struct{ Items []struct{} }
	err := s.admin.Do(ctx, http.MethodGet, "/api/v1/operations?state=ready,leased,running,uncertain,settling&limit=1000", nil, &page)
	return len(page.Items), err
}
