package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"cofre/cmd/cofre/client"
	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/dev"
	"cofre/cmd/cofre/operator"
)

// server is the cluster under test: three processes of `cofre dev`.
type server struct {
	dir, binary string
	cmd         *exec.Cmd
	done        chan error
	ready       dev.Ready
	wire        *wire
	admin       *client.Client
	leader      string // API of the leader
	followers   []string
	tokens      map[string]string // by authorization
	keys        client.Config     // of the restricted client
	tag         string            // of the secrets that pods poll
	next        atomic.Int64
	spread      atomic.Int64
}

const (
	stored = 500 // credentials that reads go to
	device = "bench"
)

func startServer(ctx context.Context, o options, dir string) (*server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &server{dir: dir, binary: o.binary, tokens: map[string]string{}}
	if s.binary == "" {
		s.binary = filepath.Join(dir, "cofre-binary")
		build := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "cofre/cmd/cofre")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build cofre: %w: %s", err, out)
		}
	}
	ready := filepath.Join(dir, "ready.json")
	log, err := os.Create(filepath.Join(dir, "dev.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary, "dev", "--nodes", "3", "--dir", dir, "--base-port", fmt.Sprint(o.basePort), "--ready-file", ready,
		"--set", "api.requests_per_second=10000000", "--set", "api.tokens_per_second=10000000")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.done = make(chan error, 1)
	go func() { s.done <- s.cmd.Wait() }() // close takes it
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if b, err := os.ReadFile(ready); err == nil && json.Unmarshal(b, &s.ready) == nil {
			break
		}
		if time.Now().After(end) || ctx.Err() != nil {
			said, _ := os.ReadFile(log.Name())
			return s, fmt.Errorf("the cluster does not start: %s", said)
		}
	}
	pem, err := os.ReadFile(s.ready.CAFile)
	if err != nil {
		return s, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	s.wire = &wire{tls: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, idle: map[string][]*link{}}
	var urls []string
	for _, n := range s.ready.Nodes {
		urls = append(urls, n.API)
	}
	s.admin, err = client.New(client.Config{URLs: urls, ClientID: s.ready.Admin.ClientID, ClientSecret: s.ready.Admin.ClientSecret, CAFile: s.ready.CAFile})
	return s, err
}

// prepare stores what is read, and makes a client that may read credentials of one tag only.
func (s *server) prepare(ctx context.Context) error {
	post := func(path string, args, out any) error { return s.admin.Do(ctx, http.MethodPost, path, args, out) }
	if err := post("/api/v1/devices", map[string]any{"hostname": device, "ip": "192.0.2.1"}, nil); err != nil {
		return err
	}
	secret := strings.Repeat("x", 1000)
	for i := range stored {
		c := map[string]any{"identifier": fmt.Sprintf("read-%d", i), "hostname": device, "username": fmt.Sprintf("u%d", i), "secret": secret, "tags": []string{"bench"}}
		if err := post("/api/v1/credentials", c, nil); err != nil {
			return err
		}
	}
	if err := post("/api/v1/applications", map[string]any{"name": "bench"}, nil); err != nil {
		return err
	}
	var made struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	auth := map[string]any{"name": "restricted", "modules": []string{"PAM Core"}, "rights": []string{"secret.read"}, "filter": map[string]any{"tags": []string{"bench"}}}
	if err := post("/api/v1/applications/bench/authorizations", auth, &made); err != nil {
		return err
	}
	s.keys = client.Config{URLs: []string{s.ready.Nodes[0].API}, ClientID: made.ClientID, ClientSecret: made.ClientSecret, CAFile: s.ready.CAFile}
	restricted, err := client.New(s.keys)
	if err != nil {
		return err
	}
	if s.tokens["restricted"], err = restricted.Token(ctx); err != nil {
		return err
	}
	if s.tokens["all"], err = s.admin.Token(ctx); err != nil {
		return err
	}
	return s.preparePolls(ctx)
}

