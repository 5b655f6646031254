package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

const idle = 200 * time.Millisecond

// kinds are how the names of faults begin.
var kinds = []string{"SIGKILL", "SIGSTOP", "SIGTERM", "cut", "clock", "sealed", "outrun", "disk full"}

// fault is one strike.
type fault struct {
	at     time.Time
	kind   string
	node   string
	led    bool   // the node led the cluster
	aimed  uint64 // operation, 0: none
	phase  phase  // of the aimed operation if it was hit, otherwise of another one
	others map[phase]int
}

// strike waits for a moment, breaks a node, holds, and mends it. Another node may be killed while the first one is broken.
func (m *matrix) strike(ctx context.Context) (struck []*fault, err error) {
	leader := m.leader(ctx, nil)
	aimed := m.aim(ctx, m.api, m.wanted(), 5*time.Second)
	if ctx.Err() != nil {
		return nil, nil
	}
	f := newFault(aimed)
	victim := m.victim(aimed, leader)
	brk, hold, mend := m.choose(ctx, f, victim)
	for !strings.HasPrefix(f.kind, m.only) {
		brk, hold, mend = m.choose(ctx, f, victim)
	}
	f.led = f.node == leader
	f.at = time.Now()
	if err := brk(); err != nil {
		return nil, fmt.Errorf("%s at %s: %w", f.kind, f.node, err)
	}
	struck = append(struck, f)
	mended := f.at.Add(hold)
	for ctx.Err() == nil && time.Until(mended) > 2*time.Second {
		second, err := m.meanwhile(ctx, m.find(f.node, victim), time.Until(mended)-time.Second)
		if second == nil || err != nil {
			if err != nil {
				return struck, errors.Join(err, mend())
			}
			break
		}
		struck = append(struck, second)
	}
	_ = pause(ctx, time.Until(mended))
	if err := mend(); err != nil {
		return struck, fmt.Errorf("mend %s after %s: %w", f.node, f.kind, err)
	}
	return struck, nil
}

func newFault(aimed *op) *fault {
	f := &fault{others: map[phase]int{}}
	if aimed != nil {
		f.aimed = aimed.Number
	}
	return f
}

// victim is the node that holds the operation aimed at, more often than not, or the leader, or any.
func (m *matrix) victim(aimed *op, leader string) *node {
	any := m.nodes[m.rng.IntN(size)]
	switch p := m.rng.Float64(); {
	case aimed != nil && (p < 0.55 || m.plant != ""):
		return m.find(aimed.Node, any)
	case p < 0.9:
		return m.find(leader, any)
	}
	return any
}

// meanwhile kills one of the other nodes while a longer fault lasts: with the broken one gone too, no majority is left
// until it comes back a moment later.
func (m *matrix) meanwhile(ctx context.Context, broken *node, limit time.Duration) (*fault, error) {
	leader := m.leader(ctx, broken)
	aimed := m.aim(ctx, m.api.besides(broken.i), m.wanted(), limit)
	if aimed == nil || ctx.Err() != nil {
		return nil, nil
	}
	f := newFault(aimed)
	victim := m.victim(aimed, leader)
	if victim == broken {
		victim = m.nodes[(broken.i+1+m.rng.IntN(size-1))%size]
	}
	f.kind, f.node, f.led, f.at = "SIGKILL besides a broken node", victim.id, victim.id == leader, time.Now()
	if err := victim.kill(); err != nil {
		return nil, fmt.Errorf("%s at %s: %w", f.kind, f.node, err)
	}
	_ = pause(ctx, m.between(50*time.Millisecond, time.Second))
	return f, victim.revive(ctx)
}

