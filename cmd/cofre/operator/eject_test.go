package operator

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEjectAsksFirst: people get new shares to write down only if the node may be taken out at all.
func TestEjectAsksFirst(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{"refused": true, "not refused": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			client, _ := daemonDouble(t, mux)
			asked := make(chan string, 8)
			answer := func(path, body string) {
				mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
					asked <- path
					if refused && path == "POST /eject" {
						w.WriteHeader(http.StatusConflict)
					}
					_, _ = w.Write([]byte(body))
				})
			}
			answer("GET /status", `{"keys":{"shares":true}}`)
			answer("POST /shares", `{"shares":["one","two"],"needed":2}`)
			answer("POST /eject", `{"error":"without n3 the cluster stops","kind":"conflict"}`)
			cmd := &cobra.Command{Use: "cofre", SilenceErrors: true, SilenceUsage: true}
			cmd.AddCommand(removeCommand(client))
			var out strings.Builder
			cmd.SetOut(&out)
			cmd.SetArgs([]string{"remove", "n3", "--compromised", "--shares-out", filepath.Join(t.TempDir(), "new")})
			err := cmd.ExecuteContext(t.Context())
			if (err != nil) != refused {
				t.Errorf("%v: %s", err, out.String())
			}
			close(asked)
			var got []string
			for a := range asked {
				got = append(got, a)
			}
			want := "GET /status, POST /eject, POST /shares, POST /eject"
			if refused {
				want = "GET /status, POST /eject"
			}
			if got := strings.Join(got, ", "); got != want {
				t.Errorf("%s; want %s", got, want)
			}
		})
	}
}
