package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cofre/cluster/backup"
)

// kills is at how many moments a process is killed: KILLS=100 go test ... for the long form.
func kills(t *testing.T) int {
	n := 6
	if text := os.Getenv("KILLS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestKilledBackup: a backup that is killed while it is written leaves no file under its name, or the whole one; and a restore that is
// killed leaves a node that comes back with every password, is empty, or says at its start what to do. None leaves a secret readable.
// The control: the same, not killed.
func TestKilledBackup(t *testing.T) {
	t.Parallel()
	c := StartNodes(t, 1, Setup{})
	c.Secrets()
	const passwords = 200
	secret := func(i int) string { return fmt.Sprintf("killed-backup-secret-%d", i) }
	var sentinels []Sentinel
	for i := range passwords {
		c.Credential(fmt.Sprintf("web-%d", i), secret(i), nil)
		sentinels = append(sentinels, NewSentinel(secret(i)))
	}
	readable := func(dir string) {
		t.Helper()
		if found, _, err := Find(sentinels, dir); err != nil || len(found) > 0 {
			t.Errorf("secrets are readable: %v %v", found, err)
		}
	}
	folder := filepath.Join(c.dir, "safe")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "cofre.backup")
	began := time.Now()
	if err := c.command(nil, "backup", "create", file).Run(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	counts := map[string]int{}
	for i := range kills(t) {
		killed := filepath.Join(folder, "killed.backup")
		cmd := c.command(nil, "backup", "create", "--force", killed)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(took * time.Duration(i+1) / time.Duration(kills(t)))
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, or done just before
		counts["backup: "+whole(t, killed)]++
		readable(folder)
		_ = os.Remove(killed) // it may not be there
	}
	if out, err := c.cofre(nil, "backup", "create", filepath.Join(folder, "killed.backup")); err != nil {
		t.Errorf("what the killed ones left is in the way: %v %s", err, out)
	}

	n := c.Add()
	keys := filepath.Join(c.dir, n.ID, "keys")
	fresh := func() {
		n.Kill()
		for _, err := range []error{os.RemoveAll(n.Data), os.RemoveAll(keys), os.MkdirAll(n.Data, 0o700)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	c.list[0].Kill()
	restore := func() *exec.Cmd {
		return c.command(c.recovery[:3], "backup", "restore", "--old-nodes-are-off", "--socket", n.socket(), file)
	}
	n.Start()
	began = time.Now()
	if err := restore().Run(); err != nil {
		t.Fatal(err)
	}
	took = time.Since(began)
	for i := range kills(t) {
		fresh()
		n.Start()
		cmd := restore()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		early := float64(i+1) / float64(kills(t)) // the work is done early; then there is an election
		<-time.After(time.Duration(early * early * float64(took)))
		n.Kill()
		_ = cmd.Wait() // it is told, or was just before
		readable(n.Data)
		how := c.afterKill(n)
		if counts["restore: "+how]++; how == "says what to do" {
			fresh()
			n.Start()
		}
		if how != "serves" {
			if out, err := restore().CombinedOutput(); err != nil {
				t.Fatalf("a restore after one that was killed (%s): %v %s", how, err, out)
			}
		}
		for i := range passwords {
			if c.secret(fmt.Sprintf("web-%d", i)) != secret(i) {
				t.Fatalf("password %d did not come back (%s)", i, how)
			}
		}
	}
	t.Logf("%v (a restore took %s)", counts, took)
}

// whole tells how a file is after its writer was killed.
func whole(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "not there"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b, err := backup.Open(f)
	if err == nil {
		err = b.Check()
	}
	if err != nil {
		t.Errorf("a part under the name of the whole: %v", err)
	}
	return "whole"
}

// afterKill starts a node whose restore was killed, and tells what it is.
func (c *Nodes) afterKill(n *Node) (how string) {
	c.t.Helper()
	if err := os.Truncate(n.logFile(), 0); err != nil {
		c.t.Fatal(err)
	}
	n.Launch()
	Eventually(c.t, 30*time.Second, "the node is up or says why not", func() error {
		if !n.Runs() {
			if how = "says what to do"; !strings.Contains(n.Log(), "empty the directory and begin again") {
				c.t.Fatalf("it does not start: %s", n.Log())
			}
			return nil
		}
		s, err := n.Status()
		if how = "is empty"; err == nil && s.Initialized {
			how = "serves"
			c.Leader()
		}
		return err
	})
	return how
}
