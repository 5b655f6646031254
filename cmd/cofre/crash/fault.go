package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

const idle = 200 * time.Millisecond

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

// strike waits for a moment, breaks a node, holds, and mends it.
func (m *matrix) strike(ctx context.Context) (*fault, error) {
	leader := m.leader(ctx)
	aimed := m.aim(ctx)
	if ctx.Err() != nil {
		return nil, nil
	}
	victim := m.nodes[m.rng.IntN(size)]
	switch p := m.rng.Float64(); {
	case aimed != nil && p < 0.55:
		victim = m.find(aimed.Node, victim)
	case p < 0.9:
		victim = m.find(leader, victim)
	}
	f := &fault{node: victim.id, others: map[phase]int{}}
	if aimed != nil {
		f.aimed = aimed.Number
	}
	brk, hold, mend := m.choose(ctx, f, victim)
	f.led = f.node == leader
	f.at = time.Now()
	if err := brk(); err != nil {
		return nil, fmt.Errorf("%s at %s: %w", f.kind, f.node, err)
	}
	_ = pause(ctx, hold)
	if err := mend(); err != nil {
		return f, fmt.Errorf("mend %s after %s: %w", f.node, f.kind, err)
	}
	return f, nil
}

// choose picks how to break a node. Half of the longer faults outlast a lease with its grace (9 s).
func (m *matrix) choose(ctx context.Context, f *fault, n *node) (brk func() error, hold time.Duration, mend func() error) {
	long := m.between(2*time.Second, 12*time.Second)
	switch p := m.rng.Float64(); {
	case p < 0.68:
		hold = m.between(50*time.Millisecond, 2*time.Second)
		if m.rng.IntN(12) == 0 {
			hold = long
		}
		f.kind = "SIGKILL"
		return n.kill, hold, func() error { return n.revive(ctx) }
	case p < 0.78:
		f.kind = "SIGSTOP"
		return func() error { return n.signal(syscall.SIGSTOP) }, long, func() error { return n.signal(syscall.SIGCONT) }
	case p < 0.96:
		how := []cut{cutPeers, cutPeers, cutIn, cutOut, cutAnswers, cutAll}[m.rng.IntN(6)]
		f.kind = "cut " + string(how)
		return func() error { return m.net.cut(n.i, how) }, long, func() error { return m.net.heal(n.i) }
	default:
		n = m.nodes[size-1]
		f.kind, f.node = "disk full", n.id
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

func (m *matrix) leader(ctx context.Context) string {
	for _, n := range m.nodes {
		if s, err := n.status(ctx); err == nil && s.Leader != "" {
			return s.Leader
		}
	}
	return ""
}

// aim waits for an operation in the phase that is wanted, then a short random while.
func (m *matrix) aim(ctx context.Context) *op {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	want := []phase{begun, begun, begun, effective, effective, effective, effective, effective, effective, settling}[m.rng.IntN(10)]
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
		live, err := m.api.list(ctx, "leased,running,settling", 0)
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
