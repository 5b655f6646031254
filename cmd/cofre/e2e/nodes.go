package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/operator"
)

// Setup says how the processes of Nodes are started.
type Setup struct {
	Binary string   // default: built once for all tests
	Args   []string // more flags of `cofre server`
	Env    []string // more of the environment
}

// most is how many nodes a cluster may have in its life.
const most = 64

// Nodes is a cluster of `cofre server` processes which the test starts, stops and breaks one by one. It is a real
// cluster, not one of practice, with the short leases of practice.
type Nodes struct {
	t     *testing.T
	setup Setup
	dir   string
	base  int // first of its ports
	list  []*Node
	api   *API // made when the cluster is founded

	ca       string
	recovery []string // shares
}

// Node is one of them; its folder may be copied and changed while it does not run.
type Node struct {
	ID   string
	Data string
	bin  string // what it runs; default: what the others do
	all  *Nodes
	port int
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended; exit is set then
	exit error
}

// StartNodes founds a cluster of n nodes and waits until all of them vote and are open.
func StartNodes(t *testing.T, n int, s Setup) *Nodes {
	t.Helper()
	c := &Nodes{t: t, setup: s, base: freePorts(t, 3*most)}
	var err error
	if c.setup.Binary == "" {
		if c.setup.Binary, err = binary(); err != nil {
			t.Fatal(err)
		}
	}
	if c.dir, err = os.MkdirTemp("", "cf"); err != nil { // short: unix sockets have short paths
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	for range n {
		c.Add().Start()
	}
	c.found()
	for _, o := range c.list[1:] {
		c.Join(o)
	}
	c.Healthy(n)
	return c
}

// Add makes a node that does not run yet.
func (c *Nodes) Add() *Node {
	c.t.Helper()
	id := fmt.Sprintf("n%d", len(c.list)+1)
	n := &Node{ID: id, Data: filepath.Join(c.dir, id, "data"), all: c, port: c.base + 3*len(c.list)}
	if err := os.MkdirAll(n.Data, 0o700); err != nil {
		c.t.Fatal(err)
	}
	c.list = append(c.list, n)
	return n
}

func (n *Node) socket() string  { return filepath.Join(n.all.dir, n.ID+".sock") }
func (n *Node) logFile() string { return filepath.Join(n.all.dir, n.ID, "log") }
func (n *Node) url() string     { return fmt.Sprintf("https://127.0.0.1:%d", n.port) }

// Launch starts the process and does not wait for it.
func (n *Node) Launch() {
	n.all.t.Helper()
	log, err := os.OpenFile(n.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.all.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", n.port+i) }
	args := []string{"server", "--node", n.ID, "--data_dir", n.Data, "--key_dir", filepath.Join(n.all.dir, n.ID, "keys"), "--socket", n.socket(),
		"--api.listen", at(0), "--peer.listen", at(1), "--gossip.listen", at(2), "--audit.local.mode", "off",
		"--api.requests_per_second", "100000", "--api.tokens_per_second", "10000"}
	n.cmd = exec.Command(cmp.Or(n.bin, n.all.setup.Binary), append(args, n.all.setup.Args...)...)
	n.cmd.Env = append(cleanEnv(), n.all.setup.Env...)
	n.cmd.Stdout, n.cmd.Stderr = log, log
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		n.all.t.Fatal(err)
	}
	n.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { // ends with the process; close waits for it
		n.exit = cmd.Wait()
		close(done)
	}(n.cmd, n.done)
}

// cleanEnv keeps settings of the surroundings away from the processes.
func cleanEnv() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "COFRE_") && !strings.HasPrefix(e, "NOTIFY_SOCKET=") {
			env = append(env, e)
		}
	}
	return env
}

// Start starts the process and waits until its socket answers.
func (n *Node) Start() {
	n.all.t.Helper()
	n.Launch()
	Eventually(n.all.t, 30*time.Second, n.ID+" answers at its socket", func() error {
		if !n.Runs() {
			n.all.t.Fatalf("%s ended: %v", n.ID, n.exit)
		}
		_, err := n.Status()
		return err
	})
}

