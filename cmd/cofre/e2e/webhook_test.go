package e2e

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestWebhookIsToldEveryResultThoughTheLeaderDies: operations end while the receiver refuses; the leader, from which they
// came, is killed before it could tell one of them; the next leader tells all.
func TestWebhookIsToldEveryResultThoughTheLeaderDies(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex // guards open and told
	open, told := false, map[string]string{}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Data struct {
				Node   string
				Fields map[string]string
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !open {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if f := body.Data.Fields; f["module"] == "PAM Core" && f["requester"] != "" && strings.Contains(f["requested_by"], "/") { // whoever asked can be told
			told[f["number"]] = body.Data.Node
		}
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"ca.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}),
		"secret": []byte("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := startSeveral(t, 3, fmt.Sprintf("audit: {local: {mode: \"off\"}, webhooks: [{name: hook, url: %q, ca: %q, secret_file: %q}]}\n", srv.URL, filepath.Join(dir, "ca.pem"), filepath.Join(dir, "secret")))
	device := map[string]any{"hostname": "db1", "ip": "192.0.2.1", "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": 5432}}}
	Eventually(t, 30*time.Second, "the API takes a device", func() error {
		return c.api.Do(t.Context(), http.MethodPost, "/api/v1/devices", device, nil)
	})
	account := map[string]any{"identifier": "account-0", "hostname": "db1", "username": "app", "secret": "a-secret-of-this-test", "execution": map[string]any{"template": "PostgreSQL ALTER ROLE"}}
	if err := c.api.Do(t.Context(), http.MethodPost, "/api/v1/credentials", account, nil); err != nil {
		t.Fatal(err)
	}
	leader := c.leader()
	from := fmt.Sprintf("n%d", slices.Index(c.nodes, leader)+1)
	direct := c.client(filepath.Join(c.nodes[0].path("init"), "ca.pem"), leader) // so that the events are the leader's
	want := map[string]bool{}
	for range 5 {
		var o struct{ Number json.Number }
		later := map[string]any{"credential": "account-0", "kind": "verify", "not_before": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}
		if err := direct.Do(t.Context(), http.MethodPost, "/api/v1/operations", later, &o); err != nil {
			t.Fatal(err)
		}
		if err := direct.Do(t.Context(), http.MethodPost, "/api/v1/operations/"+o.Number.String()+"/cancel", nil, nil); err != nil {
			t.Fatal(err)
		}
		want[o.Number.String()] = true
	}
	if out, err := leader.cofre("", "cluster", "test-receiver", "hook"); err == nil || !strings.Contains(out, "503") {
		t.Errorf("%v: %s", err, out)
	}
	leader.kill()
	mu.Lock()
	open = true
	mu.Unlock()
	other := c.nodes[(slices.Index(c.nodes, leader)+1)%len(c.nodes)]
	if out := other.must("", "cluster", "test-receiver", "hook"); !strings.Contains(out, "took the event") {
		t.Error(out)
	}
	Eventually(t, 2*time.Minute, "every result arrives", func() error {
		mu.Lock()
		defer mu.Unlock()
		for n := range want {
			if told[n] != from {
				return fmt.Errorf("told %v, want %v, all from %s", told, want, from)
			}
		}
		return nil
	})
}
