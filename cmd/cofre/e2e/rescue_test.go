package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRescue: two of three nodes are lost with their data, and no backup was ever taken. The third gives out what it holds, which an empty
// node takes up: every password is there. While a majority lives, without a person's word, over another file, and with a sealed vault
// nothing is written. The node that gave it is as it was, and gives it again after a start without the others.
func TestRescue(t *testing.T) {
	t.Parallel()
	c := StartNodes(t, 3, Setup{})
	c.Secrets()
	c.Credential("kept", "a password of before", nil)
	last := c.Leader()
	file := filepath.Join(c.dir, "rescued.backup")
	rescue := func(args ...string) (string, error) {
		return c.cofre(nil, append([]string{"backup", "rescue", "--socket", last.socket()}, args...)...)
	}
	refused := func(what, want string, args ...string) {
		t.Helper()
		if out, err := rescue(args...); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want %q: %s", what, err, want, out)
		}
		if _, err := os.Lstat(filepath.Join(last.Data, "rescue")); err == nil {
			t.Errorf("%s: a copy stays", what)
		}
	}
	refused("while all live", "a majority lives", "--majority-is-lost", file)
	for _, n := range c.list {
		if n != last {
			n.Kill()
			if err := os.RemoveAll(n.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	refused("without a word", "--majority-is-lost", file)
	refused("over another file", "is there already", "--majority-is-lost", filepath.Join(c.dir, "ca.pem"))
	out, err := rescue("--majority-is-lost", file)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := c.cofre(c.recovery[:3], "backup", "verify", "--shares", file); err != nil || !strings.Contains(out, "every row read") {
		t.Fatalf("%v: %s", err, out)
	}
	if s, err := last.Status(); err != nil || !s.Initialized || s.Leader != "" {
		t.Errorf("the node that was left: %+v, %v", s, err)
	}
	last.Kill()
	last.Start() // it still is what it was
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if out, err := rescue("--majority-is-lost", file); err != nil {
		t.Fatalf("after a start without the others: %v: %s", err, out)
	}
	if err := last.Operate("/seal", map[string]any{}, nil); err != nil {
		t.Fatal(err)
	}
	refused("sealed", "the vault is sealed on this node", "--majority-is-lost", file+"2")
	last.Kill()

	n := c.Add()
	n.Start()
	if out, err := c.cofre(c.recovery[:3], "backup", "restore", "--old-nodes-are-off", "--socket", n.socket(), file); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := c.secret("kept"); got != "a password of before" {
		t.Error("the password did not come back")
	}
	var trail struct{ Items []struct{} }
	c.Must(http.MethodGet, "/api/v1/audit?kind=cluster.rescued", nil, &trail)
	if len(trail.Items) != 1 {
		t.Errorf("the trail tells of %d rescues", len(trail.Items))
	}
}
