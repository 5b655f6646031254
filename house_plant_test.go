package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// plantTag builds servers that make a known mistake, for the controls of the crash matrix.
const plantTag = "cofre_" + "planted"

// plantFiles may name it: the mistakes, what stands in their place, and the tool that builds them.
var plantFiles = []string{
	"cluster/siem/order.go", "cluster/siem/order_planted.go", "cmd/cofre/daemon/registry.go", "cmd/cofre/daemon/planted.go",
	"cmd/cofre/crash/node.go", "scheduler/sim/sim.go",
}

var buildsWithTags = regexp.MustCompile(`(^|[^-])-tags\b`) // not git describe --tags

// plantFindings tells what is wrong about a file: only the files above may name the tag, and nothing that builds or packs
// what is shipped may use build tags at all. The Makefile may name it where it refuses to pack such a binary.
func plantFindings(name, text string) (out []string) {
	text = strings.ReplaceAll(text, "! $(GO) version -m bin/cofre | grep "+plantTag, "")
	text = strings.ReplaceAll(text, "! go version -m bin/cofre | grep "+plantTag, "")
	if strings.Contains(text, plantTag) && !slices.Contains(plantFiles, name) && !strings.HasPrefix(name, "docs/") {
		out = append(out, name+" names the build tag "+plantTag)
	}
	ships := name == "Makefile" || strings.HasPrefix(name, "packaging/") && !strings.HasPrefix(name, "packaging/ci/") || strings.HasPrefix(name, "systemd/") || strings.HasPrefix(name, ".")
	if ships && buildsWithTags.MatchString(text) {
		out = append(out, name+" builds with tags")
	}
	return out
}

// TestPlantedBinariesAreNotShipped: a server with a mistake loses passwords on purpose.
func TestPlantedBinariesAreNotShipped(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		name := filepath.ToSlash(p)
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "dist"}, name):
			return filepath.SkipDir
		case !d.Type().IsRegular() || name == "house_plant_test.go":
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		seen++
		for _, f := range plantFindings(name, string(text)) {
			t.Error(f)
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Fatalf("%d files: %v", seen, err)
	}
	for _, f := range plantFiles {
		if text, err := os.ReadFile(f); err != nil || !strings.Contains(string(text), plantTag) {
			t.Errorf("%s does not name the tag any more (%v): take it off the list", f, err)
		}
	}
	for name, text := range map[string]string{
		"Makefile": "go build -tags " + plantTag, "packaging/nfpm.yaml": "-tags x", "cmd/cofre/main.go": "//go:build " + plantTag,
	} {
		if len(plantFindings(name, text)) == 0 {
			t.Errorf("%s with %q was not found: this law proves nothing", name, text)
		}
	}
}
