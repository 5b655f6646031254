package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"cofre/cmd/cofre/client"
	"cofre/cmd/cofre/dev"
)

const (
	account     = "maria"
	oldPassword = "Old-Practice-1"
	changeTime  = 3 * time.Second // how slowly the practice server changes a password: time to kill the leader in
)

// story is one run of the demonstration.
type story struct {
	options
	start time.Time
	ready dev.Ready
	api   *client.Client
	ssh   struct {
		Addr    string `json:"addr"`
		HostKey string `json:"host_key"`
	}
}

func demo(ctx context.Context, o options) (err error) {
	if _, err := stopAll(o.dir); err != nil {
		return err
	}
	if err := os.RemoveAll(o.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	s := &story{options: o, start: time.Now()}
	if o.exit {
		defer func() {
			if _, e := stopAll(o.dir); err == nil {
				err = e
			}
			if err == nil {
				err = os.RemoveAll(o.dir)
			}
		}()
	}
	for _, step := range []func(context.Context) error{s.cluster, s.server, s.register, s.change, s.prove, s.trail} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("%w (logs are in %s)", err, o.dir)
		}
	}
	if !o.exit {
		s.goOn()
	}
	return nil
}

func (s *story) say(format string, a ...any) {
	fmt.Printf("%6.1fs  %s\n", time.Since(s.start).Seconds(), fmt.Sprintf(format, a...))
}

func (s *story) cluster(ctx context.Context) error {
	s.say("starting three nodes: real processes, each with its own encrypted data")
	ready := filepath.Join(s.dir, "ready.json")
	running, err := launch(ctx, s.dir, "cluster", "", s.cofre, "dev", "--nodes", "3", "--dir", filepath.Join(s.dir, "cluster"), "--base-port", strconv.Itoa(s.basePort), "--ready-file", ready)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(running, 60*time.Second)
	defer cancel()
	if err := readJSON(ctx, ready, &s.ready); err != nil {
		return err
	}
	var urls []string
	for _, n := range s.ready.Nodes {
		urls = append(urls, n.API)
	}
	s.api, err = client.New(client.Config{URLs: urls, ClientID: s.ready.Admin.ClientID, ClientSecret: s.ready.Admin.ClientSecret, CAFile: s.ready.CAFile})
	if err == nil {
		s.say("the cluster is founded, its vault is open, and all three nodes vote and answer: %s", strings.Join(urls, "  "))
	}
	return err
}

func (s *story) server(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	info := filepath.Join(s.dir, "ssh.json")
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.basePort+9))
	running, err := launch(ctx, s.dir, "ssh", account+" "+oldPassword+"\n", self, "ssh", "--listen", addr, "--info", info, "--slow", changeTime.String())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(running, 10*time.Second)
	defer cancel()
	if err := readJSON(ctx, info, &s.ssh); err != nil {
		return err
	}
	s.say("a practice SSH server listens on %s with the account %s; it takes %s to change a password", s.ssh.Addr, account, changeTime)
	return nil
}

func (s *story) register(ctx context.Context) error {
	_, port, err := net.SplitHostPort(s.ssh.Addr)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	device := map[string]any{"hostname": "practice", "ip": "127.0.0.1", "connectivities": []map[string]any{{"protocol": "SSH", "port": n}}}
	if err := s.api.Do(ctx, http.MethodPost, "/api/v1/devices", device, nil); err != nil {
		return err
	}
	trust := map[string]any{"keys": []map[string]string{{"key": s.ssh.HostKey}}}
	if err := s.api.Do(ctx, http.MethodPost, "/api/v1/devices/practice/trust", trust, nil); err != nil {
		return err
	}
	s.say("device registered, its SSH host key pinned: an unknown key would end an operation before it logs in")
	credential := map[string]any{"identifier": "practice-" + account, "hostname": "practice", "username": account, "secret": oldPassword,
		"execution": map[string]any{"template": "Linux passwd"}}
	if err := s.api.Do(ctx, http.MethodPost, "/api/v1/credentials", credential, nil); err != nil {
		return err
	}
	s.say("credential %s registered with its present password; template: Linux passwd", "practice-"+account)
	return nil
}

// operation is what the demo reads of one.
type operation struct {
	Number  uint64 `json:"number"`
	State   string `json:"state"`
	Final   bool   `json:"final"`
	Message string `json:"message"`
	Node    string `json:"node"`
	History []struct {
		At    string `json:"at"`
		To    string `json:"to"`
		Event string `json:"event"`
		Node  string `json:"node"`
	} `json:"history"`
}

