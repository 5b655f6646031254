package daemon

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"cofre/fsm/application"
	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/trail"
)

// notes counts what changes nothing and must yet be audited, so that nobody can fill the log with it: denials at the
// edge, once per second, and issued tokens and conditional reads that showed nothing, once per minute (RULES 7, 9, 11), and all when
// the node is asked to stop.
type notes struct {
	mu     sync.Mutex // guards denied
	denied denials

	tokens    *tally
	unchanged *tally
}

// denials are counted together: how many, for which reasons, from which sources.
type denials struct {
	count   uint64
	reasons map[string]uint64
	sources map[string]bool
}

const (
	maxSources = 100
	maxReasons = 32
	maxTallied = 512
)

func newNotes() *notes {
	return &notes{denied: newDenials(), tokens: newTally(), unchanged: newTally()}
}

func newDenials() denials { return denials{reasons: map[string]uint64{}, sources: map[string]bool{}} }

// because counts a reason, and from a source; those beyond the first many are counted without their names.
func (d *denials) because(reason string, count uint64) {
	if _, known := d.reasons[reason]; known || len(d.reasons) < maxReasons {
		d.reasons[reason] += count
	}
}

func (d *denials) from(source string) {
	if d.sources[source] || len(d.sources) < maxSources {
		d.sources[source] = true
	}
}

// deny counts a denial.
func (n *notes) deny(reason, source string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.denied.count++
	n.denied.because(reason, 1)
	n.denied.from(network(source))
}

// takeDenials gives what was counted and begins anew.
func (n *notes) takeDenials() denials {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.denied
	n.denied = newDenials()
	return d
}

// giveBack counts again what was taken and could not be written.
func (n *notes) giveBack(d denials) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.denied.count += d.count
	for reason, count := range d.reasons {
		n.denied.because(reason, count)
	}
	for source := range d.sources {
		n.denied.from(source)
	}
}

// left is how much of everything is not written yet.
func (n *notes) left() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.denied.count + n.tokens.total() + n.unchanged.total()
}

// args are what is written of denials.
func (d *denials) args() trail.NoteArgs {
	a := trail.NoteArgs{Count: d.count, Sources: slices.Sorted(maps.Keys(d.sources))}
	for _, r := range slices.Sorted(maps.Keys(d.reasons)) {
		a.Reasons = append(a.Reasons, fmt.Sprintf("%s x %d", r, d.reasons[r]))
	}
	return a
}

// network groups IPv6 sources by /64.
func network(source string) string {
	a, err := netip.ParseAddr(source)
	if err != nil || a.Unmap().Is4() {
		return source
	}
	p, err := a.Prefix(64)
	if err != nil {
		return source
	}
	return p.String()
}

// writeNotes proposes what was counted.
func (m *member) writeNotes(ctx context.Context) error {
	minute := time.Now()
	for {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		m.writeDenials(ctx, m.proposer)
		if time.Since(minute) < time.Minute {
			continue
		}
		minute = time.Now()
		m.writeTallies(ctx, m.proposer)
	}
}

func (m *member) writeDenials(ctx context.Context, p command.Proposer) {
	if d := m.notes.takeDenials(); d.count > 0 {
		m.write(ctx, "denials", func(ctx context.Context) error {
			_, err := command.Propose(ctx, p, trail.Note, nodeActor, d.args())
			return err
		}, func() { m.notes.giveBack(d) })
	}
}

func (m *member) writeTallies(ctx context.Context, p command.Proposer) {
	var tokens application.CountArgs
	issued, shown := m.notes.tokens.take(), m.notes.unchanged.take()
	for k, n := range issued {
		tokens.Counts = append(tokens.Counts, application.TokenCount{Authorization: k.authorization, Source: k.source, Count: n})
	}
	if len(tokens.Counts) > 0 {
		m.write(ctx, "issued tokens", func(ctx context.Context) error {
			_, err := command.Propose(ctx, p, application.CountTokens, nodeActor, tokens)
			return err
		}, func() { m.notes.tokens.giveBack(issued) })
	}
	var unchanged dsm.UnchangedArgs
	for k, n := range shown {
		unchanged.Counts = append(unchanged.Counts, dsm.UnchangedCount{Authorization: k.authorization, Source: k.source, Count: n})
	}
	if len(unchanged.Counts) > 0 {
		m.write(ctx, "reads that showed nothing", func(ctx context.Context) error {
			_, err := command.Propose(ctx, p, dsm.CountUnchanged, nodeActor, unchanged)
			return err
		}, func() { m.notes.unchanged.giveBack(shown) })
	}
}

// write proposes what was counted, or gives it back: what may or may not have been written is rather told twice than never.
func (m *member) write(ctx context.Context, what string, propose func(context.Context) error, giveBack func()) {
	if err := propose(ctx); err != nil {
		giveBack()
		if ctx.Err() == nil {
			m.part("audit").WithError(err).Warnf("%s are not audited yet", what)
		}
	}
}
