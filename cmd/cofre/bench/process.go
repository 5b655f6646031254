package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// failover prints how long no write is accepted after SIGKILL of the leader.
func failover(ctx context.Context, _ *floor, s *server, o options) error {
	var all []time.Duration
	for range o.kills {
		leader, err := s.leads(ctx, "")
		if err != nil {
			return err
		}
		took, err := s.killed(ctx, leader)
		if err != nil {
			return err
		}
		all = append(all, took)
		if err := s.restart(ctx, leader); err != nil {
			return err
		}
		if _, err := s.leads(ctx, ""); err != nil {
			return err
		}
	}
	var text []string
	for _, d := range all {
		text = append(text, fmt.Sprint(d.Milliseconds()))
	}
	fmt.Printf("SIGKILL of the leader to the first accepted write: median %d ms of %s\n\n", median(all).Milliseconds(), strings.Join(text, " "))
	return nil
}

// killed kills a node and probes the others, each with several clients, until one accepts a write.
func (s *server) killed(ctx context.Context, id string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	first := make(chan time.Time, 1)
	if err := syscall.Kill(s.node(id).PID, syscall.SIGKILL); err != nil {
		return 0, err
	}
	at := time.Now()
	var probers sync.WaitGroup
	for _, n := range s.ready.Nodes {
		if n.ID == id {
			continue
		}
		for p := range 8 {
			probers.Go(func() {
				patience := time.Duration(75+p*60) * time.Millisecond // different ones: none of them sets the figure
				for ctx.Err() == nil {
					once, stop := context.WithTimeout(ctx, patience)
					err := s.writeTo(once, n.API)
					stop()
					if err == nil {
						select {
						case first <- time.Now():
						default:
						}
						cancel()
						return
					}
					time.Sleep(3 * time.Millisecond)
				}
			})
		}
	}
	probers.Wait()
	select {
	case t := <-first:
		return t.Sub(at), nil
	default:
		return 0, errors.New("no write was accepted within a minute")
	}
}

// restarts prints how long a follower takes from the start of its process to its first answer to a client, and what a
// node needs of memory.
func restarts(ctx context.Context, _ *floor, s *server, o options) error {
	if have := int(s.next.Load()); have < o.fill {
		if err := s.find(ctx); err != nil {
			return err
		}
		if _, err := burstOf(ctx, 64, o.fill-have, func(ctx context.Context) error { return s.write(ctx, 0) }); err != nil {
			return err
		}
	}
	var all []time.Duration
	for i := range o.restarts {
		leader, err := s.leads(ctx, "")
		if err != nil {
			return err
		}
		id := s.ready.Nodes[i%len(s.ready.Nodes)].ID
		if id == leader {
			id = s.ready.Nodes[(i+1)%len(s.ready.Nodes)].ID
		}
		if err := syscall.Kill(s.node(id).PID, syscall.SIGKILL); err != nil {
			return err
		}
		api, failed, at := s.node(id).API, make(chan error, 1), time.Time{}
		go func() {
			err := s.answers(ctx, api)
			at = time.Now()
			failed <- err
		}()
		if err := errors.Join(s.restart(ctx, id), <-failed); err != nil {
			return err
		}
		lived, err := age(s.node(id).PID)
		if err != nil {
			return err
		}
		all = append(all, lived-time.Since(at))
	}
	fmt.Printf("start of a follower's process to its first secret read, at least %d credentials: median %d ms of %v\n", o.fill, median(all).Milliseconds(), all)
	fmt.Printf("RSS %s MiB (the last one restarted is fresh)\n", s.memory())
	return nil
}

func (s *server) answers(ctx context.Context, api string) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		err := s.read(ctx, api, "restricted")
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// burstOf runs an operation a number of times.
func burstOf(ctx context.Context, clients, n int, op func(context.Context) error) (time.Duration, error) {
	begin := time.Now()
	errs := make([]error, clients)
	var work sync.WaitGroup
	for c := range clients {
		work.Go(func() {
			for range n / clients {
				if errs[c] = op(ctx); errs[c] != nil {
					return
				}
			}
		})
	}
	work.Wait()
	return time.Since(begin), errors.Join(errs...)
}

// age is how long a process runs already.
func age(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	ticks, err := strconv.ParseInt(fields[19], 10, 64) // field 22, starttime in 1/100 s since boot
	if err != nil {
		return 0, err
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0, err
	}
	return time.Duration(now.Nano()) - time.Duration(ticks)*10*time.Millisecond, nil
}

// memory is the resident memory of each node in MiB, and in brackets what of it is anonymous.
func (s *server) memory() string {
	var all []string
	for _, n := range s.ready.Nodes {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.PID))
		if err != nil {
			all = append(all, "?")
			continue
		}
		kib := func(key string) int {
			_, rest, _ := strings.Cut(string(b), key+":")
			v, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
			return v
		}
		all = append(all, fmt.Sprintf("%d (%d)", kib("VmRSS")/1024, kib("RssAnon")/1024))
	}
	return strings.Join(all, ", ")
}
