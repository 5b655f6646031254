package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDevCutOff: a practice cluster that is killed while it is founded comes up the next time, or says which folder to remove, and does
// after that. The control: one that is killed when it is ready comes up.
func TestDevCutOff(t *testing.T) {
	t.Parallel()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for name, sign := range map[string]string{"founding": "data/n1/raft", "its keys are there": "admin.json", "control: ready": "ready.json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			above, err := os.MkdirTemp("", "cf") // short: unix sockets have short paths
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(above) })
			dir, port := filepath.Join(above, "d"), freePorts(t, 9)
			// until runs it until a file is there, or it ends, and ends it with a signal.
			until := func(file string, sig syscall.Signal) string {
				t.Helper()
				_ = os.Remove(filepath.Join(dir, "ready.json")) // a killed one leaves it
				var out bytes.Buffer
				cmd := exec.Command(bin, "dev", "--nodes", "3", "--dir", dir, "--base-port", fmt.Sprint(port))
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan struct{})
				go func() { _ = cmd.Wait(); close(ended) }()
				limit := time.After(time.Minute)
				for there := false; !there; {
					select {
					case <-ended:
						return out.String()
					case <-limit:
						there = true
					case <-time.After(time.Millisecond):
						_, err := os.Stat(filepath.Join(dir, file))
						there = err == nil
					}
				}
				_ = cmd.Process.Signal(sig)
				<-ended
				return out.String()
			}
			until(sign, syscall.SIGKILL)
			Eventually(t, 30*time.Second, "its nodes have ended", func() error { // they hear of it by a signal
				locks, _ := filepath.Glob(filepath.Join(dir, "data", "*", "lock"))
				for _, l := range locks {
					f, err := os.Open(l)
					if err != nil {
						return err
					}
					err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
					if _ = f.Close(); err != nil {
						return fmt.Errorf("%s: %w", l, err)
					}
				}
				return nil
			})
			said := until("ready.json", syscall.SIGTERM)
			if sign == "data/n1/raft" && strings.Contains(said, "remove "+dir+" and run this again") {
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
				said = until("ready.json", syscall.SIGTERM)
			}
			if !strings.Contains(said, "cluster of 3 nodes is ready") {
				t.Errorf("it does not come up: %s", said)
			}
		})
	}
}
