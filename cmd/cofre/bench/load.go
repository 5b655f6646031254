package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sample is one burst.
type sample struct {
	rate     float64 // operations a second
	p50, p99 time.Duration
	count    int
	cpu      spent
	entries  int // log entries of the burst
}

// burst runs an operation in a closed loop with some clients for a while.
func burst(ctx context.Context, clients int, span time.Duration, op func(ctx context.Context, client int) error) (sample, error) {
	took := make([][]time.Duration, clients)
	errs := make([]error, clients)
	begin := time.Now()
	end := begin.Add(span)
	var work sync.WaitGroup
	for c := range clients {
		work.Go(func() {
			for at := time.Now(); at.Before(end) && ctx.Err() == nil; {
				if errs[c] = op(ctx, c); errs[c] != nil {
					return
				}
				now := time.Now()
				took[c] = append(took[c], now.Sub(at))
				at = now
			}
		})
	}
	work.Wait()
	passed := time.Since(begin)
	for _, err := range errs {
		if err != nil {
			return sample{}, err
		}
	}
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	if len(all) == 0 {
		return sample{}, ctx.Err()
	}
	return sample{float64(len(all)) / passed.Seconds(), all[len(all)/2], all[len(all)*99/100], len(all), spent{}, 0}, nil
}

// measured is one line of the table: an operation at some concurrency, as medians.
type measured struct {
	name    string
	clients int
	samples []sample
}

func (m *measured) rate() float64 {
	var all []float64
	for _, s := range m.samples {
		all = append(all, s.rate)
	}
	return median(all)
}

func (m *measured) cpu() string {
	var sum spent
	n := 0
	for _, s := range m.samples {
		sum = sum.add(s.cpu)
		n += s.count
	}
	return sum.per(float64(n))
}

// packed is how many operations one log entry carries; nothing for those that need none.
func (m *measured) packed() string {
	n, entries := 0, 0
	for _, s := range m.samples {
		n, entries = n+s.count, entries+s.entries
	}
	if entries == 0 || n > 200*entries {
		return ""
	}
	return fmt.Sprintf("%.1f", float64(n)/float64(entries))
}

func (m *measured) latency() string {
	var p50, p99 []time.Duration
	for _, s := range m.samples {
		p50, p99 = append(p50, s.p50), append(p99, s.p99)
	}
	return fmt.Sprintf("%.1f / %.1f", float64(median(p50).Microseconds())/1000, float64(median(p99).Microseconds())/1000)
}

// kind is an operation under load.
type kind struct {
	name string
	op   func(context.Context, int) error
}

func kinds(f *floor, s *server) []kind {
	return []kind{
		{"floor", f.apply}, {"credential write", s.write}, {"secret read, restricted client", s.readRestricted}, {"secret read, unrestricted client", s.readAll},
		{"token issue", s.token}, {"secret read, spread over all nodes", s.readSpread}, {"secret read, followers only", s.readFollowers},
		{"ten secrets of an application", s.secrets}, {"the same unchanged (304), spread", s.unchanged},
		{"metadata read, restricted client", s.metadata}, {"health: the server's HTTPS alone", s.health},
	}
}

// loads prints rates at several numbers of clients, each against the floor of the same rounds (at 256 clients: of 64).
func loads(ctx context.Context, f *floor, s *server, o options) error {
	kinds := kinds(f, s)
	fmt.Printf("| operation | clients | a second | p50 / p99 ms | / floor | / unrestricted read | CPU us an operation: leader + both followers + loader | operations a log entry |\n|---|---|---|---|---|---|---|---|\n")
	at64 := 0.0
	for _, text := range strings.Split(o.clients, ",") {
		clients, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		lines := make([]measured, len(kinds))
		for range o.repeats {
			for i, k := range kinds {
				if !strings.Contains(k.name, o.op) && i > 0 {
					continue
				}
				if err := s.find(ctx); err != nil {
					return err
				}
				before, from := s.spent(), s.applied(ctx)
				var one sample
				err := s.profile(ctx, o, fmt.Sprintf("%s %d", k.name, clients), func() (err error) {
					one, err = burst(ctx, clients, o.burst, k.op)
					return err
				})
				one.cpu, one.entries = s.spent().sub(before), int(s.applied(ctx)-from)
				if err != nil {
					return fmt.Errorf("%s with %d clients: %w", k.name, clients, err)
				}
				lines[i].name, lines[i].clients = k.name, clients
				lines[i].samples = append(lines[i].samples, one)
			}
		}
		base := lines[0].rate()
		if clients == 64 {
			at64 = base
		}
		if clients > 64 && at64 > 0 {
			base = at64
		}
		plain := func(float64) string { return "" } // not measured
		if len(lines[3].samples) > 0 {
			plain = func(rate float64) string { return fmt.Sprintf("%.2f", rate/lines[3].rate()) }
		}
		for i := range lines {
			l := &lines[i]
			if len(l.samples) == 0 {
				continue
			}
			fmt.Printf("| %s | %d | %.0f | %s | %.2f | %s | %s | %s |\n", l.name, l.clients, l.rate(), l.latency(), l.rate()/base, plain(l.rate()), l.cpu(), l.packed())
		}
	}
	fmt.Println()
	return nil
}
