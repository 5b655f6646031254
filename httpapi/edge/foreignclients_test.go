package edge_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cofre/httpapi/edge"
)

// docs/clients.md tells of every route of the vendor's API which client calls it, or that none does.
func TestClientsOfOthers(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	calls, none, found := strings.Cut(string(doc), "\n## What none of them calls\n")
	if !found {
		t.Fatal("docs/clients.md has no section of what none of them calls")
	}
	named := regexp.MustCompile("`((?:GET|POST|PUT|DELETE) /[^`]+)`")
	list := func(text string) (routes []string) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			routes = append(routes, m[1])
		}
		return routes
	}
	called, idle := list(calls), list(none)
	var all []string
	for _, r := range edge.Routes() {
		name := r.Method + " " + r.Path
		all = append(all, name)
		if strings.HasPrefix(r.Path, "/api/v1") || !strings.Contains(r.Path, "/iso/") && !strings.HasPrefix(r.Path, "/api/") {
			continue // our own
		}
		switch by, nobody := slices.Contains(called, name), slices.Contains(idle, name); {
		case by && nobody:
			t.Errorf("docs/clients.md says of %s both that a client calls it and that none does", name)
		case !by && !nobody:
			t.Errorf("docs/clients.md does not tell which client calls %s: add it to the client's row, or to what none of them calls", name)
		}
	}
	for _, name := range slices.Concat(called, idle) {
		if !slices.Contains(all, name) {
			t.Errorf("docs/clients.md names %s, which is no route", name)
		}
	}
}
