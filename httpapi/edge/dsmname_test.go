package edge_test

import (
	"strings"
	"testing"
)

// An identity is unique among the secrets of one owner. Who reaches several of one name changes none of them by it, is told which
// there are, and names one by its number; who reaches one reads it as ever.
func TestDsmSeveralOfOneName(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	plain := strings.Replace(dsmClient, `{"tags":["prod"]}`, `{}`, 1)
	of, number := map[string]string{}, map[string]string{}
	for _, name := range []string{"billing", "shop", "reader"} {
		of[name] = h.token(h.authorize(admin, name, plain))
	}
	for _, name := range []string{"billing", "shop"} {
		a := h.json(admin, "POST", "/api/dsm/secret", 201, `{"identifier":"db","data":{"KEY":"of-`+name+`"},"application":"`+name+`"}`)
		number[name] = a.text("secret.secret_id")
	}
	want := "2 secrets are called db: " + number["billing"] + " of billing/prod, " + number["shop"] + " of shop/prod. Name one by its number"
	refused := func(token string) {
		t.Helper()
		for _, c := range [][3]string{
			{"GET", "/api/dsm/secret/db"}, {"PUT", "/api/dsm/secret/db", `{"data":{"KEY":"wrong"}}`}, {"DELETE", "/api/dsm/secret/db"},
			{"GET", "/api/v1/secrets/db"}, {"GET", "/api/v1/secrets/db/data"}, {"GET", "/api/v1/secrets/db/data?version=1"}, {"PUT", "/api/v1/secrets/db", `{"values":[{"name":"KEY","value":"wrong"}]}`},
			{"PUT", "/api/v1/secrets/db/status", `{"enabled":false}`}, {"POST", "/api/v1/secrets/db/rollback", `{"version":1}`},
		} {
			if a := h.json(token, c[0], c[1], 409, c[2]); !strings.Contains(a.raw, want) {
				t.Errorf("%s %s: %s", c[0], c[1], a.raw)
			}
		}
	}
	refused(admin)
	if a := h.json(admin, "POST", "/api/v1/secret-automations", 409, `{"name":"push","triggers":["secret.updated"],"secrets":["db"]}`); !strings.Contains(a.raw, want) {
		t.Error(a.raw)
	}
	for _, name := range []string{"billing", "shop"} {
		if a := h.form(of[name], "GET", "/api/dsm/secret/db", 200); a.text("response.secret.data.KEY") != "of-"+name || a.text("secret.version") != "1" {
			t.Error(a.raw)
		}
	}
	// By number everything goes on, and an application's own comes before what is shared with it.
	h.json(admin, "PUT", "/api/v1/secrets/"+number["shop"], 200, `{"values":[{"name":"KEY","value":"right"}],"readers":[{"application":"reader"},{"application":"billing"}]}`)
	for name, value := range map[string]string{"billing": "of-billing", "shop": "right", "reader": "right"} {
		if a := h.form(of[name], "GET", "/api/dsm/secret/db", 200); a.text("response.secret.data.KEY") != value {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	// Neither do two that are shared with one.
	h.json(admin, "PUT", "/api/v1/secrets/"+number["billing"], 200, `{"readers":[{"application":"reader"}]}`)
	if a := h.form(of["reader"], "GET", "/api/dsm/secret/db", 409); !strings.Contains(a.raw, want) {
		t.Error(a.raw)
	}
	// Of several the one is read that is handed out; a change still says which it means.
	h.json(admin, "PUT", "/api/v1/secrets/"+number["shop"]+"/status", 200, `{"enabled":false}`)
	for _, name := range []string{"admin", "reader"} {
		token := of[name]
		if name == "admin" {
			token = admin
		}
		if a := h.form(token, "GET", "/api/dsm/secret/db", 200); a.text("response.secret.data.KEY") != "of-billing" {
			t.Error(a.raw)
		}
	}
	h.json(admin, "PUT", "/api/v1/secrets/db/status", 409, `{"enabled":true}`)
	if strings.Contains(h.logs.String(), "of-billing") {
		t.Error("the log holds a value")
	}
}
