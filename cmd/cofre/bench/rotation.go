package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"cofre/executors/executortest/target"
	"cofre/fsm/model"
)

const rotated = 60 // accounts, each changed once in a round

// rotating is a real target whose accounts are changed, by the cluster and by a bare client.
type rotating interface {
	create(i int) (name, password string, err error)
	device() (host, template string)
	change(ctx context.Context, r *role) error // as a bare client: change and fresh login
	Close() error
}

type role struct{ name, password string }

// rotations compares changes by the cluster with a bare loop of a client that does the same steps, change and fresh
// login, in as many lanes as the scheduler allows for one target.
func rotations(ctx context.Context, _ *floor, s *server, o options) error {
	for _, dir := range []string{filepath.Dir(s.dir), s.dir} {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	if err := s.find(ctx); err != nil {
		return err
	}
	fmt.Printf("| rotations, %d lanes | bare client loop, a second | the cluster, a second | ratio | CPU us a rotation: leader + both followers + asker | log entries a rotation |\n|---|---|---|---|---|---|\n",
		model.DefaultAutomation().Lanes)
	defer fmt.Println()
	for _, t := range []struct {
		name  string
		start func() (rotating, error)
	}{
		{"PostgreSQL, ALTER ROLE", func() (rotating, error) { return startDatabase(ctx, s, s.dir) }},
		{"sshd, passwd", func() (rotating, error) { return startLinux(ctx, s, s.dir) }},
	} {
		if !strings.Contains(t.name, o.op) {
			continue
		}
		target, err := t.start()
		if err != nil {
			return err
		}
		if err := compare(ctx, s, target, t.name, o); err != nil {
			return err
		}
	}
	return nil
}

func compare(ctx context.Context, s *server, t rotating, name string, o options) (err error) {
	defer func() { err = errors.Join(err, t.Close()) }()
	host, template := t.device()
	var bare, ours []role
	for i := range 2 * rotated {
		name, password, err := t.create(i)
		if err != nil {
			return err
		}
		if i%2 == 0 {
			bare = append(bare, role{name, password})
			continue
		}
		ours = append(ours, role{name, password})
		if err := s.admin.Do(ctx, http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": name, "hostname": host, "username": name, "secret": password,
			"execution": map[string]any{"template": template}}, nil); err != nil {
			return err
		}
	}
	var loop, cluster []float64
	var cpu spent
	var entries uint64
	for range o.repeats {
		one, err := timed(func() error { return bareLoop(ctx, t, bare) })
		if err != nil {
			return fmt.Errorf("bare loop: %w", err)
		}
		loop = append(loop, one)
		before, applied := s.spent(), s.applied(ctx)
		err = s.profile(ctx, o, name, func() (err error) {
			one, err = timed(func() error { return s.change(ctx, ours) })
			return err
		})
		if err != nil {
			return fmt.Errorf("change by the cluster: %w", err)
		}
		cpu, entries = cpu.add(s.spent().sub(before)), entries+s.applied(ctx)-applied
		cluster = append(cluster, one)
	}
	all := float64(o.repeats * rotated)
	fmt.Printf("| %s | %.1f | %.1f | %.2f | %s | %.2f |\n", name, median(loop), median(cluster), median(cluster)/median(loop), cpu.per(all), float64(entries)/all)
	return nil
}

// timed gives the accounts a second.
func timed(round func() error) (float64, error) {
	start := time.Now()
	err := round()
	return rotated / time.Since(start).Seconds(), err
}

func bareLoop(ctx context.Context, t rotating, accounts []role) error {
	queue := make(chan *role, len(accounts))
	for i := range accounts {
		queue <- &accounts[i]
	}
	close(queue)
	errs := make([]error, model.DefaultAutomation().Lanes)
	var lanes sync.WaitGroup
	for lane := range model.DefaultAutomation().Lanes {
		lanes.Go(func() {
			for r := range queue {
				if errs[lane] = t.change(ctx, r); errs[lane] != nil {
					return
				}
			}
		})
	}
	lanes.Wait()
	return errors.Join(errs...)
}

// change asks the cluster for the change of every account and waits for the last one.
func (s *server) change(ctx context.Context, accounts []role) error {
	errs := make([]error, len(accounts))
	var askers sync.WaitGroup
	for i, r := range accounts {
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

// database is a real PostgreSQL with login roles.
type database struct{ *target.Postgres }

func startDatabase(ctx context.Context, s *server, dir string) (*database, error) {
	home := filepath.Join(dir, "pg")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	pg, err := target.StartPostgres(home)
	if err != nil {
		return nil, err
	}
	return &database{pg}, s.admin.Do(ctx, http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(),
		"connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
}

func (d *database) create(i int) (string, string, error) {
	return d.CreateRole(fmt.Sprintf("bench_%d", i))
}
func (d *database) device() (host, template string) { return "localhost", "PostgreSQL ALTER ROLE" }

// change is what a client without a memory does: log in, ALTER ROLE, log in anew.
func (d *database) change(ctx context.Context, r *role) error {
	fresh := fmt.Sprintf("N%d-%s", time.Now().UnixNano(), r.name)
	for _, step := range []struct{ password, sql string }{{r.password, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", r.name, fresh)}, {fresh, "SELECT 1"}} {
		u := url.URL{Scheme: "postgres", User: url.UserPassword(r.name, step.password), Host: d.Addr(), Path: "/postgres", RawQuery: "sslmode=require"}
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
