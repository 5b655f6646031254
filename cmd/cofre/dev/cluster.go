package dev

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/operator"
)

// cluster is the running practice cluster.
type cluster struct {
	options
	out   io.Writer
	begun bool // the first node's folder was there before

	mu       sync.Mutex // guards what follows
	children map[string]*child
	info     Ready
}

type child struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func name(i int) string { return fmt.Sprintf("n%d", i+1) }

func (c *cluster) socket(i int) string  { return filepath.Join(c.dir, name(i)+".sock") }
func (c *cluster) logFile(i int) string { return filepath.Join(c.dir, name(i)+".log") }
func (c *cluster) port(i, n int) int    { return c.basePort + 3*i + n }

// launch starts a node's process; its output goes to a file.
func (c *cluster) launch(ctx context.Context, i int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(c.logFile(i), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	addr := func(n int) string { return fmt.Sprintf("127.0.0.1:%d", c.port(i, n)) }
	cmd := exec.Command(self, "server", "--node", name(i), "--dev", "true", //nolint:noctx,gosec // its own binary; its life is stop's affair: SIGTERM first
		"--data_dir", c.data(i), "--key_dir", filepath.Join(c.dir, "keys", name(i)), "--socket", c.socket(i),
		"--api.listen", addr(0), "--peer.listen", addr(1), "--gossip.listen", addr(2), "--audit.local.mode", "off")
	for _, kv := range c.set {
		cmd.Args = append(cmd.Args, "--"+kv)
	}
	cmd.Env = cleanEnv()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name(i), err)
	}
	ch := &child{cmd: cmd, done: make(chan struct{})}
	go func() { // ends with the process; stop waits for it
		defer close(ch.done)
		_ = cmd.Wait()
	}()
	c.mu.Lock()
	c.children[name(i)] = ch
	n := Node{ID: name(i), API: "https://" + addr(0), PID: cmd.Process.Pid, Dir: c.data(i)}
	if i < len(c.info.Nodes) {
		c.info.Nodes[i] = n
	} else {
		c.info.Nodes = append(c.info.Nodes, n)
	}
	c.mu.Unlock()
	return c.answers(ctx, i, ch)
}

func (c *cluster) data(i int) string { return filepath.Join(c.dir, "data", name(i)) }

// cleanEnv keeps settings of the surroundings away from the children.
func cleanEnv() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "COFRE_") && !strings.HasPrefix(e, "NOTIFY_SOCKET=") {
			env = append(env, e)
		}
	}
	return env
}

// answers waits until the node's socket answers.
func (c *cluster) answers(ctx context.Context, i int, ch *child) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		var s daemon.Status
		err := operator.NewClient(c.socket(i)).Get(ctx, "/status", &s)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ch.done:
			return fmt.Errorf("%s ended at once: see %s", name(i), c.logFile(i))
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w", name(i), err)
		}
	}
}

// serves tells why a node does not serve applications yet.
func (c *cluster) serves(ctx context.Context, i int) error {
	var s daemon.Status
	if err := operator.NewClient(c.socket(i)).Get(ctx, "/status", &s); err != nil {
		return err
	}
	if s.Sealed {
		return errors.New("its vault is sealed")
	}
	for _, m := range s.Members {
		if m.ID == name(i) && m.Role != "voter" && m.Role != "leader" {
			return errors.New("it does not vote yet")
		}
	}
	if len(s.Members) < c.nodes {
		return errors.New("it does not know every member yet")
	}
	ca, err := os.ReadFile(c.info.CAFile)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.info.Nodes[i].API+"/health", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 512))
		return fmt.Errorf("health: %s %s", res.Status, bytes.TrimSpace(b))
	}
	return nil
}

func (c *cluster) writeReady() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return writeJSON(c.ready, c.info)
}

// stop ends every child: politely, and after 10 s by force.
func (c *cluster) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range c.children {
		_ = ch.cmd.Process.Signal(syscall.SIGTERM)
	}
	limit := time.After(10 * time.Second)
	for _, ch := range c.children {
		select {
		case <-ch.done:
		case <-limit:
			_ = ch.cmd.Process.Kill()
			<-ch.done
		}
	}
	_ = os.Remove(c.ready)
}
