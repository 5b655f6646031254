package operator

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/cobra"
)

// TestSharesThatMayBeInForce: who is told to destroy shares destroys those that are void for certain, after a rotation as after an eject.
// Before, an answer that was lost let people destroy the new shares although they were in force, and the old ones opened nothing any more.
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
		for verb, command := range map[string]struct {
			path string
			make func(func() *Client) *cobra.Command
			args []string
		}{
			"rekey": {"POST /confirm", func(c func() *Client) *cobra.Command {
				return rekeyCommand(c, "recovery", "recovery", "/confirm", &cobra.Command{Use: "rekey"})
			}, []string{"--recovery-out"}},
			"eject": {"POST /eject", removeCommand, []string{"n3", "--compromised", "--shares-out"}},
		} {
			t.Run(verb+" "+name, func(t *testing.T) {
				t.Parallel()
				mux := http.NewServeMux()
				client, gone := daemonDouble(t, mux)
				var shown atomic.Bool
				mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":{"shares":true}}`)) })
				mux.HandleFunc("POST /shares", func(w http.ResponseWriter, _ *http.Request) {
					shown.Store(true)
					w.Header().Set("Connection", "close")
					_, _ = w.Write([]byte(`{"shares":["one","two"],"needed":2}`))
					if c.answer == nil {
						gone()
					}
				})
				mux.HandleFunc(command.path, func(w http.ResponseWriter, r *http.Request) {
					if !shown.Load() { // an eject asks first whether it would be refused
						w.Header().Set("Connection", "close")
						_, _ = w.Write([]byte("{}"))
						return
					}
					c.answer(w, r)
				})
				var out strings.Builder
				cmd := command.make(client)
				cmd.SilenceErrors, cmd.SilenceUsage = true, true
				cmd.SetOut(&out)
				cmd.SetArgs(append(command.args, filepath.Join(t.TempDir(), "new")))
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
}
