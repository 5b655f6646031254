package api

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackup: a file that only its owner reads, that says nothing without shares, is never overwritten by mistake, and whose
// damage is found with shares and without.
func TestBackup(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.runWith("", "device", "create", "web1.example.org", "--ip", "192.0.2.1")
	file := filepath.Join(h.dir, "cofre.backup")
	if out := h.runWith("", "backup", "create", file); !strings.Contains(out, "cluster cluster1") {
		t.Error(out)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	b, err := os.ReadFile(file)
	if err != nil || bytes.Contains(b, []byte("web1")) {
		t.Errorf("a host name can be read in the file (%v)", err)
	}
	if left, _ := filepath.Glob(file + "*"); len(left) != 1 {
		t.Errorf("beside the file is left: %v", left)
	}
	h.refusedWith("is there already", "", "backup", "create", file)
	h.runWith("", "backup", "create", "--force", file)
	h.runWith("", "backup", "verify", h.file("piped", h.runWith("", "backup", "create", "-"))) // nothing stands behind it

	shares := h.shares[0] + "\n\n" + h.shares[2] + "\n"
	var v verifiedBackup
	if err := json.Unmarshal([]byte(h.runWith("", "backup", "verify", "--json", file)), &v); err != nil || v.Cluster != "cluster1" || !v.Undamaged || v.Opened || v.Rows != nil {
		t.Errorf("without shares: %+v %v", v, err)
	}
	if err := json.Unmarshal([]byte(h.runWith(shares, "backup", "verify", "--shares", "--json", file)), &v); err != nil || !v.Opened || v.Rows["device"] != 1 || v.First != 1 || v.Rows["audit"] != int(v.Event) {
		t.Errorf("with shares: %+v %v", v, err)
	}
	if out := h.runWith(shares, "backup", "verify", "--shares", file); !strings.Contains(out, "every row read; the trail is one chain from event 1 to") {
		t.Error(out)
	}
	h.refusedWith("before there were enough shares", h.shares[0], "backup", "verify", "--shares", file)
	h.refusedWith("do not open this backup", strings.Join(open(t).shares, "\n"), "backup", "verify", "--shares", file)

	if b, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	damaged := h.file("damaged", string(b))
	h.refusedWith("damaged", "", "backup", "verify", damaged)
	h.refusedWith("damaged", shares, "backup", "verify", "--shares", damaged)
	h.refusedWith("no backup", "", "backup", "verify", h.file("other", "something else"))

	if out := h.runWith("", "audit", "list", "--kind", "cluster.backup", "--json"); strings.Count(out, `"cluster.backup"`) != 3 {
		t.Errorf("the trail says: %s", out)
	}
}
