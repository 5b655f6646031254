package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/operator"
)

const tick = 10 * time.Millisecond // USER_HZ of Linux

// spent is the CPU time of the processes of one burst. Unlike rates it hardly depends on the neighbours.
type spent struct {
	leader, followers, loader time.Duration
}

func (a spent) sub(b spent) spent {
	return spent{a.leader - b.leader, a.followers - b.followers, a.loader - b.loader}
}

func (a spent) add(b spent) spent {
	return spent{a.leader + b.leader, a.followers + b.followers, a.loader + b.loader}
}

// per gives the microseconds of an operation, for the table.
func (a spent) per(operations float64) string {
	us := func(d time.Duration) float64 { return float64(d.Microseconds()) / max(operations, 1) }
	return fmt.Sprintf("%.0f + %.0f + %.0f", us(a.leader), us(a.followers), us(a.loader))
}

func (s *server) spent() spent {
	c := spent{loader: processTime(os.Getpid())}
	for _, n := range s.ready.Nodes {
		if n.API == s.leader {
			c.leader = processTime(n.PID)
		} else {
			c.followers += processTime(n.PID)
		}
	}
	return c
}

// processTime is the user and system time of a process, from fields 14 and 15 of /proc/PID/stat (proc(5)).
func processTime(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * tick
}

// applied is the last log index that the leader applied.
func (s *server) applied(ctx context.Context) uint64 {
	for _, n := range s.ready.Nodes {
		var st daemon.Status
		if n.API != s.leader || operator.NewClient(filepath.Join(s.dir, n.ID+".sock")).Get(ctx, "/status", &st) != nil {
			continue
		}
		for _, m := range st.Members {
			if m.ID == n.ID {
				return m.Applied
			}
		}
	}
	return 0
}

// profile records the CPU of every node during fn, into files named after the operation.
func (s *server) profile(ctx context.Context, o options, name string, fn func() error) error {
	if o.profiles == "" {
		return fn()
	}
	var takers sync.WaitGroup
	for _, n := range s.ready.Nodes {
		role := "follower-" + n.ID
		if n.API == s.leader {
			role = "leader"
		}
		takers.Go(func() {
			b, err := operator.NewClient(filepath.Join(s.dir, n.ID+".sock")).Bytes(ctx, fmt.Sprintf("/profile/cpu?seconds=%g", o.burst.Seconds()))
			file := filepath.Join(o.profiles, strings.NewReplacer(" ", "-", ",", "", ":", "").Replace(name)+"."+role+".pprof")
			if err == nil {
				err = os.WriteFile(file, b, 0o600)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "profile:", err)
			}
		})
	}
	err := fn()
	takers.Wait()
	return err
}
