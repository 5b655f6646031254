package daemon

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"cofre/cmd/cofre/config"
)

// TestQuarantine: what a diverged node writes keeps its process from starting, and says why and what to do. The control:
// without the mark the same data directory gets further.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := config.Config{Node: "n3", DataDir: filepath.Join(dir, "data"), KeyDir: filepath.Join(dir, "keys"), Socket: filepath.Join(dir, "s")}
	if err := os.Mkdir(c.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.DataDir, identityFile), nil, 0o600); err != nil { // it belongs to a cluster
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	start := func() string {
		err := Run(t.Context(), c, "test", log, func() { t.Error("the node starts") })
		if err == nil {
			t.Fatal("the node ran and ended")
		}
		return err.Error()
	}
	if got := start(); strings.Contains(got, "quarantine") || !strings.Contains(got, "disk key") {
		t.Errorf("without a mark: %s", got)
	}
	m := &member{config: c}
	const reason = "its state differs: cofre cluster remove n3"
	if err := m.mark(reason); err != nil {
		t.Fatal(err)
	}
	if got := start(); got != "this node is quarantined: "+reason {
		t.Errorf("with a mark: %s", got)
	}
	if err := os.Remove(filepath.Join(c.DataDir, quarantineFile)); err != nil {
		t.Fatal(err)
	}
	if got := start(); strings.Contains(got, "quarantine") {
		t.Errorf("after the mark was taken away: %s", got)
	}
}
