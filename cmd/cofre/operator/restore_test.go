package operator

import (
	"net/http"
	"strings"
	"testing"
)

// TestRestoreAsksFirst: nobody types shares for a node that cannot take up a cluster, because it is in one or does not run.
func TestRestoreAsksFirst(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	client, gone := daemonDouble(t, mux)
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"initialized":true,"node":"b1","cluster":"c0ffee"}`))
	})
	run := func() error {
		cmd := Restore()
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetIn(strings.NewReader("a share\n"))
		cmd.SetArgs([]string{"--old-nodes-are-off", "--socket", client().Socket, "no such file"})
		return cmd.ExecuteContext(t.Context())
	}
	if err := run(); err == nil || !strings.Contains(err.Error(), "b1, belongs to a cluster already, c0ffee") {
		t.Error(err)
	}
	gone()
	if err := run(); err == nil || !strings.Contains(err.Error(), "no cofre server answers") {
		t.Error(err)
	}
}
