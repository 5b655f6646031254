package edge_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestPipelineKeysEnd: what a pipeline got for the application of another ends with the pipeline's own tokens, at once, and does not come
// back with it. The first keys of an application last: they are the application's own.
func TestPipelineKeysEnd(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	pipeline := h.authorize(admin, "ci", strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true`, 1))
	register := func(k keys) keys {
		a := h.form(h.token(k), "POST", "/iso/dapp/application", 200, "application", "shop", "system", "erp", "environment", "prod")
		return keys{a.text("id"), a.text("signature")}
	}
	refused := func(why string, k keys, token string) {
		t.Helper()
		if a := h.send(h.request("GET", "/iso/dapp/application", token, "", "")); a.status != 401 {
			t.Errorf("%s, a token of the added key reads: %d", why, a.status)
		}
		if a := h.send(h.request("POST", "/iso/oauth2/token", "", formType, url.Values{"grant_type": {"client_credentials"}, "client_id": {k.id}, "client_secret": {k.secret}}.Encode())); a.status != 401 {
			t.Errorf("%s, the added key gets a token: %d", why, a.status)
		}
	}
	first := register(pipeline)
	ends := []struct {
		why, method, path, body string
	}{
		{"after the pipeline's tokens were revoked", "POST", "/api/v1/applications/ci/authorizations/prod/revoke", ""},
		{"after the pipeline was disabled", "PUT", "/api/v1/applications/ci/authorizations/prod", `{"enabled":false}`},
		{"after its application was disabled", "PUT", "/api/v1/applications/ci", `{"enabled":false}`},
		{"after the application's own tokens were revoked", "POST", "/api/v1/applications/shop/authorizations/erp-prod/revoke", ""},
	}
	for _, c := range ends {
		own, added := h.token(first), register(pipeline)
		token := h.token(added)
		h.form(token, "GET", "/iso/dapp/application", 200)
		h.json(admin, c.method, c.path, 200, c.body)
		refused(c.why, added, token)
		if c.method == "PUT" { // back again
			h.json(admin, "PUT", c.path, 200, `{"enabled":true}`)
			refused(c.why+" and enabled again", added, token)
		}
		want := 200
		if strings.Contains(c.path, "/shop/") {
			want = 401
		}
		h.form(own, "GET", "/iso/dapp/application", want)
		h.token(first)
	}
}

// TestPipelineKeysOfKeysEnd: a pipeline has a team's key, and by it one of a library, and one more of the team's own. All of them end with
// the pipeline; what the team asked for with its own keys goes on. No key lives longer than the one that asked for it.
func TestPipelineKeysOfKeysEnd(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	delegated := func(to string) string {
		return strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true,"delegations":[{"applications":["`+to+`"],"systems":["*"],"environments":["*"]}]`, 1)
	}
	pipeline, team := h.authorize(admin, "ci", delegated("team")), h.authorize(admin, "team", delegated("library"))
	h.authorize(admin, "library", dsmClient)
	register := func(token, application string) keys {
		a := h.form(token, "POST", "/iso/dapp/application", 200, "application", application, "system", "erp", "environment", "prod")
		return keys{a.text("id"), a.text("signature")}
	}
	reads := func(who, token string, status int) {
		t.Helper()
		if a := h.send(h.request("GET", "/iso/dapp/application", token, "", "")); a.status != status {
			t.Errorf("a token of %s reads: %d, not %d", who, a.status, status)
		}
	}
	step := h.token(register(h.token(pipeline), "team"))
	library, again := register(step, "library"), register(step, "team")
	libraryToken, againToken := h.token(library), h.token(again)
	ends := map[any]bool{}
	for _, item := range h.json(admin, "GET", "/api/v1/audit?kind=dsm.registered", 200, "").at("items").([]any) {
		ends[item.(map[string]any)["fields"].(map[string]any)["until"]] = true
	}
	if len(ends) != 1 {
		t.Errorf("a key and the two that were asked for with it end at %v", ends)
	}
	own := h.token(register(h.token(team), "library"))
	h.json(admin, "POST", "/api/v1/applications/ci/authorizations/prod/revoke", 200, "")
	reads("the library, by the team's key", libraryToken, 401)
	reads("the team, by its own key that was asked for by the pipeline's", againToken, 401)
	reads("the library, by the team's own keys", own, 200)
	for who, k := range map[string]keys{"the library": library, "the team": again} {
		if a := h.send(h.request("POST", "/iso/oauth2/token", "", formType, url.Values{"grant_type": {"client_credentials"}, "client_id": {k.id}, "client_secret": {k.secret}}.Encode())); a.status != 401 {
			t.Errorf("the key of %s gets a token: %d", who, a.status)
		}
	}
}
