package operator

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"
)

// daemonDouble answers on a socket of its own as mux does. gone closes the door: who connects from then on is refused.
func daemonDouble(t *testing.T, mux *http.ServeMux) (client func() *Client, gone func()) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux}
	t.Cleanup(func() { _ = srv.Close() })
	go func() { _ = srv.Serve(ln) }() // ends when it is closed
	return func() *Client { return NewClient(socket) }, func() { _ = ln.Close() }
}
