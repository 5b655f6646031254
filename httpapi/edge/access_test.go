package edge_test

import (
	"strings"
	"testing"
)

// TestAccessProfiles: an authorization without rights and reach of its own gets both by a profile, on the profile's
// credentials alone and only while it has the profile.
func TestAccessProfiles(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin) // web1-root, tags prod and linux
	h.json(admin, "POST", "/api/v1/templates", 200, `{"name":"passwd","executor":"ssh","content":"exec \"passwd\""}`)
	h.json(admin, "PUT", "/api/v1/credentials/web1-root", 200, `{"execution":{"template":"passwd"}}`)
	h.json(admin, "POST", "/api/v1/credentials", 201, `{"identifier":"web1-db","hostname":"web1","username":"db","secret":"other","tags":["db"],"execution":{"template":"passwd"}}`)
	for body, field := range map[string]string{
		`{"name":"p","rights":["cluster.admin"],"tags":["linux"]}`: "rights", `{"name":"p","rights":["secret.read"]}`: "credentials",
		`{"name":"p","devices":["nowhere"]}`: "", `{"name":"","tags":["linux"]}`: "name",
	} {
		if a := h.json(admin, "POST", "/api/v1/access-profiles", 400, body); field != "" && a.text("field") != field {
			t.Errorf("%s: %s", body, a.raw)
		}
	}
	h.json(admin, "POST", "/api/v1/access-profiles", 400, `{"name":"p","tags":["linux"],"colour":"red"}`)
	h.json(admin, "POST", "/api/v1/access-profiles", 201, `{"name":"readers","rights":["secret.read"],"tags":["linux"]}`)
	h.json(admin, "POST", "/api/v1/access-profiles", 409, `{"name":"readers","tags":["linux"]}`)
	h.json(admin, "POST", "/api/v1/access-profiles", 201, `{"name":"runners","rights":["operation.run"],"credentials":["web1-db"]}`)

	ops := h.token(h.authorize(admin, "ops", `{"name":"ops","modules":["PAM Core"],"write":true,"rights":[],"filter":{"tags":["nothing"]}}`))
	tried := func(read, list, run int, seen ...string) {
		t.Helper()
		for name, want := range map[string]int{"web1-root": read, "web1-db": 400} {
			if a := h.send(h.request("GET", "/api/v1/credentials/"+name+"/secret", ops, "", "")); (a.status == 200) != (want == 200) {
				t.Errorf("read %s: %d, %s", name, a.status, a.raw)
			}
		}
		if a := h.json(ops, "GET", "/api/v1/credentials", list, ""); len(a.at("items").([]any)) != len(seen) || !all(a.raw, seen) {
			t.Errorf("sees %s, not %v", a.raw, seen)
		}
		for name, want := range map[string]int{"web1-db": run, "web1-root": 400} {
			if a := h.send(h.request("POST", "/api/v1/operations", ops, "application/json", `{"credential":"`+name+`"}`)); (a.status < 300) != (want < 300) {
				t.Errorf("run on %s: %d, %s", name, a.status, a.raw)
			}
		}
	}
	tried(400, 200, 400)
	h.json(admin, "PUT", "/api/v1/applications/ops/authorizations/ops", 200, `{"profiles":["readers","runners"]}`)
	tried(200, 200, 201, "web1-root", "web1-db")
	// The vendor's read goes by the profile too; a credential that is reached for another right is shown without its secret.
	if a := h.json(ops, "GET", "/iso/pam/credential/web1-root", 200, ""); a.text("credential.password") != "s3cret" {
		t.Error(a.raw)
	}
	h.json(admin, "PUT", "/api/v1/applications/ops/authorizations/ops", 200, `{"rights":["secret.read"]}`)
	if a := h.json(ops, "GET", "/iso/pam/credential/web1-db", 200, ""); a.text("credential.username") != "db" || a.at("credential.password") != nil {
		t.Error(a.raw)
	}
	h.json(admin, "PUT", "/api/v1/applications/ops/authorizations/ops", 200, `{"rights":[]}`)
	if a := h.json(ops, "GET", "/api/v1/whoami", 200, ""); a.text("access_profiles.0.name") != "readers" || a.text("access_profiles.0.rights.0") != "secret.read" || a.text("access_profiles.1.name") != "runners" {
		t.Error(a.raw)
	}
	h.json(admin, "PUT", "/api/v1/access-profiles/readers", 200, `{"enabled":false}`)
	tried(400, 200, 201, "web1-db")
	h.json(admin, "PUT", "/api/v1/access-profiles/readers", 409, `{"enabled":true,"revision":1}`)
	h.json(admin, "DELETE", "/api/v1/access-profiles/runners", 200, "")
	tried(400, 200, 400)
	h.json(admin, "PUT", "/api/v1/applications/ops/authorizations/ops", 404, `{"profiles":["unknown"]}`)

	// Nobody grants what he does not hold: who manages authorizations without the right to read makes no profile that reads.
	some := h.token(h.authorize(admin, "grants", `{"name":"grants","modules":["A2A"],"write":true,"rights":["authorization.write"],"filter":{"all":true}}`))
	for _, c := range [][3]string{
		{"POST", "/api/v1/access-profiles", `{"name":"mine","rights":["secret.read"],"tags":["linux"]}`},
		{"PUT", "/api/v1/access-profiles/readers", `{"enabled":true}`},
		{"POST", "/api/v1/applications/grants/authorizations", `{"name":"more","modules":["A2A"],"filter":{"tags":["x"]},"profiles":["readers"]}`},
	} {
		h.json(some, c[0], c[1], 403, c[2])
	}
	h.json(ops, "GET", "/api/v1/access-profiles", 403, "")
}

func all(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
