// Package main is the crash matrix: three real `cofre server` processes, one network namespace each, rotate the passwords
// of real Linux users (sshd, passwd) and of real PostgreSQL roles, while nodes are killed, stopped, paused, cut off, sealed,
// run out of disk, see their clocks leap and fall back too far for the log, at aimed moments. After each round every account must log in with the value that the API hands out.
//
// With --audit it kills the leader again and again while every node sends its audit events to a real rsyslogd over TLS,
// and demands that what arrived is what the trail holds. With --control either of them uses servers that were built to
// make a mistake, and demands that it is found.
//
// It needs root, iproute2, iptables, openssh-server, postgresql and rsyslog-gnutls, owns everything it creates, and
// removes it at the end and on SIGINT. It is a tool for developers and CI: no part of a release.
package main

import (
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

// options are the command line.
type options struct {
	short     bool
	ci        bool
	control   bool
	audit     bool
	kills     int
	binary    string
	minutes   int
	rotations int
	faults    int
	users     int
	roles     int
	span      time.Duration
	seed      uint64
	dir       string
	keep      bool
	only      string // how faults begin that are wanted; "": all
	plant     string // the mistake that the servers make
}

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "about five minutes instead of the long run")
	flag.BoolVar(&o.ci, "ci", false, "about a minute: one short round")
	flag.BoolVar(&o.control, "control", false, "servers that make a mistake: it must be found, or the exit status is 1")
	flag.BoolVar(&o.audit, "audit", false, "kill the leader while a real rsyslogd receives the trail, instead of rotating")
	flag.IntVar(&o.kills, "kills", 200, "leaders killed with --audit")
	flag.StringVar(&o.binary, "cofre", "", "binary of the server (default: built from this tree)")
	flag.IntVar(&o.minutes, "minutes", 0, "start no round when rotations went on for this many minutes (default 60; 4 with --short; 2 with --ci)")
	flag.IntVar(&o.rotations, "rotations", 0, "fewer are too few: exit status 1 (default 2000; 100 with --short; 30 with --ci)")
	flag.IntVar(&o.faults, "faults", 0, "fewer counted faults are too few: exit status 1 (default 300; 20 with --short; 6 with --ci)")
	flag.IntVar(&o.users, "users", 0, "Linux users (default 40; 16 with --ci, 8 with --control)")
	flag.IntVar(&o.roles, "roles", 0, "PostgreSQL roles (default 30; 12 with --ci, 6 with --control)")
	flag.StringVar(&o.only, "only", "", "strike in this way only: "+strings.Join(kinds, ", "))
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the choices of faults; their moments cannot be repeated")
	flag.StringVar(&o.dir, "dir", "", "folder for everything (default: a new one)")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder also when nothing was lost")
	flag.Parse()
	o.defaults()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	code, err := o.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		code = 2
	}
	os.Exit(code)
}

// defaults fills what was not given.
func (o *options) defaults() {
	minutes, rotations, faults, users, roles, span := 60, 2000, 300, 40, 30, 90*time.Second
	switch {
	case o.ci:
		minutes, rotations, faults, users, roles, span = 2, 30, 6, 16, 12, 40*time.Second
	case o.short:
		minutes, rotations, faults, span = 4, 100, 20, time.Minute
	}
	if o.control {
		minutes, rotations, faults, users, roles, span = 4, 0, 0, 8, 6, 5*time.Second
	}
	for _, d := range []struct {
		of *int
		to int
	}{{&o.minutes, minutes}, {&o.rotations, rotations}, {&o.faults, faults}, {&o.users, users}, {&o.roles, roles}} {
		if *d.of == 0 {
			*d.of = d.to
		}
	}
	o.span = span
}

func (o options) run(ctx context.Context) (code int, err error) {
	if os.Geteuid() != 0 {
		return 2, errors.New("namespaces, users and iptables need root")
	}
	if o.only != "" && !slices.Contains(kinds, o.only) {
		return 2, fmt.Errorf("there are no faults of kind %q: there are %s", o.only, strings.Join(kinds, ", "))
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "cofre-crash-"); err != nil {
			return 2, err
		}
		if err = os.Chmod(o.dir, 0o711); err != nil { // the targets run as users of their own, in folders below
			return 2, err
		}
	}
	switch {
	case o.control:
		code, err = controls(ctx, o)
	case o.audit:
		code, err = audit(ctx, o)
	default:
		code, err = rotations(ctx, o)
	}
	if err == nil && code == 0 && !o.keep {
		return code, os.RemoveAll(o.dir)
	}
	fmt.Fprintln(os.Stderr, "kept:", o.dir)
	return code, err
}

// in gives the options of a part in a folder of its own.
func (o options) in(name string) (options, error) {
	o.dir = filepath.Join(o.dir, name)
	return o, os.MkdirAll(o.dir, 0o755)
}
