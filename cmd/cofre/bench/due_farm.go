package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"cofre/executors/executortest/target"
	"cofre/fsm/model"
)

// farm is a number of real Redis servers with their accounts, each behind a gate that counts connections. The servers take
// nothing from the nodes: neither their disk, to which each change syncs, nor their processors.
type farm struct {
	dir      string
	servers  []*target.RedisServer
	gates    []*gate
	accounts []account
}

type account struct {
	name, password string
	target         int
}

func (f *farm) host(i int) string { return fmt.Sprintf("due-%d.localhost", i) }

// startFarm starts the servers, creates n accounts on them, and lets new credentials of the type Due be changed by
// themselves: no share of an hour and no stop holds them back.
func startFarm(ctx context.Context, s *server, n int) (*farm, error) {
	dir, err := os.MkdirTemp(memory, "cofre-bench-due")
	if err != nil {
		return &farm{}, err
	}
	f := &farm{dir: dir}
	post := func(path string, args any) error { return s.admin.Do(ctx, http.MethodPost, path, args, nil) }
	if err := s.admin.Do(ctx, http.MethodPut, "/api/v1/automation", map[string]any{"share": 100, "least": 2 * n, "failures": 1000}, nil); err != nil {
		return f, err
	}
	profile := map[string]any{"name": "due", "criteria": map[string]any{"types": []string{"Due"}}, "automatic": true, "template": "Redis ACL user", "immediate": true, "first_after": dueAfter.String()}
	if err := post("/api/v1/profiles", profile); err != nil {
		return f, err
	}
	for i := range dueTargets {
		dir := filepath.Join(f.dir, f.host(i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return f, err
		}
		var r *target.RedisServer
		if err := apart(func() (err error) { r, err = target.StartRedis(dir); return err }); err != nil {
			return f, err
		}
		g, err := newGate(fmt.Sprintf("127.0.0.1:%d", r.Port()))
		if err != nil {
			return f, errors.Join(err, r.Close())
		}
		f.servers, f.gates = append(f.servers, r), append(f.gates, g)
		device := map[string]any{"hostname": f.host(i), "ip": "127.0.0.1", "ca": r.CA(), "connectivities": []map[string]any{{"protocol": "REDIS", "port": g.port()}}}
		admin := map[string]any{"identifier": fmt.Sprintf("due-admin-%d", i), "hostname": f.host(i), "username": r.AdminUser, "secret": r.AdminPassword}
		if err := errors.Join(post("/api/v1/devices", device), post("/api/v1/credentials", admin)); err != nil {
			return f, err
		}
	}
	for i := range n {
		f.accounts = append(f.accounts, account{fmt.Sprintf("due_%d", i), "Old-" + rand.Text(), i % dueTargets})
	}
	return f, f.create()
}

// create makes the accounts, over one connection for each server.
func (f *farm) create() error {
	for i, r := range f.servers {
		c, err := dialRedis(r)
		if err != nil {
			return err
		}
		for _, a := range f.accounts {
			if a.target == i && err == nil {
				_, err = c.ask("ACL", "SETUSER", a.name, "on", ">"+a.password, "+ping")
			}
		}
		if err == nil {
			_, err = c.ask("CONFIG", "RESETSTAT")
		}
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
	return nil
}

// changed asks the servers how many changes of users they have carried out since create.
func (f *farm) changed() (n int, err error) {
	for _, r := range f.servers {
		c, err := dialRedis(r)
		if err != nil {
			return 0, err
		}
		said, err := c.ask("INFO", "commandstats")
		if err := errors.Join(err, c.Close()); err != nil {
			return 0, err
		}
		if _, rest, ok := strings.Cut(said, "cmdstat_acl|setuser:calls="); ok {
			calls, err := strconv.Atoi(rest[:strings.IndexByte(rest, ',')])
			if err != nil {
				return 0, err
			}
			n += calls
		}
	}
	return n, nil
}

// judge compares what the vault says with what the targets say.
func (f *farm) judge(ctx context.Context, s *server) error {
	calls, err := f.changed()
	if err != nil {
		return err
	}
	most := 0
	for _, g := range f.gates {
		most = max(most, int(g.most.Load()))
	}
	fmt.Printf("changes that the targets saw: %d for %d accounts; most connections to one target at once: %d, with %d lanes\n", calls, len(f.accounts), most, model.DefaultAutomation().Lanes)
	var next, lost atomic.Int64
	if _, err := burstOf(ctx, 20, len(f.accounts), func(ctx context.Context) error {
		a := &f.accounts[next.Add(1)-1]
		var secret struct{ Secret string }
		if err := s.admin.Do(ctx, http.MethodGet, "/api/v1/credentials/"+a.name+"/secret", nil, &secret); err != nil {
			return err
		}
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.servers[a.target].PlainPort()))
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := (&redisConn{c, bufio.NewReader(c)}).ask("AUTH", a.name, secret.Secret); err != nil || secret.Secret == a.password {
			lost.Add(1)
		}
		return nil
	}); err != nil {
		return err
	}
	fmt.Printf("lost %d of %d: the others log in with the new secret that the API hands out\n", lost.Load(), len(f.accounts))
	return f.order(ctx, s)
}

// order looks whether what was due earlier started earlier, on each target. Registration gave numbers in the order of
// falling due.
func (f *farm) order(ctx context.Context, s *server) error {
	type operation struct {
		Credential struct {
			Number   uint64
			Hostname string
		}
		State   string
		History []struct {
			At time.Time
			To string
		}
	}
	byHost, states, cursor := map[string][]operation{}, map[string]int{}, ""
	for {
		var page struct {
			Items []operation
			Next  string
		}
		if err := s.admin.Do(ctx, http.MethodGet, "/api/v1/operations?trigger=expiry&limit=1000&after="+cursor, nil, &page); err != nil {
			return err
		}
		for _, o := range page.Items {
			byHost[o.Credential.Hostname] = append(byHost[o.Credential.Hostname], o)
			states[o.State]++
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	var behind []time.Duration // how long after one that was due later an operation started
	for _, all := range byHost {
		slices.SortFunc(all, func(a, b operation) int { return int(b.Credential.Number) - int(a.Credential.Number) })
		earliest := time.Now()
		for _, o := range all { // from the one that was due last
			i := slices.IndexFunc(o.History, func(h struct {
				At time.Time
				To string
			}) bool {
				return h.To == "leased"
			})
			if i < 0 {
				continue
			}
			behind = append(behind, max(0, o.History[i].At.Sub(earliest)))
			if o.History[i].At.Before(earliest) {
				earliest = o.History[i].At
			}
		}
	}
	fmt.Printf("operations by state: %v; started after one that was due later, on the same target: p50 / p99 %s\n\n", states, spread(behind))
	return nil
}

func (f *farm) close() (err error) {
	for i := range f.servers {
		err = errors.Join(err, f.gates[i].l.Close(), f.servers[i].Close())
	}
	return errors.Join(err, os.RemoveAll(f.dir))
}
