package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// matrix is one run.
type matrix struct {
	options
	rng      *rand.Rand // of the goroutine that strikes
	began    time.Time
	ready    time.Time // when the rotations began
	net      *network
	nodes    []*node
	targets  *targets
	receiver *receiver // of audit events; nil if this run needs none
	api      *api
	connect  []string // environment of the command line
	load     *load
	struck   []*fault
	lost     int
	stuck    int    // operations that did not end, or ended without success
	last     uint64 // number of the newest operation that was counted
	outcomes map[string]int
}

func newMatrix(o options) *matrix {
	m := &matrix{options: o, rng: rand.New(rand.NewPCG(o.seed, 1)), began: time.Now(), outcomes: map[string]int{}}
	m.say("seed %d, folder %s", o.seed, o.dir)
	return m
}

func (m *matrix) say(format string, a ...any) {
	fmt.Printf("%7.1fs  %s\n", time.Since(m.began).Seconds(), fmt.Sprintf(format, a...))
}

// rotations is the matrix itself. Its code is 1 if something was lost or stuck, or if too little happened to prove anything.
func rotations(ctx context.Context, o options) (code int, err error) {
	m := newMatrix(o)
	defer func() {
		err = errors.Join(err, m.close())
		if m.load != nil {
			fmt.Printf("lost %d of %d rotations, %d faults\n", m.lost, m.load.done(), counted(m.struck))
		}
	}()
	if err := m.setup(ctx); err != nil {
		return 2, err
	}
	for round := 1; ctx.Err() == nil && !m.enough(); round++ {
		if err = m.round(ctx, round); err != nil || m.lost > 0 {
			break // everything stays as it is, to be looked into
		}
	}
	if m.summary(); err != nil {
		return 2, err
	}
	if m.lost == 0 && !m.plenty() {
		fmt.Printf("too little to prove anything: wanted are %d rotations, %d counted faults, and %d %% of them in each of the two phases between begin and finish\n", m.rotations, m.faults, least)
		return 1, nil
	}
	if m.lost > 0 || m.stuck > 0 {
		return 1, nil
	}
	return 0, nil
}

func (m *matrix) setup(ctx context.Context) (err error) {
	if m.net, err = newNetwork(); err != nil {
		return err
	}
	if m.targets, err = startTargets(m.dir, m.net.host, m.users, m.roles); err != nil {
		return err
	}
	m.say("sshd with %d users and PostgreSQL with %d roles", m.users, m.roles)
	if err := m.startNodes(ctx); err != nil {
		return err
	}
	if err := m.found(ctx); err != nil {
		return err
	}
	m.say("three nodes vote and answer")
	if err := m.register(ctx); err != nil {
		return err
	}
	m.say("%d credentials registered", len(m.targets.accounts))
	m.load, m.ready = newLoad(m.api, m.targets.accounts), time.Now()
	return nil
}

func (m *matrix) enough() bool {
	return time.Since(m.ready) > time.Duration(m.minutes)*time.Minute || !m.short && m.plant == "" && m.plenty()
}

// least is the smallest share of the counted faults that must have hit each of the two phases that matter, in percent,
// where there are enough faults to speak of shares.
const (
	least     = 25
	shareable = 40
)

// plenty tells whether enough happened for the run to prove something.
func (m *matrix) plenty() bool {
	n := counted(m.struck)
	if m.load.done() < m.rotations || n < m.faults {
		return false
	}
	return n < shareable || m.share(begun) >= least && m.share(effective) >= least
}

// share is a phase's share of the counted faults, in percent.
func (m *matrix) share(p phase) int {
	n := 0
	for _, f := range m.struck {
		if f.phase == p {
			n++
		}
	}
	return 100 * n / max(1, counted(m.struck))
}

// round rotates under faults, heals everything, and demands that every account logs in.
func (m *matrix) round(ctx context.Context, n int) error {
	before, struck, stuck := m.load.done(), len(m.struck), m.stuck
	m.load.start(ctx)
	end := time.Now().Add(m.span)
	for time.Now().Before(end) && ctx.Err() == nil {
		faults, err := m.strike(ctx)
		m.struck = append(m.struck, faults...)
		if err != nil {
			m.load.stop()
			return err
		}
	}
	m.load.stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	struckFor := time.Since(end) + m.span
	if err := m.healthy(ctx); err != nil {
		return fmt.Errorf("after round %d: %w", n, err)
	}
	open := m.settle(ctx)
	m.stuck += len(open)
	for _, number := range open {
		m.evidence(ctx, fmt.Sprintf("operation %d is stuck", number), number)
	}
	ops, err := m.collect(ctx)
	if err != nil {
		return err
	}
	m.classify(m.struck[struck:], ops)
	lost := m.logins(ctx)
	m.lost += lost
	m.say("round %d: %d rotations, %d faults counted of %d in %.0f s, %d stuck, %d lost", n, m.load.done()-before, counted(m.struck[struck:]), len(m.struck)-struck, struckFor.Seconds(), m.stuck-stuck, lost)
	return nil
}

func (m *matrix) close() error {
	var errs []error
	for _, n := range m.nodes {
		errs = append(errs, n.close())
	}
	if m.targets != nil {
		errs = append(errs, m.targets.close())
	}
	if m.receiver != nil {
		errs = append(errs, m.receiver.close())
	}
	if m.net != nil {
		errs = append(errs, m.net.close())
	}
	return errors.Join(errs...)
}
