package plan

import "time"

// Yield says which share of all slots automatic operations may use, so that requests do not wait for them: all, as long as
// few requests come or those that come wait about as long as at best; less and less, down to a twentieth, while they wait
// longer. It is the leader's own observation, and lives as long as its term.
type Yield struct {
	share  int // percent
	at     time.Duration
	asks   int
	waited time.Duration
	best   time.Duration // a request has waited on average, in the best span
}

const (
	yieldSpan  = 250 * time.Millisecond // how often the share changes
	yieldAsks  = 5                      // requests in a span, so that they tell something
	yieldQuiet = 2 * time.Second        // with fewer requests in this time nobody is kept waiting
	yieldLeast = 5                      // percent: what is due is changed in any case
	yieldStep  = 3                      // percent more after a good span
	yieldGrace = 2 * time.Millisecond   // a wait that is nobody's fault

	// yieldForget is how many spans with requests it takes until what was best is mostly forgotten: 17 minutes, in which a
	// storm does not become the measure, and a single lucky span not for ever.
	yieldForget = 4096
)

// Share is the share in percent at a moment of the term, when so many requests were committed so far and waited so long
// for it in all. The first spans with requests show how long they wait while little else goes on.
func (y *Yield) Share(mono time.Duration, asks int, waited time.Duration) int {
	if y.share == 0 {
		*y = Yield{share: 100, at: mono, asks: asks, waited: waited}
	}
	n, sum, span := asks-y.asks, waited-y.waited, mono-y.at
	few := n < yieldAsks
	if span < yieldSpan || few && span < yieldQuiet {
		return y.share
	}
	y.at, y.asks, y.waited = mono, asks, waited
	if few {
		y.share = 100
		return y.share
	}
	wait := sum / time.Duration(n)
	switch {
	case y.best == 0:
		y.share, y.best = yieldLeast, wait
	case wait > y.best*3/2+yieldGrace:
		y.share = max(yieldLeast, y.share*3/4)
	default:
		y.share = min(100, y.share+yieldStep)
	}
	y.best = min(wait, y.best+(wait-y.best)/yieldForget)
	return y.share
}
