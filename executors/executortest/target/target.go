// Package target starts real servers on loopback for tests, the crash matrix and the demonstration: OpenSSH with real
// accounts, PostgreSQL, MariaDB and OpenLDAP.
//
// Each server lives in its own directory on a free port and is stopped by its process id. A missing binary is an
// error that names the command which installs it; nothing is ever skipped. Only tests and their tools may call it.
package target

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
	"unicode/utf16"
)

// startLimit is how long a server may take until it answers.
const startLimit = 30 * time.Second

// find locates a binary by name or pattern, or says how to install it.
func find(pkg string, candidates ...string) (string, error) {
	for _, c := range candidates {
		if paths, err := filepath.Glob(c); err == nil && len(paths) > 0 {
			return paths[len(paths)-1], nil
		}
		if path, err := exec.LookPath(c); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing; install it with: apt-get install -y --no-install-recommends %s", filepath.Base(candidates[0]), pkg)
}

// freePort finds a port that nobody listens on at this moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// address is the loopback address of a port.
func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// random returns text of n random bytes that is unique enough for names and good enough for test passwords.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// password makes a password that every usual policy takes.
func password() string { return "Aa1-" + random(8) + "-Zz9" }

// process is a running server.
type process struct {
	cmd  *exec.Cmd
	done chan error // one value when it has ended
	log  string
}

func start(cmd *exec.Cmd, log string) (*process, error) {
	f, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &process{cmd: cmd, done: make(chan error, 1), log: log}
	go func() { p.done <- cmd.Wait() }()
	return p, nil
}

// ready waits until the server answers, and fails at once when it ends.
func (p *process) ready(probe func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case end := <-p.done:
			p.done <- end
			said, _ := os.ReadFile(p.log)
			return fmt.Errorf("%s ended: %v\n%s", p.cmd.Path, end, said) //nolint:errorlint // end may be nil, and nobody branches on it
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s does not answer", p.cmd.Path), err, p.stop(syscall.SIGKILL))
		case <-tick.C:
		}
	}
}

// stop ends the server by a signal and waits; it is killed if it takes too long.
func (p *process) stop(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case end := <-p.done:
		p.done <- end // it may be stopped again
	case <-time.After(10 * time.Second):
		if err := p.cmd.Process.Kill(); err != nil {
			return err
		}
		<-p.done
	}
	return nil
}

// run executes a tool and reports what it said when it fails.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, out)
	}
	return nil
}

// utf16le is text in the encoding of Windows.
func utf16le(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}
