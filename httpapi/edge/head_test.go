package edge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestHead: HEAD is GET without its body, with the same rights; where GET reads or issues a secret it is refused and leaves nothing.
func TestHead(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	dsm := h.token(h.authorize(admin, "billing", dsmClient))
	ask := func(method, path, token string) (status, length int, header http.Header) {
		t.Helper()
		res, err := h.server.Client().Do(h.request(method, path, token, "", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, len(b), res.Header
	}
	for _, c := range []struct{ path, token string }{
		{"/iso/pam/credential", admin}, {"/api/pam/device", admin}, {"/api/v1/credentials", admin}, {"/api/v1/credentials?format=csv", admin}, {"/api/v2/pam/credentials", admin},
		{"/api/v1/credentials/none", admin}, {"/api/v1/whoami?consistency=strong", admin}, {"/api/v1/whoami?consistency=weak", admin}, {"/api/v1/whoami", ""},
		{"/iso/pam/credential", dsm}, {"/api/v1/audit", dsm}, {"/iso/nothing", admin}, {"/health/live", ""},
	} {
		want, _, of := ask("GET", c.path, c.token)
		status, n, header := ask("HEAD", c.path, c.token)
		if status != want || n != 0 || header.Get("Content-Type") != of.Get("Content-Type") {
			t.Errorf("HEAD %s: %d, %d bytes, %q, want %d, %q", c.path, status, n, header.Get("Content-Type"), want, of.Get("Content-Type"))
		}
	}
	before := h.events(admin, "credential.read") + h.events(admin, "dsm.read")
	for _, path := range []string{"/iso/pam/credential/1", "/api/v1/credentials/1/secret", "/iso/coe/senha/1", "/iso/dapp/application", "/iso/oauth2/token"} {
		if status, n, header := ask("HEAD", path, admin); status != http.StatusMethodNotAllowed || n != 0 || !strings.Contains(header.Get("Allow"), "GET") {
			t.Errorf("HEAD %s: %d, %d bytes, allowed %q", path, status, n, header.Get("Allow"))
		}
	}
	if after := h.events(admin, "credential.read") + h.events(admin, "dsm.read"); after != before {
		t.Errorf("HEAD left %d events of reads", after-before)
	}
}