func (s *story) change(ctx context.Context) error {
	var o operation
	if err := s.api.Do(ctx, http.MethodPost, "/api/v1/operations", map[string]string{"credential": "practice-" + account, "kind": "change"}, &o); err != nil {
		return err
	}
	s.say("operation %d: change the password", o.Number)
	path := fmt.Sprintf("/api/v1/operations/%d", o.Number)
	for o.State != "running" {
		if o.Final {
			return fmt.Errorf("the operation ended as %s: %s", o.State, o.Message)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		if err := s.api.Do(ctx, http.MethodGet, path, nil, &o); err != nil {
			return err
		}
	}
	s.say("node %s runs it; the new password was committed to a majority before the first byte went out", o.Node)
	if err := pause(ctx, changeTime/3); err != nil {
		return err
	}
	leader, pid, err := s.leader(ctx)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the leader: %w", err)
	}
	killed := time.Now()
	s.say("killed the leader %s (pid %d) in the middle of the change, with SIGKILL", leader, pid)
	told := len(o.History)
	for !o.Final {
		if err := s.api.Do(ctx, http.MethodGet, path, nil, &o); err != nil {
			if ctx.Err() != nil {
				return err
			}
		}
		for _, h := range o.History[min(told, len(o.History)):] {
			by := ""
			if h.Node != "" {
				by = " (" + h.Node + ")"
			}
			s.say("  operation %d: %s -> %s%s", o.Number, h.Event, h.To, by)
		}
		told = max(told, len(o.History))
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	if o.State != "succeeded" {
		return fmt.Errorf("the operation ended as %s: %s", o.State, o.Message)
	}
	s.say("operation %d succeeded, %.1f s after the leader died", o.Number, time.Since(killed).Seconds())
	return nil
}

func (s *story) leader(ctx context.Context) (string, int, error) {
	var h struct {
		Leader string `json:"leader"`
	}
	if err := s.api.Do(ctx, http.MethodGet, "/health", nil, &h); err != nil {
		return "", 0, err
	}
	for _, n := range s.ready.Nodes {
		if n.ID == h.Leader {
			return n.ID, n.PID, nil
		}
	}
	return "", 0, fmt.Errorf("no node leads")
}

func (s *story) prove(ctx context.Context) error {
	var answer struct {
		Secret  string `json:"secret"`
		Version uint64 `json:"version"`
	}
	if err := s.api.Do(ctx, http.MethodGet, "/api/v1/credentials/practice-"+account+"/secret", nil, &answer); err != nil {
		return err
	}
	in, err := login(s.ssh.Addr, s.ssh.HostKey, account, answer.Secret)
	if err != nil {
		return err
	}
	old, err := login(s.ssh.Addr, s.ssh.HostKey, account, oldPassword)
	if err != nil {
		return err
	}
	if !in || old {
		return fmt.Errorf("the new password logs in: %t, the old one: %t", in, old)
	}
	s.say("logged in at the SSH server with the password that the vault hands out (version %d); the old one is refused", answer.Version)
	return nil
}

// trail shows what the audit trail says of the account and its change: the last events, behind those of the founding.
func (s *story) trail(ctx context.Context) error {
	type event struct {
		Seq   uint64 `json:"seq"`
		Node  string `json:"node"`
		Kind  string `json:"kind"`
		Title string `json:"title"`
	}
	var about []event
	for after, more := uint64(0), true; more; {
		var page struct{ Items []event }
		if err := s.api.Do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/audit?limit=100&after=%d", after), nil, &page); err != nil {
			return err
		}
		for _, e := range page.Items {
			after = e.Seq
			if noun, _, _ := strings.Cut(e.Kind, "."); noun == "device" || noun == "credential" || noun == "operation" {
				about = append(about, e)
			}
		}
		more = len(page.Items) > 0
	}
	if !slices.ContainsFunc(about, func(e event) bool { return e.Kind == "operation.finished" }) {
		return errors.New("the audit trail does not tell the end of the change")
	}
	s.say("the audit trail of it, hash-chained, on every node:")
	for _, e := range about {
		fmt.Printf("         %4d  %-3s %-22s %s\n", e.Seq, e.Node, e.Kind, e.Title)
	}
	return nil
}

func (s *story) goOn() {
	rel := func(p string) string {
		wd, err := os.Getwd()
		if err != nil {
			return p
		}
		if r, err := filepath.Rel(wd, p); err == nil {
			return r
		}
		return p
	}
	ready, cluster := rel(filepath.Join(s.dir, "ready.json")), rel(filepath.Join(s.dir, "cluster"))
	fmt.Printf(`
The cluster goes on running (one node is down: the next failure would stop it). Try:

  %[1]s status --socket %[3]s/n2.sock                        # DEGRADED: 2 of 3
  %[1]s dev restart n1 --dir %[3]s                           # bring the killed node back (n1, n2 or n3)
  %[1]s credential list --ready %[2]s
  %[1]s operation request practice-%[4]s --wait --ready %[2]s
  %[1]s operation list --ready %[2]s
  %[1]s audit list --ready %[2]s
  bin/cofre-demo --stop                                           # end everything

Addresses: %[5]s; the CA is %[6]s.
`, s.cofre, ready, cluster, account, strings.Join(urls(s.ready), " "), rel(s.ready.CAFile))
}

func urls(r dev.Ready) []string {
	var u []string
	for _, n := range r.Nodes {
		u = append(u, n.API)
	}
	return u
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