// find learns who leads.
func (s *server) find(ctx context.Context) error {
	leader, err := s.leads(ctx, "")
	if err != nil {
		return err
	}
	s.followers = nil
	for _, n := range s.ready.Nodes {
		if n.ID == leader {
			s.leader = n.API
		} else {
			s.followers = append(s.followers, n.API)
		}
	}
	return nil
}

// leads waits for a leader that every node but one agrees on.
func (s *server) leads(ctx context.Context, but string) (string, error) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		seen := map[string]bool{}
		for _, n := range s.ready.Nodes {
			if n.ID == but {
				continue
			}
			var st daemon.Status
			if err := operator.NewClient(filepath.Join(s.dir, n.ID+".sock")).Get(ctx, "/status", &st); err != nil {
				seen[""] = true
				break
			}
			seen[st.Leader] = true
		}
		for leader := range seen {
			if len(seen) == 1 && leader != "" && leader != but {
				return leader, nil
			}
		}
	}
	return "", errors.New("the cluster has no leader")
}

func (s *server) send(ctx context.Context, method, target, token, contentType string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	_, err = s.wire.do(ctx, req)
	return err
}

var rest = `","hostname":"` + device + `","secret":"` + strings.Repeat("y", 900) + `"}` // with the names about 1 KiB

func (s *server) writeTo(ctx context.Context, base string) error {
	n := s.next.Add(1)
	body := append(fmt.Appendf(nil, `{"identifier":"w-%d-%d","username":"w%d`, n, time.Now().UnixNano(), n), rest...)
	return s.send(ctx, http.MethodPost, base+"/api/v1/credentials", s.tokens["all"], "application/json", body)
}

func (s *server) write(ctx context.Context, _ int) error { return s.writeTo(ctx, s.leader) }

func (s *server) read(ctx context.Context, base, who string) error {
	return s.send(ctx, http.MethodGet, fmt.Sprintf("%s/api/v1/credentials/read-%d/secret", base, s.next.Add(1)%stored), s.tokens[who], "", nil)
}

func (s *server) readRestricted(ctx context.Context, _ int) error {
	return s.read(ctx, s.leader, "restricted")
}
func (s *server) readAll(ctx context.Context, _ int) error { return s.read(ctx, s.leader, "all") }

func (s *server) readSpread(ctx context.Context, c int) error {
	return s.read(ctx, s.ready.Nodes[(c+int(s.spread.Add(1)))%len(s.ready.Nodes)].API, "restricted")
}

func (s *server) readFollowers(ctx context.Context, c int) error {
	return s.read(ctx, s.followers[c%len(s.followers)], "restricted")
}

func (s *server) metadata(ctx context.Context, _ int) error {
	return s.send(ctx, http.MethodGet, fmt.Sprintf("%s/api/v1/credentials/read-%d", s.leader, s.next.Add(1)%stored), s.tokens["restricted"], "", nil)
}

func (s *server) health(ctx context.Context, _ int) error {
	return s.send(ctx, http.MethodGet, s.leader+"/health", "", "", nil)
}

func (s *server) token(ctx context.Context, _ int) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.keys.ClientID}, "client_secret": {s.keys.ClientSecret}}
	return s.send(ctx, http.MethodPost, s.leader+"/iso/oauth2/token", "", "application/x-www-form-urlencoded", []byte(form.Encode()))
}

// refresh reads the process ids anew.
func (s *server) refresh() error {
	b, err := os.ReadFile(filepath.Join(s.dir, "ready.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &s.ready)
}

func (s *server) node(id string) dev.Node {
	return s.ready.Nodes[slices.IndexFunc(s.ready.Nodes, func(n dev.Node) bool { return n.ID == id })]
}

func (s *server) restart(ctx context.Context, id string) error {
	out, err := exec.CommandContext(ctx, s.binary, "dev", "restart", id, "--dir", s.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("restart %s: %w: %s", id, err, out)
	}
	return s.refresh()
}

func (s *server) close() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-s.done:
		return err
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("cofre dev did not end"), s.cmd.Process.Kill())
	}
}
