package cluster

import (
	"slices"
	"sync"
	"time"

	"cofre/fsm/model"
)

// distance knows how long a message to each member and its answer take at best. What answers waited for besides, such as
// an entry of the log, is not in it as long as one a minute waited for nothing.
type distance struct {
	mu    sync.Mutex // guards what follows
	trips map[model.NodeID]trip
}

// trip is the shortest round trip of a span of time and of the span before it.
type trip struct {
	since        time.Time
	best, former time.Duration // 0: none
}

const tripSpan = 30 * time.Second

func (d *distance) observe(peer model.NodeID, round time.Duration, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trips == nil {
		d.trips = map[model.NodeID]trip{}
	}
	t, ok := d.trips[peer]
	switch age := at.Sub(t.since); {
	case !ok || age >= 2*tripSpan:
		t = trip{since: at, best: round}
	case age >= tripSpan:
		t = trip{since: at, best: round, former: t.best}
	default:
		t.best = min(t.best, round)
	}
	d.trips[peer] = t
}

// to is the way to a member and back; 0 if it is not known.
func (d *distance) to(peer model.NodeID) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trips[peer].round()
}

func (t trip) round() time.Duration {
	if t.former > 0 {
		return min(t.best, t.former)
	}
	return t.best
}

// majority is the way to the farthest of those other voters, and back, that make a majority with this node, the nearest ones;
// 0 if it is not known.
func (d *distance) majority(others []model.NodeID) time.Duration {
	rounds := make([]time.Duration, len(others))
	for i, v := range others {
		rounds[i] = d.to(v)
	}
	slices.Sort(rounds)
	rounds = slices.DeleteFunc(rounds, func(r time.Duration) bool { return r == 0 })
	if need := (len(others) + 1) / 2; need > 0 && need <= len(rounds) {
		return rounds[need-1]
	}
	return 0
}

// shortestStride is about what a small entry costs the nodes: where the members are so near that strides would be shorter,
// few and large entries are worth more than a short wait (docs/benchmarks.md).
const shortestStride = 5 * time.Millisecond

// stride is how long after one batch another one may leave beside it, a quarter of a round trip; 0: not at all.
func stride(round time.Duration) time.Duration {
	if s := round / 4; s >= shortestStride {
		return s
	}
	return 0
}
