package wholefile_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/wholefile"
)

// TestOneWriter: while one process writes a file, another one that is to write it says so and changes nothing; what a killed one
// left is no obstacle, whoever could read it, and a link in its place leads nowhere.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "file")
	say := func(text string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	is := func(want string) {
		t.Helper()
		b, err := os.ReadFile(name)
		if err != nil || string(b) != want {
			t.Errorf("the file holds %q (%v), want %q", b, err, want)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("its mode: %v %v", info, err)
		}
		if _, err := os.Lstat(name + ".part"); err == nil {
			t.Error("a part stays")
		}
	}
	if err := os.WriteFile(name+".part", []byte("of one that was killed, and longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Write(&cobra.Command{}, name, say("first")); err != nil {
		t.Fatal(err)
	}
	is("first")
	err := wholefile.Write(&cobra.Command{}, name, func(w io.Writer) error {
		if err := wholefile.Write(&cobra.Command{}, name, say("between")); err == nil || !strings.Contains(err.Error(), "another process writes "+name+".part") {
			t.Errorf("two write it: %v", err)
		}
		return say("second")(w)
	})
	if err != nil {
		t.Fatal(err)
	}
	is("second")
	aim := filepath.Join(t.TempDir(), "aim")
	if err := os.WriteFile(aim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(aim, name+".part"); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Write(&cobra.Command{}, name, say("third")); err == nil {
		t.Error("it writes through a link")
	}
	if b, err := os.ReadFile(aim); err != nil || len(b) > 0 {
		t.Errorf("behind the link: %q %v", b, err)
	}
}
