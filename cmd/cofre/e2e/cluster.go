// Package e2e tests whole clusters: three real processes of the built binary, real SSH and PostgreSQL servers, the real
// API. Its helpers are used by no other package.
package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cofre/cmd/cofre/client"
	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/dev"
	"cofre/cmd/cofre/operator"
)

// binary builds cofre once per test run.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cofre-e2e")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cofre")
	out, err := exec.Command("go", "build", "-o", path, "cofre/cmd/cofre").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build cofre: %w\n%s", err, out)
	}
	return path, nil
})

// Cluster is a practice cluster of three nodes.
type Cluster struct {
	t     *testing.T
	dir   string
	ready dev.Ready
	API   *client.Client // any node
}

// Start runs `cofre dev` in a folder of its own until the test ends; set are settings of its nodes.
func Start(t *testing.T, set ...string) *Cluster {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cf") // short: unix sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{t: t, dir: dir}
	ready := filepath.Join(dir, "ready.json")
	cmd := exec.Command(bin, "dev", "--nodes", "3", "--dir", dir, "--base-port", fmt.Sprint(freePorts(t, 9)), "--ready-file", ready)
	log, err := os.Create(filepath.Join(dir, "dev.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	for _, s := range set {
		cmd.Args = append(cmd.Args, "--set", s)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("cofre dev ended with %v", err)
			}
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			t.Error("cofre dev did not end on SIGTERM")
		}
		_ = log.Close()
		if t.Failed() {
			c.showLogs()
		}
		_ = os.RemoveAll(dir)
	})
	Eventually(t, time.Minute, "the cluster is ready", func() error {
		select {
		case err := <-done:
			done <- err
			b, _ := os.ReadFile(log.Name())
			t.Fatalf("cofre dev ended: %v\n%s", err, b)
		default:
		}
		b, err := os.ReadFile(ready)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, &c.ready)
	})
	c.API = c.client(c.ready.Admin.ClientID, c.ready.Admin.ClientSecret)
	return c
}

func (c *Cluster) showLogs() {
	for _, n := range c.ready.Nodes {
		b, _ := os.ReadFile(filepath.Join(c.dir, n.ID+".log"))
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		c.t.Logf("log of %s:\n%s", n.ID, strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
}

// handed counts the blocks of ports that were looked at.
var handed struct {
	sync.Mutex // guards tries
	tries      int
}

// freePorts finds a block of free loopback ports below the ephemeral range.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	handed.Lock()
	defer handed.Unlock()
	for ; handed.tries < 370; handed.tries++ {
		base := 11000 + (os.Getpid()*37+handed.tries*53)%20000
		free := true
		for i := range n {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+i))
			if err != nil {
				free = false
				break
			}
			_ = l.Close()
		}
		if free {
			handed.tries++ // tests run side by side: nobody else gets these
			return base
		}
	}
	t.Fatal("no free ports")
	return 0
}

// client makes an API client with keys; nodes limits it to some of them.
func (c *Cluster) client(id, secret string, nodes ...string) *client.Client {
	c.t.Helper()
	var urls []string
	for _, n := range c.ready.Nodes {
		if len(nodes) == 0 || contains(nodes, n.ID) {
			urls = append(urls, n.API)
		}
	}
	cl, err := client.New(client.Config{URLs: urls, ClientID: id, ClientSecret: secret, CAFile: c.ready.CAFile})
	if err != nil {
		c.t.Fatal(err)
	}
	return cl
}

