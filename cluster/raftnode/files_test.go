package raftnode_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/cluster/raftnode"
)

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "records")
	f, err := raftnode.Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"old", "new"} {
		if err := f.Replace("b", []byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Replace("a", nil); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Read("b"); err != nil || string(got) != "new" {
		t.Errorf("read %q %v", got, err)
	}
	names, err := f.List()
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" || err != nil {
		t.Errorf("temporary files are left, or: %v %s", err, diff)
	}
	info, err := os.Stat(filepath.Join(dir, "b"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	if err := f.Remove("a"); err != nil {
		t.Error(err)
	}
	if err := f.Remove("a"); err != nil {
		t.Errorf("removing twice: %v", err)
	}
}
