package edge_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGolden pins the exact bytes of both dialects: what clients parse may not change unnoticed.
func TestGolden(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	volatile := regexp.MustCompile(`\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?Z?|"[0-9a-f]{32}"|"request":"[0-9a-f]+"`)
	var out strings.Builder
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/iso/pam/device", "hostname=db1&ip=192.0.2.2&type=Server&vendor=Oracle&model=19&site=main&device_domain=corp&device_tags=a,b&connectivities=SSH:22"},
		{"GET", "/iso/pam/device/db1", ""},
		{"POST", "/iso/pam/credential", `{"identifier":"db1-sys","username":"sys","password":"pä\"ss","hostname":"db1","type":"Local User","tags":["x"],"parent_password":"1"}`},
		{"POST", "/iso/pam/credential", "identifier=db1-sys&username=system&hostname=db1&ip=192.0.2.2"},
		{"GET", "/iso/pam/credential", ""},
		{"GET", "/iso/pam/credential/db1-sys", ""},
		{"GET", "/iso/coe/senha?credentialId=2", ""},
		{"DELETE", "/iso/pam/credential/custody/2", ""},
		{"DELETE", "/iso/pam/credential/2", ""},
		{"PUT", "/iso/pam/credential/2", ""},
		{"GET", "/iso/pam/credential/404", ""},
		{"DELETE", "/iso/pam/device/404", ""},
		{"POST", "/iso/pam/credential", `{"username":"x","hostname":"db1","tags":{}}`},
		{"GET", "/iso/unknown", ""},
		{"GET", "/api/v1/credentials/2", ""},
		{"GET", "/api/v1/devices/db1", ""},
		{"POST", "/api/v1/devices", `{"host":"x"}`},
		{"GET", "/health", ""},
	} {
		a := h.send(h.request(c.method, c.path, tok, "", c.body))
		text := volatile.ReplaceAllStringFunc(a.raw, func(s string) string {
			if strings.HasPrefix(s, `"request"`) {
				return `"request":"ID"`
			}
			if strings.HasPrefix(s, `"`) {
				return `"ID"`
			}
			return "TIME"
		})
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, []byte(text), "", "  "); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		fmt.Fprintf(&out, "%s %s %s\n%d %s\n%s\n", c.method, c.path, c.body, a.status, a.header.Get("Content-Type"), pretty.String())
	}
	golden(t, "testdata/dialects.txt", "answers changed", out.String())
}

// golden compares what came out with a file, which -rewrite writes; what: what it is when they differ.
func golden(t *testing.T, file, what, got string) {
	t.Helper()
	if flag.Lookup("rewrite").Value.String() == "true" { // the flag is fsmtest's
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -rewrite accepts):\n%s", what, diff)
	}
}
