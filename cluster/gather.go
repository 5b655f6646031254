package cluster

import (
	"time"

	"cofre/fsm/command"
)

// gathering lets a batch wait a moment for those whom the last one answered, where they are likely to ask again at once, as programs
// that do one thing after another. They form two groups otherwise: the entry of one is under way while the other waits, and each
// gets entries of half the size for the price of whole ones (ADR 0042).
type gathering struct {
	limit time.Duration // that a batch waits at most; 0: it does not wait

	settled  time.Time // when the last batch was
	until    time.Time // the next one waits at most until then
	expected int       // as many commands as the last one had, and as waited when it was settled; 0: the next one leaves at once
	most     bool      // they are nearly all there
	held     bool      // the next batch waits, or did
	shy      int       // so many more leave at once, because one waited in vain
	vain     int       // how many were shy for that
}

const (
	leastShy, mostShy = 8, 256

	// gatherFlights bounds the wait by how long the last batch took: where entries are quick, so is the wait.
	gatherFlights = 2
)

// settle is told of a batch that was answered after flight, and of how many wait meanwhile.
func (g *gathering) settle(now time.Time, flight time.Duration, answered, waiting int) {
	g.settled, g.until, g.most, g.held = now, now.Add(min(gatherFlights*flight, g.limit)), false, false
	g.expected = min(answered+waiting, command.MaxEntryCommands)
	if g.shy > 0 {
		g.shy--
		g.expected = 0
	}
}

// left is how long a batch waits yet of which so many commands are there.
func (g *gathering) left(now time.Time, waiting int) time.Duration {
	nearly := waiting > g.expected*7/8
	if nearly && !g.most { // the last ones get half as long again as the others took
		g.most = true
		if late := now.Add(now.Sub(g.settled) / 2); late.Before(g.until) {
			g.until = late
		}
	}
	left := g.until.Sub(now)
	if waiting < g.expected && left > 0 {
		g.held = true
		return left
	}
	switch {
	case g.held && nearly:
		g.vain = 0
	case g.held:
		g.vain = min(max(2*g.vain, leastShy), mostShy)
		g.shy, g.expected = g.vain, 0
	}
	return 0
}
