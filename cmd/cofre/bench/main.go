// Package main measures Cofre against the floor that no cluster of this design can pass: raw hashicorp/raft over
// raft-boltdb, three nodes, a state machine that does nothing. Bursts of both alternate in one run, so that a neighbour's
// noise hits both; only the ratios are to be trusted. It is a tool for developers: no part of a release.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	binary   string
	burst    time.Duration
	repeats  int
	kills    int
	restarts int
	fill     int
	leases   int
	basePort int
	profiles string
	only     string
	op       string
	clients  string
}

func main() {
	var o options
	flag.StringVar(&o.binary, "cofre", "", "binary of the server (default: built from this tree)")
	flag.DurationVar(&o.burst, "burst", 2*time.Second, "length of one burst of load")
	flag.IntVar(&o.repeats, "repeats", 3, "bursts per figure; the median counts")
	flag.IntVar(&o.kills, "kills", 10, "SIGKILLs of the leader")
	flag.IntVar(&o.restarts, "restarts", 3, "restarts of a follower")
	flag.IntVar(&o.fill, "fill", 10000, "credentials that the cluster holds when restarts and memory are measured")
	flag.IntVar(&o.leases, "leases", 0, "dynamic users that end at one moment while secrets are read (10000: half an hour)")
	flag.IntVar(&o.basePort, "base-port", 9400, "first of nine ports of the cluster")
	flag.StringVar(&o.op, "op", "", "operations, or targets of rotations, whose name holds this text")
	flag.StringVar(&o.clients, "clients", "1,16,64,256", "numbers of clients")
	flag.StringVar(&o.only, "only", "", "one part: load, rotation (needs PostgreSQL and sshd), dynamic (needs PostgreSQL), failover, restart, due (needs Redis) or logstore (raft-boltdb against raft-wal, without the server)")
	flag.StringVar(&o.profiles, "profiles", "", "directory for CPU profiles of every node and operation")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parts are what is measured on the server, in this order.
var parts = []part{{"load", loads}, {"rotation", rotations}, {"dynamic", dynamics}, {"failover", failover}, {"restart", restarts}, {"due", dues}}

type part struct {
	name string
	run  func(context.Context, *floor, *server, options) error
}

func run(ctx context.Context, o options) (err error) {
	if o.only != "" && o.only != "logstore" && !slices.ContainsFunc(parts, func(p part) bool { return p.name == o.only }) {
		return fmt.Errorf("--only %q is no part; see --help", o.only)
	}
	if err := o.checkOp(); err != nil {
		return err
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o700); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "cofre-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := newFloor(filepath.Join(dir, "floor"), onBolt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if o.only == "logstore" {
		return logStores(ctx, f, filepath.Join(dir, "wal"), o)
	}
	s, err := startServer(ctx, o, filepath.Join(dir, "cofre"))
	if s != nil {
		defer func() { err = errors.Join(err, s.close()) }()
	}
	if err != nil {
		return err
	}
	fmt.Printf("idle, nothing stored: RSS %s MiB\n\n", s.memory())
	if err := s.prepare(ctx); err != nil {
		return err
	}
	for _, p := range parts {
		if o.only == "" || o.only == p.name {
			if err := p.run(ctx, f, s, o); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// checkOp refuses a text that names nothing: minutes later there would be an empty table.
func (o options) checkOp() error {
	var names []string
	if o.only == "" || o.only == "load" {
		for _, k := range kinds(nil, nil) {
			names = append(names, k.name)
		}
	}
	if o.only == "" || o.only == "rotation" {
		for _, t := range services {
			names = append(names, t.names...)
		}
	}
	if o.op == "" || slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, o.op) }) {
		return nil
	}
	if len(names) == 0 {
		return fmt.Errorf("--op is for the parts load and rotation, not for %s", o.only)
	}
	return fmt.Errorf("--op %q names nothing of: %s", o.op, strings.Join(names, "; "))
}

func median[T cmp.Ordered](all []T) T {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
