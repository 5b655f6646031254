package disk_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/vault/disk"
)

// TestDurable: no test can cut the power, so this one looks at what the kernel is asked for, and in which order: the content is on the disk
// before the file has its name, and the name before the caller goes on. What relies on it are keys, the records of snapshots, and the
// cursors of the trail, none of which may go back.
func TestDurable(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is missing: apt-get install -y --no-install-recommends strace")
	}
	dir := t.TempDir()
	trace := filepath.Join(t.TempDir(), "trace")
	c := exec.CommandContext(t.Context(), strace, "-f", "-y", "-o", trace, "-e", "trace=write,fsync,fdatasync,rename,renameat,renameat2,linkat,link", os.Args[0], "-test.run=^TestDurableChild$")
	c.Env = append(os.Environ(), "COFRE_DURABLE="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"write .a.", "fsync .a.", "rename .a. a", "fsync DIR",
		"write .a.", "fsync .a.", "rename .a. a", "fsync DIR",
		"write .k.", "fsync .k.", "link .k. k", "fsync DIR",
	}
	if diff := cmp.Diff(want, asked(string(text), dir)); diff != "" {
		t.Errorf("what the kernel was asked for (-want +got):\n%s", diff)
	}
}

// TestDurableChild writes what TestDurable traces.
func TestDurableChild(t *testing.T) {
	dir := os.Getenv("COFRE_DURABLE")
	if dir == "" {
		t.Skip("a part of TestDurable")
	}
	for _, content := range []string{"old", "new"} {
		if err := disk.WriteFile(filepath.Join(dir, "a"), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := disk.CreateKeyFile(filepath.Join(dir, "k"), filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
}

var (
	call   = regexp.MustCompile(`\d+ +(write|f(?:data)?sync|rename|link)(?:at2?)?\((.*)`)
	random = regexp.MustCompile(`(\.[ak]\.)\d+`)
)

// asked lists the calls that concern files of a folder, without what is drawn in their names.
func asked(trace, dir string) (calls []string) {
	for line := range strings.SplitSeq(trace, "\n") {
		m := call.FindStringSubmatch(line)
		if m == nil || !strings.Contains(m[2], dir) || strings.Contains(line, "resumed>") {
			continue
		}
		what := []string{m[1]}
		for _, file := range regexp.MustCompile(regexp.QuoteMeta(dir)+`(/[^">]+)?[">]`).FindAllStringSubmatch(m[2], -1) {
			name := strings.TrimPrefix(random.ReplaceAllString(file[1], "$1"), "/")
			if name == "" {
				name = "DIR"
			}
			what = append(what, name)
		}
		calls = append(calls, strings.Join(what, " "))
	}
	return calls
}