// Runs tells whether the process lives.
func (n *Node) Runs() bool {
	if n.done == nil {
		return false
	}
	select {
	case <-n.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal to the process.
func (n *Node) Signal(sig syscall.Signal) {
	n.all.t.Helper()
	if err := n.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		n.all.t.Fatalf("%s to %s: %v", sig, n.ID, err)
	}
}

// Others sends a signal to all nodes besides one.
func (c *Nodes) Others(besides *Node, sig syscall.Signal) {
	c.t.Helper()
	for _, n := range c.list {
		if n != besides {
			n.Signal(sig)
		}
	}
}

// Kill ends the process with SIGKILL.
func (n *Node) Kill() {
	if n.Runs() {
		_ = n.cmd.Process.Kill() // it may end just now
		<-n.done
	}
}

// Stop ends the process in order.
func (n *Node) Stop() {
	n.all.t.Helper()
	n.Signal(syscall.SIGTERM)
	select {
	case <-n.done:
	case <-time.After(20 * time.Second):
		n.Kill()
		n.all.t.Errorf("%s did not end on SIGTERM", n.ID)
	}
}

// Status asks the node's socket.
func (n *Node) Status() (daemon.Status, error) {
	ctx, cancel := context.WithTimeout(n.all.t.Context(), 3*time.Second)
	defer cancel()
	var s daemon.Status
	err := operator.NewClient(n.socket()).Get(ctx, "/status", &s)
	return s, err
}

// Operate calls the node's socket.
func (n *Node) Operate(path string, args, out any) error {
	return operator.NewClient(n.socket()).Post(n.all.t.Context(), path, args, out)
}

// Log reads what the process wrote.
func (n *Node) Log() string {
	b, _ := os.ReadFile(n.logFile()) // nothing yet
	return string(b)
}

func (c *Nodes) found() {
	c.t.Helper()
	var a struct {
		CA           string `json:"ca"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`

		Recovery []string `json:"recovery_shares"`
	}
	args := map[string]any{"shares": 5, "threshold": 3, "recovery_shares": 5, "recovery_threshold": 3, "fast_leases": true}
	if err := c.list[0].Operate("/init", args, &a); err != nil {
		c.t.Fatalf("found the cluster: %v", err)
	}
	c.ca, c.recovery = a.CA, a.Recovery
	c.api = newAPI(c.t, []byte(a.CA), Keys{a.ClientID, a.ClientSecret})
}

// Join lets a running node enter the cluster, approved beforehand.
func (c *Nodes) Join(n *Node) {
	c.t.Helper()
	var key struct{ Fingerprint string }
	var t struct{ Token string }
	err := n.Operate("/node-key", struct{}{}, &key)
	if err == nil {
		err = c.Running(n).Operate("/token", map[string]any{"name": n.ID, "node_key": key.Fingerprint, "ttl_seconds": 60}, &t)
	}
	if err == nil {
		err = n.Operate("/join", map[string]string{"text": t.Token}, nil)
	}
	if err != nil {
		c.t.Fatalf("join %s: %v", n.ID, err)
	}
}

// Running finds a node that runs, besides some.
func (c *Nodes) Running(besides ...*Node) *Node {
	c.t.Helper()
next:
	for _, n := range c.list {
		for _, b := range besides {
			if n == b {
				continue next
			}
		}
		if n.Runs() {
			return n
		}
	}
	c.t.Fatal("no other node runs")
	return nil
}

// Leader waits for a leader that a node besides some knows.
func (c *Nodes) Leader(besides ...*Node) *Node {
	c.t.Helper()
	var leader *Node
	Eventually(c.t, 20*time.Second, "there is a leader", func() error {
		s, err := c.Running(besides...).Status()
		if err != nil {
			return err
		}
		for _, n := range c.list {
			if n.ID == s.Leader && n.Runs() {
				leader = n
				return nil
			}
		}
		return errors.New("none yet")
	})
	return leader
}

// Healthy waits until the running nodes agree that n voters are open and well.
func (c *Nodes) Healthy(n int) {
	c.t.Helper()
	Eventually(c.t, 60*time.Second, fmt.Sprintf("%d nodes are healthy", n), func() error {
		for _, o := range c.list {
			if !o.Runs() {
				continue
			}
			s, err := o.Status()
			if err != nil {
				return err
			}
			well := 0
			for _, m := range s.Members {
				if m.Health == "ok" && !m.Sealed && (m.Role == "voter" || m.Role == "leader") {
					well++
				}
			}
			if well != n || s.Sealed || s.Leader == "" {
				return fmt.Errorf("%s sees %d of %d: %s", o.ID, well, n, s.Headline)
			}
		}
		return nil
	})
}

func (c *Nodes) close() {
	for _, n := range c.list {
		if n.Runs() {
			_ = n.cmd.Process.Signal(syscall.SIGCONT) // it may be paused
			n.Kill()
		}
		if c.t.Failed() {
			var lines []string
			for l := range strings.Lines(n.Log()) {
				if !strings.Contains(l, "msg=request") {
					lines = append(lines, l)
				}
			}
			c.t.Logf("log of %s:\n%s", n.ID, strings.Join(lines[max(0, len(lines)-30):], ""))
		}
	}
	_ = os.RemoveAll(c.dir)
}
