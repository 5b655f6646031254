package sim

import (
	"flag"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	seeds = flag.Uint64("seeds", 300, "how many seeds to play")
	from  = flag.Uint64("from", 1, "the first seed")
	one   = flag.Uint64("seed", 0, "play this seed alone; -v shows its trace")
	plant = flag.String("plant", "", "with -seed: the mistake to plant")
)

// many plays seeds on all processors until one fails, and gives the reports that there are, in order.
func many(first, n uint64, o Options, stop func(Report) bool) []Report {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // short lives: the collector would take half of the time
	var mu sync.Mutex
	var wg sync.WaitGroup
	var reports []Report
	next, end := first, first+n
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				mu.Lock()
				seed := next
				next++
				mu.Unlock()
				if seed >= end {
					return
				}
				r := Run(seed, o)
				mu.Lock()
				reports = append(reports, r)
				if stop != nil && stop(r) {
					end = min(end, seed)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(reports, func(a, b Report) int { return int(int64(a.Seed) - int64(b.Seed)) })
	return reports
}

// TestSeeds is the simulation: no seed may lose a password or break another invariant.
func TestSeeds(t *testing.T) {
	if *one != 0 {
		o := Options{Plant: Plant(*plant)}
		if testing.Verbose() {
			o.Trace = func(line string) { fmt.Println(line) }
		}
		r := Run(*one, o)
		t.Logf("seed %d: hash %s, %d commands, %v of virtual time, failures %q", r.Seed, r.Hash, r.Commands, r.Span.Round(time.Second), r.Failures)
		if len(r.Failures) > 0 {
			t.Fail()
		}
		return
	}
	began := time.Now()
	reports := many(*from, *seeds, Options{}, nil)
	var commands, most, lost int
	var span time.Duration
	faults, hits, events := map[string]int{}, map[string]int{}, map[string]int{}
	for _, r := range reports {
		commands, most, span = commands+r.Commands, max(most, r.Commands), span+r.Span
		add(faults, r.Faults)
		add(hits, r.Hits)
		for k, n := range r.Events {
			if strings.HasPrefix(k, "most ") {
				events[k] = max(events[k], n)
			} else {
				events[k] += n
			}
		}
		if len(r.Failures) > 0 {
			lost++
			if lost <= 10 {
				t.Errorf("seed %d: %s\n\treplay: go test ./scheduler/sim -run TestSeeds -seed=%d -v", r.Seed, r.Failures[0], r.Seed)
			}
		}
	}
	t.Logf("%d seeds in %v: %d commands (at most %d in a seed), %v of virtual time, %d faults of which %d hit a running operation, lost %d",
		len(reports), time.Since(began).Round(time.Second), commands, most, span.Round(time.Hour), sum(faults), sum(hits), lost)
	for _, k := range slices.Sorted(maps.Keys(faults)) {
		t.Logf("  fault %-32s %7d, at work %7d", k, faults[k], hits[k])
	}
	for _, k := range slices.Sorted(maps.Keys(events)) {
		t.Logf("  event %-48s %7d", k, events[k])
	}
}

func add(to, from map[string]int) {
	for k, n := range from {
		to[k] += n
	}
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// TestReplay says that a seed is the same story each time.
func TestReplay(t *testing.T) {
	t.Parallel()
	for seed := *from; seed < *from+5; seed++ {
		a, b := Run(seed, Options{}), Run(seed, Options{})
		if a.Hash != b.Hash || a.Commands != b.Commands {
			t.Errorf("seed %d: %s after %d commands, then %s after %d", seed, a.Hash, a.Commands, b.Hash, b.Commands)
		}
		if c := Run(seed+1, Options{}); c.Hash == a.Hash {
			t.Errorf("the seeds %d and %d tell the same story", seed, seed+1)
		}
	}
}

// TestPlants puts each mistake into the simulation: one that is not found would mean that the invariants prove nothing.
func TestPlants(t *testing.T) {
	t.Parallel()
	const most = 4000
	for _, p := range Plants {
		t.Run(strings.ReplaceAll(string(p), " ", "-"), func(t *testing.T) {
			began := time.Now()
			reports := many(*from, most, Options{Plant: p}, func(r Report) bool { return len(r.Failures) > 0 })
			last := reports[len(reports)-1]
			for _, r := range reports {
				if len(r.Failures) > 0 {
					t.Logf("%s: found by seed %d after %d seeds in %v: %s", p, r.Seed, r.Seed-*from+1, time.Since(began).Round(time.Millisecond), r.Failures[0])
					return
				}
			}
			t.Errorf("%s: not found in the seeds %d to %d", p, *from, last.Seed)
		})
	}
}
