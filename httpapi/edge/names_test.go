package edge_test

import (
	"strings"
	"testing"

	"cofre/httpapi/edge"
	"cofre/httpapi/route"
)

// What points at a credential shows its name only to who reaches that one.
func TestNamesOfOthersAreHidden(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.json(admin, "POST", "/api/v1/credentials", 201, `{"identifier":"boss-root","hostname":"web1","username":"boss","secret":"s"}`)
	h.json(admin, "POST", "/api/v1/templates", 200, `{"name":"change","executor":"ssh","content":"exec \"x\" [#NEW_PASSWORD#]"}`)
	h.json(admin, "POST", "/api/v1/credentials", 201, `{"identifier":"mine","hostname":"web1","username":"mine","secret":"s","tags":["team"],"parent":"boss-root","execution":{"template":"change","authentication":"boss-root","reconcile":{"template":"change","authentication":"boss-root"}}}`)
	h.json(admin, "POST", "/api/v1/profiles", 201, `{"name":"newones","template":"change","authentication":"boss-root","criteria":{"tags":["x"]}}`)
	h.json(admin, "POST", "/api/v1/access-profiles", 201, `{"name":"some","rights":["secret.read"],"credentials":["boss-root","mine"]}`)
	h.json(admin, "POST", "/api/v1/pools", 201, `{"name":"both","credentials":["boss-root","mine"]}`)
	h.json(admin, "POST", "/api/v1/devices", 201, `{"hostname":"inner","ip":"192.0.2.3","via":"web1","via_login":"boss-root"}`)
	tok := h.token(h.authorize(admin, "team", `{"name":"x","modules":["PAM Core","A2A","Secrets Management"],"write":true,"rights":["secret.read","operation.run"],"filter":{"tags":["team"]}}`))
	hidden := 0
	for _, r := range edge.Routes() {
		if r.Method != "GET" || r.Auth != route.Authenticated {
			continue
		}
		for _, name := range []string{"mine", "newones", "some", "both", "inner", "1", "2", "3"} {
			path := r.Path
			for strings.Contains(path, "{") {
				i, j := strings.Index(path, "{"), strings.Index(path, "}")
				path = path[:i] + name + path[j+1:]
			}
			a := h.send(h.request("GET", path, tok, "", ""))
			if strings.Contains(a.raw, "boss") {
				t.Errorf("%s: %s", path, a.raw)
			}
			hidden += strings.Count(a.raw, `"***"`)
			if path == r.Path {
				break
			}
		}
	}
	if hidden < 10 { // parent, login, reconciliation, jump host and profile, each at several routes
		t.Errorf("%d names are hidden", hidden)
	}
}
