package plan

import "time"

// Yield says which share of all slots background work may use, so that requests do not wait for it: all while few requests
// come; when they begin to come a twentieth, from there on more as long as it is used and those that come wait about as long
// as at best, and less again, down to the twentieth, while they wait longer. It is the leader's own observation, and lives as
// long as its term.
type Yield struct {
	share  int // percent
	at     time.Duration
	asks   int
	waited time.Duration
	used   bool          // the share was too small for what waited, some time in this span
	alone  bool          // few requests came in the last span
	best   time.Duration // a request has waited on average, in the best span
}

const (
	yieldSpan  = 250 * time.Millisecond // how often the share changes
	yieldAsks  = 5                      // requests in a span, so that they tell something
	yieldQuiet = 2 * time.Second        // with fewer requests in this time nobody is kept waiting
	yieldLeast = 5                      // percent: what is due is changed in any case
	yieldStep  = 3                      // percent more after a good span
	yieldGrace = time.Millisecond       // a wait that is nobody's fault

	// yieldForget is how many spans with requests it takes until what was best is mostly forgotten: 17 minutes, in which a
	// storm does not become the measure, and a single lucky span not for ever.
	yieldForget = 4096
)

// Share is the share in percent at a moment of the term, when so many requests were committed so far and waited so long for it
// in all. used tells whether the last share had no room for the background work that waited.
func (y *Yield) Share(mono time.Duration, asks int, waited time.Duration, used bool) int {
	if y.share == 0 {
		*y = Yield{share: 100, at: mono, asks: asks, waited: waited}
	}
	y.used = y.used || used
	n, sum, span := asks-y.asks, waited-y.waited, mono-y.at
	few := n < yieldAsks
	if span < yieldSpan || few && span < yieldQuiet {
		return y.share
	}
	grow, began := y.used, y.alone
	y.at, y.asks, y.waited, y.used, y.alone = mono, asks, waited, false, few
	if few {
		y.share = 100
		return y.share
	}
	wait := sum / time.Duration(n)
	switch {
	case y.best == 0:
		y.share, y.best = yieldLeast, wait
	case began || wait > 4*y.best+yieldGrace: // requests begin to come, or a storm does
		y.share = yieldLeast
	case wait > y.best*5/4+yieldGrace:
		y.share = max(yieldLeast, y.share/2)
	case grow:
		y.share = min(100, y.share+yieldStep)
	}
	y.best = min(wait, y.best+(wait-y.best)/yieldForget)
	return y.share
}
