package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/executors/all"
	"cofre/fsm/model"
)

// TestDocumentsAreCurrent fails when a generated document is not what the code says.
func TestDocumentsAreCurrent(t *testing.T) {
	t.Parallel()
	for name, want := range Documents() {
		got, err := os.ReadFile(filepath.Join("../../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("docs/%s is not current: run make generate\n%s", name, diff)
		}
	}
}

// TestDynamicTemplatesAreListed: whoever sets up a profile finds every template that Cofre has for it.
func TestDynamicTemplatesAreListed(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../docs/dynamic.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range all.Catalogue() {
		if e.Kind != model.TemplateAutomation {
			continue
		}
		if n++; !strings.Contains(string(b), "`"+e.Name+"`") {
			t.Errorf("docs/dynamic.md does not list %q", e.Name)
		}
	}
	if n < 20 {
		t.Errorf("%d templates", n)
	}
}
