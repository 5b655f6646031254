// Package main is the crash matrix: three real `cofre server` processes, one network namespace each, rotate the passwords
// of real Linux users (sshd, passwd) and of real PostgreSQL roles, while nodes are killed, paused, cut off and run out of
// disk at aimed moments. After each round every account must log in with the value that the API hands out.
//
// It needs root, iproute2, iptables, openssh-server and postgresql, owns everything it creates, and removes it at the end
// and on SIGINT. It is a tool for developers and CI: no part of a release.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	short     bool
	binary    string
	minutes   int
	rotations int
	faults    int
	users     int
	roles     int
	seed      uint64
	dir       string
	keep      bool
}

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "about five minutes instead of the long run")
	flag.StringVar(&o.binary, "cofre", "", "binary of the server (default: built from this tree)")
	flag.IntVar(&o.minutes, "minutes", 0, "start no round when rotations went on for this many minutes (default 60; 4 with --short)")
	flag.IntVar(&o.rotations, "rotations", 2000, "the long run ends when this many were done ...")
	flag.IntVar(&o.faults, "faults", 300, "... and this many faults were counted")
	flag.IntVar(&o.users, "users", 40, "Linux users")
	flag.IntVar(&o.roles, "roles", 30, "PostgreSQL roles")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the choices of faults; their moments cannot be repeated")
	flag.StringVar(&o.dir, "dir", "", "folder for everything (default: a new one)")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder also when nothing was lost")
	flag.Parse()
	if o.minutes == 0 {
		if o.minutes = 60; o.short {
			o.minutes = 4
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		code = 2
	}
	os.Exit(code)
}

// matrix is one run.
type matrix struct {
	options
	rng      *rand.Rand // of the goroutine that strikes
	began    time.Time
	ready    time.Time // when the rotations began
	net      *network
	nodes    []*node
	targets  *targets
	api      *api
	load     *load
	struck   []*fault
	lost     int
	stuck    int
	last     uint64 // number of the newest operation that was counted
	outcomes map[string]int
}

func (m *matrix) say(format string, a ...any) {
	fmt.Printf("%7.1fs  %s\n", time.Since(m.began).Seconds(), fmt.Sprintf(format, a...))
}

func run(ctx context.Context, o options) (code int, err error) {
	if os.Geteuid() != 0 {
		return 2, errors.New("namespaces, users and iptables need root")
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "cofre-crash-"); err != nil {
			return 2, err
		}
	}
	m := &matrix{options: o, rng: rand.New(rand.NewPCG(o.seed, 1)), began: time.Now(), outcomes: map[string]int{}}
	defer func() {
		cleaned := m.close()
		if err = errors.Join(err, cleaned); err == nil && code == 0 && !o.keep {
			err = os.RemoveAll(o.dir)
		} else {
			fmt.Fprintln(os.Stderr, "kept:", o.dir)
		}
		if m.load != nil {
			fmt.Printf("lost %d of %d rotations, %d faults\n", m.lost, m.load.done(), counted(m.struck))
		}
	}()
	m.say("seed %d, folder %s", o.seed, o.dir)
	if err := m.setup(ctx); err != nil {
		return 2, err
	}
	for round := 1; ctx.Err() == nil && !m.enough(); round++ {
		if err = m.round(ctx, round); err != nil || m.lost > 0 {
			break // everything stays as it is, to be looked into
		}
	}
	m.summary()
	if err != nil {
		return 2, err
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
	if time.Since(m.ready) > time.Duration(m.minutes)*time.Minute {
		return true
	}
	return !m.short && m.load.done() >= m.rotations && counted(m.struck) >= m.faults
}

// round rotates under faults, heals everything, and demands that every account logs in.
func (m *matrix) round(ctx context.Context, n int) error {
	span := time.Minute
	before, struck := m.load.done(), len(m.struck)
	m.load.start(ctx)
	end := time.Now().Add(span)
	for time.Now().Before(end) && ctx.Err() == nil {
		f, err := m.strike(ctx)
		if f != nil {
			m.struck = append(m.struck, f)
		}
		if err != nil {
			m.load.stop()
			return err
		}
	}
	m.load.stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
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
	m.say("round %d: %d rotations, %d faults counted of %d, %d stuck, %d lost", n, m.load.done()-before, counted(m.struck[struck:]), len(m.struck)-struck, len(open), lost)
	m.lost += lost
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
	if m.net != nil {
		errs = append(errs, m.net.close())
	}
	return errors.Join(errs...)
}