// At is the administrator's client of one node only.
func (c *Cluster) At(node string) *client.Client {
	return c.client(c.ready.Admin.ClientID, c.ready.Admin.ClientSecret, node)
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// Must sends a request that has to succeed.
func (c *Cluster) Must(method, path string, args, out any) {
	c.t.Helper()
	if err := c.API.Do(c.t.Context(), method, path, args, out); err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// Status asks a node's socket.
func (c *Cluster) Status(node string) (daemon.Status, error) {
	var s daemon.Status
	err := operator.NewClient(filepath.Join(c.dir, node+".sock")).Get(c.t.Context(), "/status", &s)
	return s, err
}

// Operate calls a node's socket.
func (c *Cluster) Operate(node, path string, args, out any) error {
	return operator.NewClient(filepath.Join(c.dir, node+".sock")).Post(c.t.Context(), path, args, out)
}

// Leader waits until the nodes besides some agree on a leader.
func (c *Cluster) Leader(besides ...string) string {
	c.t.Helper()
	var leader string
	Eventually(c.t, 20*time.Second, "there is a leader", func() error {
		for _, n := range c.ready.Nodes {
			if contains(besides, n.ID) {
				continue
			}
			s, err := c.Status(n.ID)
			if err != nil {
				return err
			}
			if s.Leader == "" || contains(besides, s.Leader) {
				return errors.New("none yet")
			}
			leader = s.Leader
		}
		return nil
	})
	return leader
}

func (c *Cluster) node(id string) dev.Node {
	b, err := os.ReadFile(filepath.Join(c.dir, "ready.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	if err := json.Unmarshal(b, &c.ready); err != nil {
		c.t.Fatal(err)
	}
	for _, n := range c.ready.Nodes {
		if n.ID == id {
			return n
		}
	}
	c.t.Fatalf("there is no node %s", id)
	return dev.Node{}
}

// Signal sends a signal to a node's process.
func (c *Cluster) Signal(id string, sig syscall.Signal) {
	c.t.Helper()
	if err := syscall.Kill(c.node(id).PID, sig); err != nil {
		c.t.Fatalf("%s to %s: %v", sig, id, err)
	}
}

// Restart runs `cofre dev restart`.
func (c *Cluster) Restart(id string) {
	c.t.Helper()
	bin, err := binary()
	if err != nil {
		c.t.Fatal(err)
	}
	if out, err := exec.Command(bin, "dev", "restart", id, "--dir", c.dir).CombinedOutput(); err != nil {
		c.t.Fatalf("restart %s: %v\n%s", id, err, out)
	}
	c.node(id)
}

// Healthy waits until every node votes, is open and hears the leader.
func (c *Cluster) Healthy() {
	c.t.Helper()
	Eventually(c.t, 30*time.Second, "all three nodes are healthy", func() error {
		s, err := c.Status(c.ready.Nodes[0].ID)
		if err != nil {
			return err
		}
		if s.Tolerance != 1 {
			return errors.New(s.Headline)
		}
		for _, m := range s.Members {
			if m.Sealed {
				return fmt.Errorf("%s is sealed", m.ID)
			}
		}
		return nil
	})
}

// Eventually repeats until there is no error or the time is over.
func Eventually(t *testing.T, limit time.Duration, what string, ok func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// Operation is what the tests read of one.
type Operation struct {
	Number  uint64 `json:"number"`
	State   string `json:"state"`
	Final   bool   `json:"final"`
	Message string `json:"message"`
	Node    string `json:"node"`
	History []struct{ Event, To, Node string }
}

// Change requests a change and waits for its end.
func (c *Cluster) Change(credential string) Operation {
	c.t.Helper()
	var o Operation
	c.Must(http.MethodPost, "/api/v1/operations", map[string]string{"credential": credential, "kind": "change"}, &o)
	return c.Await(o.Number)
}

// Await waits for the end of an operation.
func (c *Cluster) Await(number uint64) Operation {
	c.t.Helper()
	var o Operation
	Eventually(c.t, 90*time.Second, fmt.Sprintf("operation %d ends", number), func() error {
		if err := c.API.Do(c.t.Context(), http.MethodGet, fmt.Sprintf("/api/v1/operations/%d?wait=5s", number), nil, &o); err != nil {
			return err
		}
		if !o.Final {
			return fmt.Errorf("it is %s: %s", o.State, o.Message)
		}
		return nil
	})
	return o
}

// Secret reads a credential's secret.
func (c *Cluster) Secret(credential string) string {
	c.t.Helper()
	var a struct{ Secret string }
	c.Must(http.MethodGet, "/api/v1/credentials/"+credential+"/secret", nil, &a)
	return a.Secret
}
