package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"cofre/executors/executortest/target"
)

// account is one real account and its credential.
type account struct {
	identifier string
	user       string
	first      string // its password before the run
	device     string
	template   string
	login      func(user, password string) (bool, error)
}

// targets are the real servers, reachable from the namespaces through relays on the bridge's address.
type targets struct {
	ssh      *target.SSH
	pg       *target.Postgres
	relays   []net.Listener
	accounts []*account
	sshPort  int
	pgPort   int

	stop context.CancelFunc
	work sync.WaitGroup
	mu   sync.Mutex             // guards effects
	seen map[string][]time.Time // moments at which an account's password changed on its server
	tell chan string            // users, for the one who aims
}

const sshDevices = 4 // the same host under several names: the scheduler runs few operations on one device at once

func startTargets(dir, host string, users, roles int) (*targets, error) {
	ctx, stop := context.WithCancel(context.Background())
	t := &targets{stop: stop, seen: map[string][]time.Time{}, tell: make(chan string, 1)}
	for _, d := range []string{"sshd", "pg"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return t, err
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL runs as a user of its own
		return t, err
	}
	var err error
	if t.ssh, err = target.StartSSHD(filepath.Join(dir, "sshd")); err != nil {
		return t, err
	}
	if t.pg, err = target.StartPostgres(filepath.Join(dir, "pg")); err != nil {
		return t, err
	}
	if t.sshPort, err = t.relay(ctx, host, t.ssh.Addr()); err != nil {
		return t, err
	}
	if t.pgPort, err = t.relay(ctx, host, t.pg.Addr()); err != nil {
		return t, err
	}
	for i := range users {
		name, pass, err := t.ssh.CreateUser()
		if err != nil {
			return t, err
		}
		t.accounts = append(t.accounts, &account{fmt.Sprintf("user-%d", i), name, pass, fmt.Sprintf("linux-%d", i%sshDevices), "Linux passwd", t.ssh.Login})
	}
	for i := range roles {
		name, pass, err := t.pg.CreateRole(fmt.Sprintf("cofre_t%d", i))
		if err != nil {
			return t, err
		}
		t.accounts = append(t.accounts, &account{fmt.Sprintf("role-%d", i), name, pass, "localhost", "PostgreSQL ALTER ROLE", t.pg.Login})
	}
	return t, t.watch(ctx)
}

// relay forwards connections to a server on loopback.
func (t *targets) relay(ctx context.Context, host, to string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, err
	}
	t.relays = append(t.relays, l)
	t.work.Add(1)
	go func() { // ends when close closes the listener
		defer t.work.Done()
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go forward(ctx, in.(*net.TCPConn), to) // ends with its connections, which end with ctx
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func forward(ctx context.Context, in *net.TCPConn, to string) {
	defer in.Close()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		return
	}
	out := c.(*net.TCPConn)
	defer out.Close()
	defer context.AfterFunc(ctx, func() { _ = in.Close(); _ = out.Close() })()
	var both sync.WaitGroup
	half := func(dst, src *net.TCPConn) {
		_, _ = io.Copy(dst, src)
		_ = dst.CloseWrite()
	}
	both.Go(func() { half(out, in) })
	both.Go(func() { half(in, out) })
	both.Wait()
}

// watch notes when the servers themselves change an account's password: the effect of an operation.
func (t *targets) watch(ctx context.Context) error {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(t.pg.AdminUser, t.pg.AdminPassword), Host: t.pg.Addr(), Path: "/postgres", RawQuery: "sslmode=disable"}
	db, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "set log_statement = 'none'"); err != nil {
		return err
	}
	t.work.Go(func() {
		last := map[string]string{}
		for pause(ctx, 10*time.Millisecond) == nil {
			now, err := verifiers(ctx, db)
			if err == nil {
				t.compare(last, now)
			}
		}
		_ = db.Close(context.WithoutCancel(ctx))
	})
	t.work.Go(func() {
		last := map[string]string{}
		var of os.FileInfo
		for pause(ctx, 4*time.Millisecond) == nil {
			s, err := os.Stat("/etc/shadow")
			if err != nil || of != nil && os.SameFile(s, of) && s.ModTime().Equal(of.ModTime()) {
				continue
			}
			of = s
			t.compare(last, shadow())
		}
	})
	return nil
}

func verifiers(ctx context.Context, db *pgx.Conn) (map[string]string, error) {
	rows, err := db.Query(ctx, "select rolname, coalesce(rolpassword, '') from pg_authid where rolname like 'cofre_t%'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	now := map[string]string{}
	for rows.Next() {
		var name, hash string
		if err := rows.Scan(&name, &hash); err != nil {
			return nil, err
		}
		now[name] = hash
	}
	return now, rows.Err()
}

func shadow() map[string]string {
	now := map[string]string{}
	f, err := os.Open("/etc/shadow")
	if err != nil {
		return now
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if p := strings.SplitN(s.Text(), ":", 3); len(p) == 3 && strings.HasPrefix(p[0], "cofre-t") {
			now[p[0]] = p[1]
		}
	}
	return now
}

func (t *targets) compare(last, now map[string]string) {
	at := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for user, hash := range now {
		if old, ok := last[user]; ok && old != hash {
			t.seen[user] = append(t.seen[user], at)
			select {
			case t.tell <- user:
			default: // nobody aims at this moment
			}
		}
		last[user] = hash
	}
}

// effect tells whether an account's password changed between two moments.
func (t *targets) effect(user string, from, to time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, at := range t.seen[user] {
		if at.After(from) && !at.After(to) {
			return true
		}
	}
	return false
}

func (t *targets) effects(user string) []time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]time.Time(nil), t.seen[user]...)
}

func (t *targets) close() error {
	t.stop()
	var errs []error
	for _, l := range t.relays {
		errs = append(errs, l.Close())
	}
	t.work.Wait()
	if t.ssh != nil {
		errs = append(errs, t.ssh.Close())
	}
	if t.pg != nil {
		errs = append(errs, t.pg.Close())
	}
	return errors.Join(errs...)
}
