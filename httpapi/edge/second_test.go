package edge_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"cofre/httpapi/authn"
	"cofre/httpapi/edge"
)

// The second version of reads: filters, pages, projection, tags, and what is refused how.
func TestSecondVersion(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.form(admin, "POST", "/iso/pam/device", 201, "hostname", "db1", "ip", "192.0.2.2", "type", "Server", "vendor", "Oracle", "model", "19", "site", "main", "device_domain", "corp")
	h.json(admin, "POST", "/iso/pam/credential", 201, `{"identifier":"db1-sys","username":"sys","content":"topsecret","hostname":"db1","tags":["prod","db"],"parent_password":"web1-root","additional":"SID",
		"additional_settings":{"user_credential_owner":"ana","criticality":"High","notes":"n","server_path":"/x"}}`)
	h.json(admin, "POST", "/iso/pam/credential", 201, `{"identifier":"db1-app","username":"app","hostname":"db1","tags":["db"]}`)
	h.form(admin, "DELETE", "/iso/pam/credential/db1-app", 200)
	h.json(admin, "POST", "/iso/pam/credential", 400, `{"identifier":"db1-x","username":"x","hostname":"db1","additional_settings":{"criticality":"huge"}}`)

	const base = "/api/v2/pam/credentials"
	names := func(a answer) string {
		var out []string
		for _, i := range a.at("items").([]any) {
			out = append(out, i.(map[string]any)["credential"].(map[string]any)["username"].(string))
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"":                                        "root sys app",
		"credential.active=true":                  "root sys",
		"credential.active=false":                 "app",
		"credential.username=sys":                 "sys",
		"device_id=2":                             "sys app",
		"device.name=WEB1":                        "root",
		"device.domain_name=corp":                 "sys app",
		"credential.tags=db":                      "sys app",
		"credential.tags=db,linux":                "root sys app",
		"credential.criticality=high":             "sys",
		"credential.tags=db&credential.tags=prod": "sys",
		"credential.criticality=medium":           "root app",
		"credential.user_credential_owner=ana":    "sys",
		"jit.credential_enabled=false":            "root sys app",
		"jit.credential_enabled=true":             "",
		"reconciliation.credential_enabled=true":  "",
	} {
		a := h.json(admin, "GET", base+"?"+query, 200, "")
		if got := names(a); got != want {
			t.Errorf("%q: %s instead of %s", query, got, want)
		}
		if strings.Contains(a.raw, "topsecret") || strings.Contains(a.raw, "s3cret") {
			t.Error("a secret is shown")
		}
	}
	// Pages.
	var seen []string
	for next := ""; ; {
		a := h.json(admin, "GET", base+"?limit=1&after="+next, 200, "")
		seen = append(seen, names(a))
		if next = a.text("next"); next == "" {
			break
		}
	}
	if fmt.Sprint(seen) != "[root sys app]" {
		t.Error(seen)
	}
	// The detail and its projection.
	a := h.json(admin, "GET", base+"/2", 200, "")
	if a.at("id") != 2.0 || a.text("credential.criticality") != "high" || a.text("credential.user_credential_owner") != "ana" || a.at("credential.parent_credential.id") != 1.0 ||
		a.text("credential.additional_information") != "SID" || a.at("device.id") != 2.0 || a.text("device.name") != "db1" || a.at("credential.last_used_at") != nil || a.at("jit.credential_enabled") != false {
		t.Error(a.raw)
	}
	h.json(admin, "GET", "/iso/pam/credential/2", 200, "")
	if a := h.json(admin, "GET", base+"/2", 200, ""); a.text("credential.last_used_at") == "" {
		t.Error(a.raw)
	}
	h.json(admin, "POST", "/api/v1/policies", 201, `{"name":"databases","criteria":{"tags":["db"]}}`)
	h.json(admin, "PUT", "/iso/pam/credential/db1-sys", 200, `{"additional":"SID"}`) // criteria are looked at when it is written, or by the scheduler
	for number, want := range map[string]any{"1": nil, "2": "databases"} {
		if a := h.json(admin, "GET", base+"/"+number, 200, ""); a.at("credential.password_policy") != want {
			t.Error(a.raw)
		}
	}
	if a := h.json(admin, "GET", base+"/2?fields=device.name,credential.username,jit", 200, ""); strings.TrimSpace(a.raw) != `{"credential":{"username":"sys"},"device":{"name":"db1"},"jit":{"credential_enabled":false}}` {
		t.Error(a.raw)
	}
	if a := h.json(admin, "GET", base+"?fields=id&limit=1", 200, ""); strings.TrimSpace(a.raw) != `{"items":[{"id":1}],"next":"1"}` {
		t.Error(a.raw)
	}
	// Refusals.
	for query, want := range map[string]int{
		"?credential.active=1": 422, "?credential.active=yes": 422, "?device_id=0": 422, "?device_id=2147483648": 422, "?device_id=x": 422, "?credential.criticality=High": 422,
		"?credential.password=x": 422, "?unknown=1": 422, "?credential.username=a&credential.username=b": 422, "?limit=0x": 422, "?fields=nothing": 422, "?fields=credential.password": 403,
		"/2?fields=credential.content": 403, "/2?fields=": 200, "/404": 404, "/db1-sys": 200, "?credential.tags=" + strings.Repeat("x", 5000): 422,
	} {
		if a := h.send(h.request("GET", base+query, admin, "", "")); a.status != want || want >= 400 && a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	h.json("", "GET", base, 401, "")
	narrow := h.token(h.authorize(admin, "narrow", `{"name":"n","modules":["PAM Core"],"filter":{"tags":["db"]}}`))
	if got := names(h.json(narrow, "GET", base, 200, "")); got != "sys app" {
		t.Error(got)
	}
	h.json(narrow, "GET", base+"/1", 403, "")

	// Tags are of the content: another page has another, and a change makes another.
	status, tag, _ := h.conditional(admin, base, "")
	if status != 200 || tag == "" {
		t.Fatal(status, tag)
	}
	if status, again, n := h.conditional(admin, base, tag); status != http.StatusNotModified || again != tag || n != 0 {
		t.Error(status, again, n)
	}
	h.json(admin, "PUT", "/iso/pam/credential/db1-sys", 200, `{"additional_settings":{"criticality":"Critical"}}`)
	if status, _, _ := h.conditional(admin, base, tag); status != 200 {
		t.Error("a changed list was not shown again")
	}
}

// What is left of the rate stands in every answer, and refusals have it too.
func TestSecondVersionRate(t *testing.T) {
	t.Parallel()
	limits := edge.DefaultLimits
	h := open(t, func(d *edge.Deps) {
		limits.Source = authn.Rate{PerSecond: 0.001, Burst: 5}
		d.Limits = limits
	})
	tok := h.token(h.admin)
	var left []string
	for range 5 {
		r := h.request("GET", "/api/v2/pam/credentials", tok, "", "")
		res, err := h.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		left = append(left, strconv.Itoa(res.StatusCode)+"/"+res.Header.Get("X-RateLimit-Remaining"))
		reset, err := strconv.ParseInt(res.Header.Get("X-RateLimit-Reset"), 10, 64)
		if err != nil || reset <= time.Now().Unix() || res.Header.Get("X-RateLimit-Limit") != "5" {
			t.Errorf("%v", res.Header)
		}
	}
	if fmt.Sprint(left) != "[200/3 200/2 200/1 200/0 429/0]" {
		t.Error(left)
	}
}
