package operator

import (
	"net/http"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEnter: who lets a node in is asked in his words, and nothing is done without the answer.
func TestEnter(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 8)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"members":[{"id":"n2","fingerprint":"SHA256:two"}]}`))
	})
	for _, path := range []string{"/join", "/approve"} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, _ *http.Request) {
			asked <- path
			_, _ = w.Write([]byte(`{"node":"n2","fingerprint":"SHA256:two"}`))
		})
	}
	client, _ := daemonDouble(t, mux)
	for _, c := range []struct{ args, typed, refused, done string }{
		{"join", "", "there is no token on standard input: cofre cluster token --name NAME makes one on a member", ""},
		{"join", "\n token \n", "", "/join"},
		{"approve n2", "", "not approved", ""},
		{"approve n2", "no\n", "not approved", ""},
		{"approve n2", "yes\n", "", "/approve"},
		{"approve n3", "yes\n", "there is no member n3", ""},
		{"approve n2 --fingerprint SHA256:two", "", "", "/approve"},
	} {
		cmd := &cobra.Command{Use: "cofre", SilenceErrors: true, SilenceUsage: true}
		cmd.AddCommand(joinCommand(client), approveCommand(client))
		var out strings.Builder
		cmd.SetOut(&out)
		cmd.SetIn(strings.NewReader(c.typed))
		cmd.SetArgs(strings.Fields(c.args))
		err := cmd.ExecuteContext(t.Context())
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s, typed %q: %v, want %q\n%s", c.args, c.typed, err, c.refused, out.String())
		}
		done := ""
		select {
		case done = <-asked:
		default:
		}
		if done != c.done {
			t.Errorf("%s, typed %q: %q was asked for instead of %q", c.args, c.typed, done, c.done)
		}
	}
}