// choose picks how to break a node. Half of the longer faults outlast a lease with its grace (9 s).
func (m *matrix) choose(ctx context.Context, f *fault, n *node) (brk func() error, hold time.Duration, mend func() error) {
	defer func() { f.node = n.id }()
	long := m.between(2*time.Second, 6*time.Second)
	if m.rng.IntN(2) == 0 {
		long = m.between(9*time.Second, 11*time.Second)
	}
	switch p := m.rng.Float64(); {
	case m.plant != "":
		f.kind = "SIGKILL"
		return n.kill, m.between(50*time.Millisecond, time.Second), func() error { return n.revive(ctx) }
	case p < 0.56:
		hold = m.between(50*time.Millisecond, 2*time.Second)
		if m.rng.IntN(12) == 0 {
			hold = long
		}
		f.kind = "SIGKILL"
		return n.kill, hold, func() error { return n.revive(ctx) }
	case p < 0.66:
		f.kind = "SIGSTOP"
		return func() error { return n.signal(syscall.SIGSTOP) }, long, func() error { return n.signal(syscall.SIGCONT) }
	case p < 0.82:
		how := []cut{cutPeers, cutPeers, cutIn, cutOut, cutAnswers, cutAll}[m.rng.IntN(6)]
		f.kind = "cut " + string(how)
		return func() error { return m.net.cut(n.i, how) }, long, func() error { return m.net.heal(n.i) }
	case p < 0.86:
		f.kind = "SIGTERM"
		return n.stop, m.between(50*time.Millisecond, 2*time.Second), func() error { return n.revive(ctx) }
	case p < 0.91:
		ahead := leaps[m.rng.IntN(len(leaps))]
		f.kind = "clock " + ahead.String()
		return func() error { return n.leap(ahead) }, long, func() error { return errors.Join(n.leap(0), n.revive(ctx)) }
	case p < 0.95:
		f.kind = "sealed"
		return func() error { return n.seal(ctx) }, long, func() error { return n.unseal(ctx) }
	case p < 0.96 && (!m.ci || m.only != ""):
		f.kind = "outrun"
		return func() error { return m.outrun(ctx, n) }, idle, func() error { return n.revive(ctx) }
	default:
		n = m.nodes[size-1]
		f.kind = "disk full"
		return n.fill, m.between(2*time.Second, 7*time.Second), func() error { return errors.Join(n.free(), n.revive(ctx)) }
	}
}

func (m *matrix) between(a, b time.Duration) time.Duration {
	return a + time.Duration(m.rng.Int64N(int64(b-a)))
}

func (m *matrix) find(id string, otherwise *node) *node {
	for _, n := range m.nodes {
		if n.id == id {
			return n
		}
	}
	return otherwise
}

// leader asks the nodes besides one who leads.
func (m *matrix) leader(ctx context.Context, besides *node) string {
	for _, n := range m.nodes {
		if n == besides {
			continue
		}
		if s, err := n.status(ctx); err == nil && s.Leader != "" {
			return s.Leader
		}
	}
	return ""
}

// wanted picks the phase to strike at: mostly the short one between the effect and the commit of its report.
func (m *matrix) wanted() phase {
	if m.plant != "" {
		return effective
	}
	return []phase{begun, begun, begun, effective, effective, effective, effective, effective, effective, settling}[m.rng.IntN(10)]
}

// aim waits for an operation in the phase that is wanted, then a short random while.
func (m *matrix) aim(ctx context.Context, a *api, want phase, limit time.Duration) *op {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		user := ""
		if want == effective {
			select {
			case <-m.targets.tell: // an old one
			default:
			}
			select {
			case user = <-m.targets.tell:
			case <-ctx.Done():
				return nil
			}
		}
		live, err := a.list(ctx, "leased,running,settling", 0)
		if err != nil {
			return nil
		}
		now := time.Now()
		for i := range live {
			o := &live[i]
			if p := m.phase(o, now); p != want || user != "" && o.Credential.Username != user {
				continue
			}
			if want != effective { // that one is short enough by itself
				_ = pause(ctx, m.between(0, 120*time.Millisecond))
			}
			return o
		}
		if pause(ctx, 30*time.Millisecond) != nil {
			return nil
		}
	}
}
