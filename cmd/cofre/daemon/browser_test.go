package daemon

import (
	"slices"
	"strings"
	"testing"

	"cofre/cmd/cofre/config"
	"cofre/executors"
	"cofre/executors/browser"
)

// TestBrowserIsOffUnlessConfigured: a node without a browser does not say that it has one, and does not wait for one.
func TestBrowserIsOffUnlessConfigured(t *testing.T) {
	t.Parallel()
	for _, socket := range []string{"", t.TempDir() + "/none.sock"} {
		m := &member{config: config.Config{Browser: socket}}
		if said := slices.Contains(announcement(m.config, "").Executors, browser.Name); said != (socket != "") {
			t.Errorf("%q: announced %t", socket, said)
		}
		e, ok := m.executor(browser.Name)
		if !ok {
			t.Fatal("no executor")
		}
		p, err := e.Compile("start-at https://h.example/\nclick a")
		if err != nil {
			t.Fatal(err)
		}
		want := "this node has no browser"
		if socket != "" {
			want = "the node's browser does not start: dial unix"
		}
		if _, err := p.Run(t.Context(), executors.Session{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", socket, err, want)
		}
	}
}
