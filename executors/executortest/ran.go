package executortest

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"cofre/executors"
)

// ran holds the texts of the templates that tests brought to their end.
var ran sync.Map

// Ran notes that a template was applied to a target or a double, whose new state was looked at. The kits of this package say it
// by themselves; a test that runs a program in another way, or has to change the text, says it.
func Ran(template string) { ran.Store(template, true) }

// Main runs the tests of an executor, and then fails if there is a template in its catalogue that none of them applied: nobody knows
// what such a template does. A part of the tests (-run, -skip, -fuzz) proves nothing about that.
func Main(m *testing.M, catalogue []executors.CatalogueEntry) {
	code := m.Run()
	if code == 0 && entire() {
		for _, name := range idle(catalogue) {
			fmt.Printf("FAIL: no test applied the template %q\n", name)
			code = 1
		}
	}
	os.Exit(code)
}

// idle lists the templates that no test applied.
func idle(catalogue []executors.CatalogueEntry) []string {
	var out []string
	for _, c := range catalogue {
		found := false
		ran.Range(func(text, _ any) bool {
			found = strings.Contains(text.(string), strings.TrimSuffix(c.Content, "end\n")) // some are run twice in one go
			return !found
		})
		if !found {
			out = append(out, c.Name)
		}
	}
	return out
}

func entire() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return true
}
