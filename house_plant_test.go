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

// plants are the build tags of binaries that are for tests only, and the files that may name them.
var plants = map[string][]string{
	// Servers that make a known mistake, for the controls of the crash matrix: the mistakes, what stands in their place,
	// and the tool that builds them.
	"cofre_" + "planted": {
		"cluster/siem/order.go", "cluster/siem/order_planted.go", "cmd/cofre/daemon/registry.go", "cmd/cofre/daemon/planted.go",
		"cmd/cofre/crash/node.go", "scheduler/sim/sim.go",
	},
	// Servers that hide less, for the controls of the scans for readable secrets: nothing at all, or (linked so) nothing but what the
	// vault seals.
	"cofre_" + "plaintext": {"vault/barrier/aead.go", "vault/barrier/aead_plaintext.go", "vault/disk/gcm.go", "vault/disk/gcm_plaintext.go", "cmd/cofre/e2e/sentinel_test.go"},
	// The next release, for the rollover test: its data directory would shut out every real one.
	"cofre_" + "nextlevel": {
		"fsm/level.go", "fsm/level_next.go", "cmd/cofre/daemon/registry.go", "cmd/cofre/daemon/registry_next.go", "cmd/cofre/e2e/rollover_test.go",
	},
}

var buildsWithTags = regexp.MustCompile(`(^|[^-])-tags\b`) // not git describe --tags

// plantFindings tells what is wrong about a file: only the files above may name a tag, and nothing that builds or packs
// what is shipped may use build tags, but for the one that leaves a codec of gin out. The Makefile may name one where it
// refuses to pack such a binary.
func plantFindings(name, text string) (out []string) {
	for tag, files := range plants {
		rest := strings.ReplaceAll(text, "! $(GO) version -m bin/cofre | grep "+tag, "")
		rest = strings.ReplaceAll(rest, "! go version -m bin/cofre | grep "+tag, "")
		if strings.Contains(rest, tag) && !slices.Contains(files, name) && !strings.HasPrefix(name, "docs/") {
			out = append(out, name+" names the build tag "+tag)
		}
	}
	ships := name == "Makefile" || strings.HasPrefix(name, "packaging/") && !strings.HasPrefix(name, "packaging/ci/") || strings.HasPrefix(name, "systemd/") || strings.HasPrefix(name, ".")
	if ships && buildsWithTags.MatchString(strings.ReplaceAll(text, "-tags nomsgpack ", "")) {
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
	for tag, files := range plants {
		for _, f := range files {
			if text, err := os.ReadFile(f); err != nil || !strings.Contains(string(text), tag) {
				t.Errorf("%s does not name the tag %s any more (%v): take it off the list", f, tag, err)
			}
		}
		for name, text := range map[string]string{
			"Makefile": "go build -tags " + tag, "packaging/nfpm.yaml": "-tags x", "cmd/cofre/main.go": "//go:build " + tag,
		} {
			if len(plantFindings(name, text)) == 0 {
				t.Errorf("%s with %q was not found: this law proves nothing", name, text)
			}
		}
	}
}
