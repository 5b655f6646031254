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

// BenchmarkConditionalRead compares what a pod pays that polls its application: the secrets (200), which is a commit, and the
// answer that it has them already (304), which is none.
func BenchmarkConditionalRead(b *testing.B) {
	h := open(b, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	token := h.token(h.authorize(admin, "billing", dsmClient))
	h.json(token, "POST", "/iso/sctm/secret", http.StatusCreated, `{"identity":"db","data":{"credentials":[{"credential":{"fields":{"user":"root","host":"web1"}}}],"key_value":[{"A":"1"}]}}`)
	status, tag, _ := h.conditional(token, "/iso/dapp/application", "")
	if status != http.StatusOK || tag == "" {
		b.Fatalf("%d, tag %q", status, tag)
	}
	for _, c := range []struct {
		name, known string
		want        int
	}{{"200", "", http.StatusOK}, {"304", tag, http.StatusNotModified}} {
		b.Run(c.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				r := h.request(http.MethodGet, "/iso/dapp/application", token, "", "")
				r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16&255, i>>8&255, i&255) // a source has a limit
				if c.known != "" {
					r.Header.Set("If-None-Match", c.known)
				}
				w := httptest.NewRecorder()
				h.server.Config.Handler.ServeHTTP(w, r)
				if w.Code != c.want {
					b.Fatalf("%d: %s", w.Code, w.Body)
				}
			}
		})
	}
}
