package operator

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestSharesThatMayBeInForce: who is told to destroy shares destroys those that are void for certain. Before, an answer that was lost
// let people destroy the new shares although they were in force, and the old ones opened nothing any more.
func TestSharesThatMayBeInForce(t *testing.T) {
	t.Parallel()
	const old, both, done = "the old shares stay in force; destroy the new ones", "KEEP BOTH", "Destroy the old ones."
	refuse := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc // to the share that was typed back; nil: the daemon is gone by then
		want   string
	}{
		"done":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }, done},
		"refused":      {refuse(`{"error":"that is none of the new shares","kind":"invalid"}`), old},
		"not sent":     {nil, old},
		"uncertain":    {refuse(`{"error":"no answer of the leader","kind":"uncertain"}`), both},
		"unavailable":  {refuse(`{"error":"no leader","kind":"unavailable"}`), both},
		"of no kind":   {refuse("no JSON"), both},
		"dies unheard": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, both},
		"dies answering": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			w.WriteHeader(http.StatusOK)
		}, both},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := filepath.Join(t.TempDir(), "s")
			ln, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			mux := http.NewServeMux()
			srv := &http.Server{Handler: mux}
			t.Cleanup(func() { _ = srv.Close() })
			mux.HandleFunc("POST /shares", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Connection", "close")
				_, _ = w.Write([]byte(`{"shares":["one","two"],"needed":2}`))
				if c.answer == nil {
					_ = ln.Close()
				}
			})
			if c.answer != nil {
				mux.HandleFunc("POST /confirm", c.answer)
			}
			go func() { _ = srv.Serve(ln) }() // ends when it is closed
			var out strings.Builder
			cmd := rekeyCommand(func() *Client { return NewClient(socket) }, "recovery", "recovery", "/confirm", &cobra.Command{Use: "rekey", SilenceErrors: true, SilenceUsage: true})
			cmd.SetOut(&out)
			cmd.SetArgs([]string{"--recovery-out", filepath.Join(t.TempDir(), "new")})
			cmd.SetContext(t.Context())
			told := ""
			if err := cmd.Execute(); err != nil {
				told = err.Error()
			}
			if told += out.String(); !strings.Contains(told, c.want) {
				t.Errorf("%s, not %q", told, c.want)
			}
		})
	}
}
