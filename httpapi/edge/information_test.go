package edge_test

import (
	"strings"
	"testing"
)

// TestInformationManaged: protected information by the management routes: kept, changed, read by version, disabled; others see nothing of it.
func TestInformationManaged(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.authorize(h.token(h.admin), "team", `{"name":"all","modules":["PAM Core"],"write":true,"rights":["secret.read","credential.write"],"filter":{"all":true}}`))
	a := h.json(tok, "POST", "/api/v1/information", 201, `{"identifier":"licence","name":"Licence","content":"k-1","tags":["licences"]}`)
	if a.text("identifier") != "licence" || a.at("version") != 1.0 || strings.Contains(a.raw, "k-1") {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/api/v1/information", 409, `{"identifier":"licence","content":"k-2"}`)
	h.json(tok, "POST", "/api/v1/information", 400, `{"identifier":"other"}`)
	h.json(tok, "POST", "/api/v1/information", 400, `{"identifier":"other","content":""}`)
	h.json(tok, "POST", "/api/v1/information", 400, `{"identifier":"other","content":"x","colour":"red"}`)
	h.json(tok, "PUT", "/api/v1/information/none", 404, `{"content":"x"}`)
	h.json(tok, "PUT", "/api/v1/information/licence", 400, `{"identifier":"renamed"}`)
	if a = h.json(tok, "PUT", "/api/v1/information/1", 200, `{"content":"k-2","service":"backup"}`); a.at("version") != 2.0 || a.text("name") != "Licence" || a.text("service") != "backup" {
		t.Error(a.raw)
	}
	for path, want := range map[string]string{"licence/content": "k-2", "1/content?version=1": "k-1"} {
		if a = h.json(tok, "GET", "/api/v1/information/"+path, 200, ""); a.text("content") != want {
			t.Errorf("%s: %s", path, a.raw)
		}
	}
	h.json(tok, "GET", "/api/v1/information/licence/content?version=7", 400, "")
	h.json(tok, "POST", "/api/v1/information", 201, `{"identifier":"note","content":"n"}`)
	if a = h.json(tok, "GET", "/api/v1/information?limit=1", 200, ""); a.text("items.0.identifier") != "licence" || a.text("next") != "1" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/information?after=1", 200, ""); a.text("items.0.identifier") != "note" || a.text("next") != "" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/information?tag=licences", 200, ""); a.text("items.0.identifier") != "licence" || a.at("items.1") != nil || strings.Contains(a.raw, "k-2") {
		t.Error(a.raw)
	}
	if a = h.json(tok, "PUT", "/api/v1/information/licence/status", 200, `{"enabled":false}`); a.at("enabled") != false {
		t.Error(a.raw)
	}
	h.json(tok, "GET", "/api/v1/information/licence/content", 400, "")
	h.json(tok, "PUT", "/api/v1/information/licence/status", 200, `{"enabled":true}`)
	other := h.token(h.authorize(h.token(h.admin), "other", `{"name":"theirs","modules":["PAM Core"],"write":true,"rights":["secret.read","credential.write"],"filter":{"tags":["theirs"]}}`))
	for _, c := range []struct{ method, path, body string }{{"GET", "/licence", ""}, {"GET", "/licence/content", ""}, {"PUT", "/licence", `{"name":"x"}`}, {"PUT", "/licence/status", `{"enabled":false}`}} {
		h.json(other, c.method, "/api/v1/information"+c.path, 400, c.body)
	}
	if a = h.json(other, "GET", "/api/v1/information", 200, ""); a.at("items.0") != nil {
		t.Error(a.raw)
	}
}

// TestRelatedUsersManaged: related users by the management routes.
func TestRelatedUsersManaged(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.authorize(h.token(h.admin), "team", `{"name":"all","modules":["Users"],"write":true,"rights":[],"filter":{"all":true}}`))
	for _, name := range []string{"ana", "bia"} {
		h.json(tok, "POST", "/api/v1/related-users", 201, `{"name":"`+name+` silva","username":"`+name+`"}`)
	}
	if a := h.json(tok, "PUT", "/api/v1/related-users/1", 200, `{"username":"ana.silva"}`); a.text("name") != "ana silva" || a.text("username") != "ana.silva" {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v1/related-users?limit=1", 200, ""); a.text("items.0.username") != "ana.silva" || a.text("next") != "1" {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/api/v1/related-users/x", 404, `{"username":"x"}`)
	h.json(tok, "DELETE", "/api/v1/related-users/1", 200, "")
	h.json(tok, "DELETE", "/api/v1/related-users/1", 404, "")
	if a := h.json(tok, "GET", "/api/v1/related-users?after=1", 200, ""); a.text("items.0.username") != "bia" {
		t.Error(a.raw)
	}
	pam := h.token(h.authorize(h.token(h.admin), "pam", `{"name":"pam","modules":["PAM Core"],"rights":[],"filter":{"all":true}}`))
	h.json(pam, "GET", "/api/v1/related-users", 403, "")
}
