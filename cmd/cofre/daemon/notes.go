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
// edge, once per second, and issued tokens and conditional reads that showed nothing, once per minute (RULES 7, 9, 11).
type notes struct {
	mu      sync.Mutex // guards what follows
	count   uint64
	reasons map[string]uint64
	sources map[string]bool

	tokens    *tally
	unchanged *tally
}

const (
	maxSources = 100
	maxReasons = 32
	maxTallied = 512
)

func newNotes() *notes {
	return &notes{reasons: map[string]uint64{}, sources: map[string]bool{}, tokens: newTally(), unchanged: newTally()}
}

func (n *notes) denied(reason, source string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count++
	if _, known := n.reasons[reason]; known || len(n.reasons) < maxReasons {
		n.reasons[reason]++
	}
	if s := network(source); n.sources[s] || len(n.sources) < maxSources {
		n.sources[s] = true
	}
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

func (n *notes) takeDenials() (trail.NoteArgs, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.count == 0 {
		return trail.NoteArgs{}, false
	}
	a := trail.NoteArgs{Count: n.count, Sources: slices.Sorted(maps.Keys(n.sources))}
	for _, r := range slices.Sorted(maps.Keys(n.reasons)) {
		a.Reasons = append(a.Reasons, fmt.Sprintf("%s x %d", r, n.reasons[r]))
	}
	n.count, n.reasons, n.sources = 0, map[string]uint64{}, map[string]bool{}
	return a, true
}

// writeNotes proposes what was counted.
func (m *member) writeNotes(ctx context.Context) error {
	minute := time.Now()
	for {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		if a, some := m.notes.takeDenials(); some {
			m.write(ctx, "denials", func(ctx context.Context) error {
				_, err := command.Propose(ctx, m.proposer, trail.Note, nodeActor, a)
				return err
			})
		}
		if time.Since(minute) < time.Minute {
			continue
		}
		minute = time.Now()
		m.writeTallies(ctx)
	}
}

func (m *member) writeTallies(ctx context.Context) {
	var tokens application.CountArgs
	for k, n := range m.notes.tokens.take() {
		tokens.Counts = append(tokens.Counts, application.TokenCount{Authorization: k.authorization, Source: k.source, Count: n})
	}
	if len(tokens.Counts) > 0 {
		m.write(ctx, "issued tokens", func(ctx context.Context) error {
			_, err := command.Propose(ctx, m.proposer, application.CountTokens, nodeActor, tokens)
			return err
		})
	}
	var unchanged dsm.UnchangedArgs
	for k, n := range m.notes.unchanged.take() {
		unchanged.Counts = append(unchanged.Counts, dsm.UnchangedCount{Authorization: k.authorization, Source: k.source, Count: n})
	}
	if len(unchanged.Counts) > 0 {
		m.write(ctx, "reads that showed nothing", func(ctx context.Context) error {
			_, err := command.Propose(ctx, m.proposer, dsm.CountUnchanged, nodeActor, unchanged)
			return err
		})
	}
}

func (m *member) write(ctx context.Context, what string, propose func(context.Context) error) {
	if err := propose(ctx); err != nil && ctx.Err() == nil {
		m.part("audit").WithError(err).Warnf("%s were not audited", what)
	}
}
