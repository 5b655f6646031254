package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
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
