package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// launch starts a program in a session of its own, so that it outlives the demo; its output goes to a file, its pid to
// another. The context that it returns ends with the program, and its cause tells what the program said last.
func launch(ctx context.Context, dir, name string, stdin string, program string, args ...string) (context.Context, error) {
	path := filepath.Join(dir, name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(program, args...) // without a context: it outlives this process on purpose
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Stdin = strings.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if stdin == "" {
		cmd.Stdin = nil
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	running, ended := context.WithCancelCause(ctx)
	go func() {
		_ = cmd.Wait() // reaps it if it ends before the demo does
		ended(failure(name, path))
	}()
	return running, os.WriteFile(filepath.Join(dir, name+".pid"), fmt.Appendf(nil, "%d\n", cmd.Process.Pid), 0o600)
}

// failure is the last line of a program's log, with what to do where that is known.
func failure(name, path string) error {
	b, _ := os.ReadFile(path) // without it there is nothing to tell
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	last := lines[len(lines)-1]
	if strings.Contains(last, syscall.EADDRINUSE.Error()) {
		last += ": another practice cluster runs, or something else uses the port; end it (bin/cofre-demo --stop, in the folder where it was started) or choose others with --base-port"
	}
	return fmt.Errorf("the %s ended: %s", name, last)
}

// stopAll ends what an earlier run left running, waits for it, and names it.
func stopAll(dir string) (ended []string, err error) {
	var errs []error
	for _, name := range []string{"cluster", "ssh"} {
		b, err := os.ReadFile(filepath.Join(dir, name+".pid"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil || !ours(pid) {
			continue
		}
		_ = syscall.Kill(pid, syscall.SIGTERM)
		for i := 0; ours(pid) && i < 150; i++ {
			time.Sleep(100 * time.Millisecond)
		}
		ended = append(ended, name)
		if ours(pid) {
			errs = append(errs, fmt.Errorf("process %d (%s) does not end", pid, name))
		}
		_ = os.Remove(filepath.Join(dir, name+".pid"))
	}
	return ended, errors.Join(errs...)
}

// ours tells whether a pid is still one of our programs: pids are used again.
func ours(pid int) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	base := strings.TrimSuffix(filepath.Base(exe), " (deleted)")
	return err == nil && strings.HasPrefix(base, "cofre")
}

// readJSON waits for a file of JSON.
func readJSON(ctx context.Context, path string, v any) error {
	for {
		b, err := os.ReadFile(path)
		if err == nil && json.Unmarshal(b, v) == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", path, context.Cause(ctx))
		}
	}
}
