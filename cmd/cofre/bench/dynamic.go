package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"cofre/fsm/model"
)

const (
	dynamicManager = "bench_manager" // creates roles
	ending         = time.Minute     // how much longer than their creation all leases of the second part live
)

// dynamics compares dynamic users of a real PostgreSQL with a bare client that does the same steps, create and fresh login, in
// as many lanes; then lets --leases of them end at one moment while secrets are read.
func dynamics(ctx context.Context, _ *floor, s *server, o options) (err error) {
	for _, dir := range []string{filepath.Dir(s.dir), s.dir} {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	if err := s.find(ctx); err != nil {
		return err
	}
	pg, err := startDatabase(ctx, s, s.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pg.Close()) }()
	name, password, err := pg.CreateRole(dynamicManager)
	if err != nil {
		return err
	}
	if err := errors.Join(pg.Exec("ALTER ROLE "+name+" CREATEROLE"), s.lend(ctx, name, password, o.leases)); err != nil {
		return err
	}
	var loop, cluster []float64
	var cpu spent
	var entries uint64
	for round := range o.repeats {
		users := make([]role, rotated)
		for i := range users {
			users[i] = role{fmt.Sprintf("bare_%d_%d", round, i), password}
		}
		one, err := timed(func() error { return bareLoop(ctx, creating{pg, password}, users) })
		if err != nil {
			return fmt.Errorf("bare loop: %w", err)
		}
		loop = append(loop, one)
		before, applied := s.spent(), s.applied(ctx)
		if one, err = timed(func() error { return s.provision(ctx, rotated, rotated, time.Hour) }); err != nil {
			return fmt.Errorf("dynamic users: %w", err)
		}
		cpu, entries = cpu.add(s.spent().sub(before)), entries+s.applied(ctx)-applied
		cluster = append(cluster, one)
	}
	fmt.Printf("| dynamic users, %d lanes | bare client loop, a second | the cluster, a second | ratio | CPU us a user: leader + both followers + asker | log entries a user |\n|---|---|---|---|---|---|\n", model.DefaultAutomation().Lanes)
	all := float64(o.repeats * rotated)
	fmt.Printf("| PostgreSQL, CREATE ROLE and fresh login | %.1f | %.1f | %.2f | %s | %.2f |\n\n", median(loop), median(cluster), median(cluster)/median(loop), cpu.per(all), float64(entries)/all)
	if o.leases == 0 {
		return nil
	}
	return s.ends(ctx, pg, o.leases, median(cluster))
}

// lend stores the manager, the profile, and room for all users.
func (s *server) lend(ctx context.Context, manager, password string, leases int) error {
	put := func(method, path string, body map[string]any) error { return s.admin.Do(ctx, method, path, body, nil) }
	var me struct{ Application struct{ Name string } }
	return errors.Join(
		put(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": manager, "hostname": "localhost", "username": manager, "secret": password}),
		put(http.MethodPost, "/api/v1/dynamic-profiles", map[string]any{"identifier": "bench", "executor": "postgres", "create": "PostgreSQL create role", "remove": "PostgreSQL drop role", "authentication": manager, "ttl": "8h"}),
		s.admin.Do(ctx, http.MethodGet, "/api/v1/whoami", nil, &me),
		put(http.MethodPut, "/api/v1/applications/"+me.Application.Name+"/provisioning", map[string]any{"quota": 1000 + leases}),
	)
}

// creating is a bare client that makes users as the manager.
type creating struct {
	*database
	password string
}

func (c creating) change(ctx context.Context, r *role) error {
	return errors.Join(c.as(ctx, role{dynamicManager, c.password}, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", r.name, r.password)), c.as(ctx, *r, "SELECT 1"))
}

// provision asks for n users, which some clients at once share evenly, and reads the password of each as soon as it has logged in.
func (s *server) provision(ctx context.Context, clients, n int, ttl time.Duration) error {
	_, err := burstOf(ctx, clients, n, func(ctx context.Context) error {
		var lease struct {
			Number uint64
			State  string
		}
		if err := s.admin.Do(ctx, http.MethodPost, "/api/v1/leases?wait=60s", map[string]any{"profile": "bench", "ttl": ttl.String()}, &lease); err != nil {
			return err
		}
		if lease.State != "active" {
			return fmt.Errorf("lease %d is %s after a minute", lease.Number, lease.State)
		}
		return s.admin.Do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/leases/%d/secret", lease.Number), nil, nil)
	})
	return err
}

// ends lets n users end together, and reads secrets before and meanwhile.
func (s *server) ends(ctx context.Context, pg *database, n int, rate float64) error {
	life := time.Duration(float64(n)/rate*float64(time.Second)) + ending
	before, err := pg.Roles("bench_")
	if err != nil {
		return err
	}
	end := time.Now().Add(life)
	const clients = 50
	for range n / clients {
		if err := s.provision(ctx, clients, clients, time.Until(end).Truncate(time.Second)); err != nil {
			return err
		}
	}
	if left := time.Until(end); left < 25*time.Second {
		return fmt.Errorf("making %d users took too long: the first ends in %s", n, left)
	}
	gone := make(chan struct{})
	var left int
	go func() {
		defer close(gone)
		for time.Since(end) < dueLimit && ctx.Err() == nil {
			now, err := pg.Roles("bench_")
			if left = len(now) - len(before); err == nil && left <= 0 {
				return
			}
			time.Sleep(500 * time.Millisecond)
		}
	}()
	reads := s.reading(ctx, time.Until(end)+dueLimit, gone)
	<-gone
	var idle, busy []read
	for _, r := range reads {
		switch {
		case r.due.Before(end.Add(-20 * time.Second)):
		case r.due.Before(end):
			idle = append(idle, r)
		default:
			busy = append(busy, r)
		}
	}
	fmt.Printf("%d dynamic users that end together: gone after %s, %d left\n", n, time.Since(end).Round(time.Second), max(left, 0))
	fmt.Printf("secret reads, %d a second: p50 / p99 %s idle, %s meanwhile\n", dueReaders*dueReads, spread(times(idle)), spread(times(busy)))
	return nil
}
