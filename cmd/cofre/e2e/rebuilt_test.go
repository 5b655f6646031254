package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRebuiltMachine: the only machine of a cluster with the Shamir seal burns down, with its disk and all its keys. It is set up anew under
// its addresses: not under its old name and not as a real cluster, but else it comes back, and the unseal shares that
// people have open it after its next restart.
func TestRebuiltMachine(t *testing.T) {
	t.Parallel()
	s := newSingle(t, freePorts(t, 3), "seal: shamir\n")
	s.start()
	s.must("", "init", "--recovery-out", s.path("init"))
	const secret = "never-in-clear-8214"
	api := s.api(filepath.Join(s.path("init"), "ca.pem"))
	s.keeps(api, secret)
	name := s.path("cofre.backup")
	file, err := api.File(t.Context(), http.MethodPost, "/api/v1/backup")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	rebuilt := func(config string) {
		s.stop()
		for _, dir := range []string{"data", "keys"} {
			if err := os.RemoveAll(s.path(dir)); err != nil {
				t.Fatal(err)
			}
		}
		s.configure(config)
		s.start()
	}
	restore := []string{"backup", "restore", "--old-nodes-are-off", name}
	rebuilt("dev: true\nseal: shamir\n")
	s.fails("the cluster had a node n1, and names are never used again", s.shares("recovery", 1, 2, 3), restore...)
	rebuilt("seal: shamir\n")
	s.fails("practice clusters and others do not mix", s.shares("recovery", 1, 2, 3), restore...)
	rebuilt("dev: true\nseal: shamir\n")
	s.fails("another kind", s.shares("unseal", 1, 2, 3), restore...)

	yaml, err := os.ReadFile(s.path("cofre.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	if err := os.WriteFile(s.path("cofre.yaml"), []byte(strings.Replace(string(yaml), "node: n1\n", "node: n2\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.must(s.shares("recovery", 5, 1, 3), restore...)
	s.returns(secret)
	s.stop()
	s.start()
	s.sealed()
	s.must(s.shares("unseal", 4, 2, 5), "unseal", "--shares")
	s.returns(secret)
}
