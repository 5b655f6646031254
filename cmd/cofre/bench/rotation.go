package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"cofre/executors/executortest/target"
	"cofre/scheduler/plan"
)

const rotated = 60 // accounts, each changed once in a round

// rotations compares changes of real PostgreSQL roles by the cluster with a bare loop of a client that does the same
// steps, change and fresh login, in as many lanes as the scheduler allows for one target.
func rotations(ctx context.Context, _ *floor, s *server, o options) (err error) {
	dir := filepath.Join(s.dir, "pg")
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as a user of its own
		return err
	}
	for _, up := range []string{filepath.Dir(s.dir), s.dir} {
		if err := os.Chmod(up, 0o711); err != nil { //nolint:gosec // the same
			return err
		}
	}
	pg, err := target.StartPostgres(dir)
	if pg != nil {
		defer func() { err = errors.Join(err, pg.Close()) }()
	}
	if err != nil {
		return err
	}
	const device = "localhost"
	if err := s.admin.Do(ctx, http.MethodPost, "/api/v1/devices", map[string]any{"hostname": device, "ip": "127.0.0.1", "ca": pg.CA(),
		"connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil); err != nil {
		return err
	}
	var bare, ours []role
	for i := range 2 * rotated {
		name, pass, err := pg.CreateRole(fmt.Sprintf("bench_%d", i))
		if err != nil {
			return err
		}
		if i%2 == 0 {
			bare = append(bare, role{name, pass})
			continue
		}
		ours = append(ours, role{name, pass})
		if err := s.admin.Do(ctx, http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": name, "hostname": device, "username": name, "secret": pass,
			"execution": map[string]any{"template": "PostgreSQL ALTER ROLE"}}, nil); err != nil {
			return err
		}
	}
	fmt.Printf("| PostgreSQL rotations, %d lanes | a second | / bare loop |\n|---|---|---|\n", plan.LanesPerDevice)
	var loop, cluster []float64
	for range o.repeats {
		one, err := timed(func() error { return bareLoop(ctx, pg, bare) })
		if err != nil {
			return fmt.Errorf("bare loop: %w", err)
		}
		loop = append(loop, one)
		if one, err = timed(func() error { return s.change(ctx, ours) }); err != nil {
			return fmt.Errorf("change by the cluster: %w", err)
		}
		cluster = append(cluster, one)
	}
	fmt.Printf("| bare client loop | %.1f | 1.00 |\n| the cluster | %.1f | %.2f |\n\n", median(loop), median(cluster), median(cluster)/median(loop))
	return nil
}

type role struct{ name, password string }

// timed gives the accounts a second.
func timed(round func() error) (float64, error) {
	start := time.Now()
	err := round()
	return rotated / time.Since(start).Seconds(), err
}

// bareLoop changes each role as itself and logs in anew, without remembering anything.
func bareLoop(ctx context.Context, pg *target.Postgres, roles []role) error {
	queue := make(chan *role, len(roles))
	for i := range roles {
		queue <- &roles[i]
	}
	close(queue)
	errs := make([]error, plan.LanesPerDevice)
	var lanes sync.WaitGroup
	for lane := range plan.LanesPerDevice {
		lanes.Go(func() {
			for r := range queue {
				if errs[lane] = r.change(ctx, pg); errs[lane] != nil {
					return
				}
			}
		})
	}
	lanes.Wait()
	return errors.Join(errs...)
}

func (r *role) change(ctx context.Context, pg *target.Postgres) error {
	fresh := fmt.Sprintf("N%d-%s", time.Now().UnixNano(), r.name)
	for _, step := range []struct{ password, sql string }{{r.password, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", r.name, fresh)}, {fresh, "SELECT 1"}} {
		u := url.URL{Scheme: "postgres", User: url.UserPassword(r.name, step.password), Host: pg.Addr(), Path: "/postgres", RawQuery: "sslmode=require"}
		c, err := pgx.Connect(ctx, u.String())
		if err != nil {
			return err
		}
		_, err = c.Exec(ctx, step.sql)
		if err := errors.Join(err, c.Close(ctx)); err != nil {
			return err
		}
	}
	r.password = fresh
	return nil
}

// change asks the cluster for the change of every role and waits for the last one.
func (s *server) change(ctx context.Context, roles []role) error {
	errs := make([]error, len(roles))
	var askers sync.WaitGroup
	for i, r := range roles {
		askers.Go(func() {
			var op struct {
				Number         uint64
				State, Message string
				Final          bool
			}
			errs[i] = s.admin.Do(ctx, http.MethodPost, "/api/v1/operations", map[string]string{"credential": r.name, "kind": "change"}, &op)
			for errs[i] == nil && !op.Final {
				errs[i] = s.admin.Do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/operations/%d?wait=20s", op.Number), nil, &op)
			}
			if errs[i] == nil && op.State != "succeeded" {
				errs[i] = fmt.Errorf("%s ended as %s: %s", r.name, op.State, op.Message)
			}
		})
	}
	askers.Wait()
	return errors.Join(errs...)
}
