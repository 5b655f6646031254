package edge_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkSecretRead is what a node pays for an audited read beside TLS, the network and its peers: the whole handler, the
// command's way through the state machine, and the log line.
func BenchmarkSecretRead(b *testing.B) {
	h := open(b, nil)
	token := h.token(h.admin)
	h.stock(token)
	for i := 0; b.Loop(); i++ {
		r := h.request(http.MethodGet, "/iso/pam/credential/web1-root", token, "", "")
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16&255, i>>8&255, i&255) // a source has a limit
		w := httptest.NewRecorder()
		h.server.Config.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body.String())
		}
	}
}
