package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/operator"
)

// node is one `cofre server` in its namespace.
type node struct {
	id     string
	i      int
	net    *network
	binary string
	dir    string // data, keys, log
	data   string
	mount  string // "" unless its data lie on a small disk of their own
	socket string
	extra  []string // further flags

	mu   sync.Mutex // guards the fields below
	cmd  *exec.Cmd
	done chan struct{}
}

// smallDisk is the size of the disk that fills up: above the 1 GiB that a node wants free.
const smallDisk = 3 << 30

func (m *matrix) startNodes(ctx context.Context) error {
	binary := m.binary
	if binary == "" || m.plant != "" {
		binary = filepath.Join(m.dir, "cofre")
		args := []string{"build", "-o", binary}
		if m.plant != "" {
			args = append(args, "-tags", "nomsgpack,cofre_planted", "-ldflags", fmt.Sprintf("-X 'cofre/cmd/cofre/daemon.plant=%s' -X 'cofre/cluster/siem.plant=%s'", m.plant, m.plant))
		}
		build := exec.CommandContext(ctx, "go", append(args, "cofre/cmd/cofre")...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build cofre: %w: %s", err, out)
		}
	}
	for i := range size {
		id := fmt.Sprintf("n%d", i+1)
		n := &node{id: id, i: i, net: m.net, binary: binary, dir: filepath.Join(m.dir, id), socket: filepath.Join(m.dir, id+".sock")}
		n.data = filepath.Join(n.dir, "data")
		if m.receiver != nil {
			n.extra = []string{"--config", m.receiver.path("cofre.yaml")}
		} else {
			n.extra = []string{"--audit.local.mode", "off"}
		}
		if err := os.MkdirAll(n.data, 0o700); err != nil {
			return err
		}
		m.nodes = append(m.nodes, n)
		if i == size-1 {
			if err := n.disk(); err != nil {
				return err
			}
		}
		if err := n.start(); err != nil {
			return err
		}
	}
	for _, n := range m.nodes {
		if err := until(ctx, 30*time.Second, n.id+" answers at its socket", func() error { _, err := n.status(ctx); return err }); err != nil {
			return err
		}
	}
	return nil
}

// disk puts the node's data on a file system of its own, in a sparse file.
func (n *node) disk() error {
	image := filepath.Join(n.dir, "disk.img")
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(smallDisk), f.Close())
	}
	if err == nil {
		err = tool("mkfs.ext4", "-q", "-m", "0", image)
	}
	mount := filepath.Join(n.dir, "disk")
	if err == nil {
		err = os.Mkdir(mount, 0o700)
	}
	if err == nil {
		err = tool("mount", "-o", "loop", image, mount)
	}
	if err != nil {
		return err
	}
	n.mount, n.data = mount, filepath.Join(mount, "data")
	return os.Mkdir(n.data, 0o700)
}

// fill takes all free space of the node's disk; free gives it back.
func (n *node) fill() error {
	var s unix.Statfs_t
	if err := unix.Statfs(n.mount, &s); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(n.mount, "ballast"))
	if err != nil {
		return err
	}
	defer f.Close()
	for want := int64(s.Bavail) * s.Bsize; want > 4096; { // smaller and smaller, until nothing fits
		if err := unix.Fallocate(int(f.Fd()), 0, 0, want); err == nil {
			return nil
		}
		want -= 1 << 20
	}
	return errors.New("the disk cannot be filled")
}

func (n *node) free() error { return os.Remove(filepath.Join(n.mount, "ballast")) }

func (n *node) start() error {
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	at := func(port int) string { return fmt.Sprintf("%s:%d", n.net.addr(n.i), port) }
	args := append([]string{"netns", "exec", n.net.space(n.i), n.binary, "server", "--node", n.id,
		"--data_dir", n.data, "--key_dir", filepath.Join(n.dir, "keys"), "--socket", n.socket, "--slots", "10",
		"--api.listen", at(8443), "--peer.listen", at(8444), "--gossip.listen", at(8445),
		"--api.requests_per_second", "100000", "--api.tokens_per_second", "10000"}, n.extra...)
	cmd := exec.Command("ip", args...) // ip becomes the server: same process id
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a ^C is for us, not for it
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.id, err)
	}
	done := make(chan struct{})
	go func() { // ends with the process; close waits for it
		defer close(done)
		_ = cmd.Wait()
	}()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cmd, n.done = cmd, done
	return nil
}

func (n *node) signal(sig syscall.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s to %s: %w", sig, n.id, err)
	}
	return nil
}

func (n *node) pid() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cmd.Process.Pid
}

func (n *node) running() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.done:
		return false
	default:
		return true
	}
}

func (n *node) wait() {
	n.mu.Lock()
	done := n.done
	n.mu.Unlock()
	<-done
}

func (n *node) kill() error {
	err := n.signal(syscall.SIGKILL)
	if err == nil {
		n.wait()
	}
	return err
}

// stop ends the node in good order, in the time that its unit gives it (TimeoutStopSec).
func (n *node) stop() error {
	if err := n.signal(syscall.SIGTERM); err != nil {
		return err
	}
	n.mu.Lock()
	done := n.done
	n.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("%s runs on after SIGTERM", n.id)
	}
}

// seal closes the node's vault; unseal opens it again, whatever happened to the node meanwhile.
func (n *node) seal(ctx context.Context) error {
	return operator.NewClient(n.socket).Post(ctx, "/seal", struct{}{}, nil)
}

func (n *node) unseal(ctx context.Context) error {
	return until(ctx, 30*time.Second, n.id+" opens its vault", func() error {
		var a struct{ Sealed bool }
		err := operator.NewClient(n.socket).Post(ctx, "/unseal", struct{}{}, &a)
		if err == nil && a.Sealed {
			err = errors.New("it is still sealed")
		}
		return err
	})
}

// revive starts the node if it does not run, and waits until it answers.
func (n *node) revive(ctx context.Context) error {
	if !n.running() {
		if err := n.start(); err != nil {
			return err
		}
	}
	return until(ctx, 30*time.Second, n.id+" answers again at its socket", func() error {
		if !n.running() {
			if err := n.start(); err != nil {
				return err
			}
		}
		_, err := n.status(ctx)
		return err
	})
}

func (n *node) status(ctx context.Context) (daemon.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var s daemon.Status
	err := operator.NewClient(n.socket).Get(ctx, "/status", &s)
	return s, err
}

func (n *node) close() error {
	var errs []error
	if n.cmd != nil && n.running() {
		errs = append(errs, n.signal(syscall.SIGCONT), n.kill())
	}
	if n.mount != "" {
		errs = append(errs, tool("umount", n.mount))
	}
	return errors.Join(errs...)
}

// until repeats until there is no error or the time is over.
func until(ctx context.Context, limit time.Duration, what string, ok func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ok()
		if err == nil {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
