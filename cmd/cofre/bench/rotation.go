package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"cofre/executors/executortest/target"
	"cofre/fsm/model"
	operationapi "cofre/httpapi/operation"
)

const rotated = 60 // accounts, each changed once in a round

// rotating is a real target whose accounts are changed, by the cluster and by a bare client.
type rotating interface {
	create() (name, password string, err error)
	execution() (host string, settings map[string]any) // how the cluster changes its accounts
	change(ctx context.Context, r *role) error         // as a bare client: change and fresh login
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
	for _, t := range services {
		if err := s.rotate(ctx, t, o); err != nil {
			return err
		}
	}
	return nil
}

// service is a kind of target with the names of the ways in which its accounts are changed; start gives those ways.
type service struct {
	names []string
	start func(context.Context, *server) (ways []rotating, end func() error, err error)
}

var services = []service{
	{[]string{"PostgreSQL, ALTER ROLE by itself", "PostgreSQL, ALTER ROLE by a manager", "PostgreSQL, by a manager whose sessions the bare loop keeps too"}, databases},
	{[]string{"sshd, passwd by itself", "sshd, chpasswd by a manager"}, logins},
}

func (s *server) rotate(ctx context.Context, t service, o options) (err error) {
	wanted := func(name string) bool { return strings.Contains(name, o.op) }
	if !slices.ContainsFunc(t.names, wanted) {
		return nil
	}
	ways, end, err := t.start(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	for i, name := range t.names {
		if !wanted(name) {
			continue
		}
		if err := compare(ctx, s, ways[i], name, o); err != nil {
			return err
		}
	}
	return nil
}

func databases(ctx context.Context, s *server) ([]rotating, func() error, error) {
	d, err := startDatabase(ctx, s, s.dir)
	if err != nil {
		return nil, nil, err
	}
	m, err := s.manage(ctx, d)
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	stays := *m
	stays.keep()
	return []rotating{d, m, &stays}, d.Close, nil
}

func logins(ctx context.Context, s *server) ([]rotating, func() error, error) {
	l, err := startLinux(ctx, s, s.dir)
	if err != nil {
		return nil, nil, err
	}
	c, err := s.sudo(ctx, l)
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	return []rotating{l, c}, l.Close, nil
}

func compare(ctx context.Context, s *server, t rotating, name string, o options) error {
	host, execution := t.execution()
	var bare, ours []role
	for i := range 2 * rotated {
		name, password, err := t.create()
		if err != nil {
			return err
		}
		if i%2 == 0 {
			bare = append(bare, role{name, password})
			continue
		}
		ours = append(ours, role{name, password})
		if err := s.admin.Do(ctx, http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": name, "hostname": host, "username": name, "secret": password,
			"execution": execution}, nil); err != nil {
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

// change asks the cluster in one request for the change of every account, and then for one after the other until it is over.
func (s *server) change(ctx context.Context, accounts []role) error {
	names := make([]string, len(accounts))
	for i, r := range accounts {
		names[i] = r.name
	}
	var asked operationapi.Bulk
	if err := s.admin.Do(ctx, http.MethodPost, "/api/v1/operations/bulk", operationapi.BulkBody{Action: "change", Credentials: names}, &asked); err != nil {
		return err
	}
	for _, i := range asked.Items {
		if i.Error != "" {
			return fmt.Errorf("%s: %s", i.Name, i.Error)
		}
		var op struct {
			State, Message string
			Final          bool
		}
		for !op.Final {
			if err := s.admin.Do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/operations/%d?wait=20s", i.Number), nil, &op); err != nil {
				return err
			}
		}
		if op.State != "succeeded" {
			return fmt.Errorf("%s ended as %s: %s", i.Name, op.State, op.Message)
		}
	}
	return nil
}

// database is a real PostgreSQL with login roles.
type database struct {
	*target.Postgres
	made int // roles
}

func startDatabase(ctx context.Context, s *server, dir string) (*database, error) {
	home, err := os.MkdirTemp(dir, "pg")
	if err == nil {
		err = os.Chmod(home, 0o755)
	}
	if err != nil {
		return nil, err
	}
	pg, err := target.StartPostgres(home)
	if err != nil {
		return nil, err
	}
	return &database{Postgres: pg}, s.admin.Do(ctx, http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(),
		"connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
}

func (d *database) create() (string, string, error) {
	d.made++
	return d.CreateRole(fmt.Sprintf("bench_%d", d.made))
}
func (d *database) execution() (string, map[string]any) {
	return "localhost", map[string]any{"template": "PostgreSQL ALTER ROLE"}
}

// change is what a client without a memory does: log in, ALTER ROLE, log in anew.
func (d *database) change(ctx context.Context, r *role) error {
	fresh := freshOf(r)
	err := errors.Join(d.as(ctx, *r, alter(r, fresh)), d.as(ctx, role{r.name, fresh}, "SELECT 1"))
	r.password = fresh
	return err
}

func freshOf(r *role) string { return fmt.Sprintf("N%d-%s", time.Now().UnixNano(), r.name) }

func alter(r *role, fresh string) string {
	return fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", r.name, fresh)
}

// as logs in, runs a statement, and logs out.
func (d *database) as(ctx context.Context, who role, sql string) error {
	c, err := d.logIn(ctx, who)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, sql)
	return errors.Join(err, c.Close(ctx))
}

func (d *database) logIn(ctx context.Context, who role) (*pgx.Conn, error) {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(who.name, who.password), Host: d.Addr(), Path: "/postgres", RawQuery: "sslmode=require"}
	return pgx.Connect(ctx, u.String())
}
