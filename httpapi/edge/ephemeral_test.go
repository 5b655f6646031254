package edge_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/fsm/state"
	"cofre/fsm/table"
)

// await gives the number of the first dynamic user beyond n that is on its way.
func (h *house) await(n uint64) string {
	h.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		again := h.fsm.Changed()
		v := h.fsm.View()
		for u := range state.DynamicUsers.Range(v, "number", table.NumberKey(n+1), table.NumberKey(1<<62)) {
			v.Close()
			return strconv.FormatUint(u.Number, 10)
		}
		v.Close()
		select {
		case <-again:
		case <-time.After(time.Until(end)):
		}
	}
	h.t.Fatal("nobody requested a dynamic user")
	return ""
}

// A secret with an ephemeral entry: the first read makes the user, others wait for the same one, and nobody is told half.
func TestEphemeralSecret(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	h.json(tok, "POST", "/api/v1/secrets", 400, `{"identity":"db","ephemerals":[{"device":"db1","profile":"none"}]}`)
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"db","values":[{"name":"URL","value":"db://1"}],"ephemerals":[{"device":"db1","profile":"app","username":"DB_USER","password":"DB_PASS"}]}`)
	var all sync.WaitGroup
	answers := make([]answer, 3)
	for i := range answers {
		all.Add(1)
		go func() {
			defer all.Done()
			answers[i] = h.send(h.request("GET", []string{"/iso/dapp/application", "/iso/sctm/secret", "/api/dapp/application"}[i], tok, "", ""))
		}()
	}
	h.create(h.await(0), "Ephemeral-1")
	all.Wait()
	for _, a := range answers {
		if a.status != 200 || !strings.Contains(a.raw, `"DB_PASS":"Ephemeral-1"`) || !strings.Contains(a.raw, `"DB_USER":"app_`) || !strings.Contains(a.raw, `"URL":"db://1"`) {
			t.Error(a.status, a.raw)
		}
	}
	if a := h.json(tok, "GET", "/api/v1/leases?state=all", 200, ""); len(a.at("items").([]any)) != 1 || a.text("items.0.secret") == "" {
		t.Error("three readers, not one user: " + a.raw)
	}
	if a := h.json(tok, "GET", "/api/v1/audit?kind=dsm.read", 200, ""); a.text("items.0.fields.users") != "1" || len(a.at("items").([]any)) != 3 {
		t.Error(a.raw)
	}
	// A pod has its own; the same pod gets the same one; without a Deployment it is refused.
	go func() { h.create(h.await(1), "Ephemeral-2") }()
	pod := []string{"pod_name", "web-1", "deploy", "web", "namespace", "shop"}
	a := h.form(tok, "POST", "/iso/coe/dapp/provision", 200, append(pod, "identity", "db")...)
	if !strings.Contains(a.raw, "Ephemeral-2") || a.text("secret.identity") != "db" || a.at("secret.renew_ephemeral_credential_time") != false || a.at("response.secret.renew_credential_time") != false {
		t.Error(a.raw)
	}
	if a := h.form(tok, "POST", "/api/coe/dapp/provision", 200, pod...); !strings.Contains(a.raw, "Ephemeral-2") || a.at("application.secrets.0.identity") != "db" {
		t.Error(a.raw)
	}
	h.form(tok, "POST", "/iso/coe/dapp/provision", 400, pod[:4]...)
	h.form(tok, "POST", "/iso/coe/dapp/provision", 404, append(pod, "identity", "none")...)
	if a := h.json(tok, "GET", "/api/v1/leases/2", 200, ""); a.text("pod") != "shop/web/web-1" {
		t.Error(a.raw)
	}
	for _, path := range []string{"/iso/coe/dapp/deprovision", "/api/dapp/deprovision"} {
		h.form(tok, "POST", path, 200, append(pod, "secret_id", "1")...)
	}
	if a := h.json(tok, "GET", "/api/v1/leases?state=removing", 200, ""); len(a.at("items").([]any)) != 1 || a.text("items.0.reason") != "deprovision" {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/iso/sctm/secret", 200, ""); !strings.Contains(a.raw, "Ephemeral-1") {
		t.Error("the pod's end took the application's user: " + a.raw)
	}
}

// Who has seen a user is told of the next one: the tag of the former is good no more.
func TestEphemeralTag(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"db","ephemerals":[{"device":"db1","profile":"app"}]}`)
	go func() { h.create(h.await(0), "Ephemeral-1") }()
	_, tag, _ := h.conditional(tok, "/iso/sctm/secret", "")
	if status, _, _ := h.conditional(tok, "/iso/sctm/secret", tag); status != 304 || tag == "" {
		t.Errorf("the same user: %d", status)
	}
	h.json(tok, "PUT", "/api/v1/devices/db1", 200, `{"hostname":"db1-new"}`)
	status, renamed, _ := h.conditional(tok, "/iso/sctm/secret", tag)
	if status != 200 || renamed == tag {
		t.Errorf("the same user on a device of another name: %d", status)
	}
	tag = renamed
	h.json(tok, "DELETE", "/api/v1/leases/1", 200, "")
	go func() { h.create(h.await(1), "Ephemeral-2") }()
	if a := h.json(tok, "GET", "/iso/sctm/secret", 200, ""); !strings.Contains(a.raw, "Ephemeral-2") {
		t.Error(a.raw)
	}
	if status, now, _ := h.conditional(tok, "/iso/sctm/secret", tag); status != 200 || now == tag {
		t.Errorf("another user: %d, tag %s of %s", status, now, tag)
	}
}

// A user that does not come to be: the read says when to ask again, and tells nothing.
func TestEphemeralUnavailable(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"db","values":[{"name":"URL","value":"db://1"}],"ephemerals":[{"device":"db1","profile":"app"}]}`)
	go func() {
		h.json(tok, "DELETE", "/api/v1/leases/"+h.await(0), 200, "")
	}()
	a := h.send(h.request("GET", "/iso/dapp/application", tok, "", ""))
	if a.status != 503 || a.header.Get("Retry-After") == "" || a.at("response.error") != true || strings.Contains(a.raw, "db://1") {
		t.Error(a.status, a.header, a.raw)
	}
}

// Automatic provisioning: every authorization of the application gets a secret of each pair by itself.
func TestAutomaticProvisioning(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	h.json(tok, "POST", "/api/v1/applications", 201, `{"name":"shop"}`)
	h.json(tok, "PUT", "/api/v1/applications/shop/provisioning", 200, `{"automatic":true,"pairs":[{"device":"db1","profile":"app"}]}`)
	k := h.json(tok, "POST", "/api/v1/applications/shop/authorizations", 201, `{"name":"prod","modules":["Application"],"rights":["secret.read"],"filter":{"tags":["none"]}}`)
	shop := h.token(keys{k.text("client_id"), k.text("client_secret")})
	go func() { h.create(h.await(0), "Ephemeral-1") }()
	a := h.json(shop, "GET", "/iso/dapp/application", 200, "")
	if a.text("application.secrets.0.identity") != "app@db1" || a.text("application.secrets.0.data.0.password") != "Ephemeral-1" || a.text("application.secrets.0.data.0.TTL") != "600" || a.text("application.secrets.0.data.0.hostname") != "db1" {
		t.Error(a.raw)
	}
	// Disabled, it takes its users with it.
	h.json(tok, "PUT", "/api/v1/applications/shop/authorizations/prod", 200, `{"enabled":false}`)
	v := h.fsm.View()
	defer v.Close()
	n := 0
	for range state.Revocations.All(v, "") {
		n++
	}
	if n != 1 {
		t.Errorf("%d revocations", n)
	}
}

// A quota that no read could be served within is refused. One that is used up refuses the read as a whole, and tells of which pair;
// secrets that show no dynamic user are still read by their names.
func TestAutomaticWithinQuota(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	h.json(tok, "POST", "/api/v1/dynamic-profiles", 201, `{"identifier":"rpt","executor":"ssh","create":"add","remove":"drop","authentication":"db1-root","ttl":"10m"}`)
	h.json(tok, "POST", "/api/v1/applications", 201, `{"name":"shop"}`)
	const pairs = `"pairs":[{"device":"db1","profile":"app"},{"device":"db1","profile":"rpt"}]`
	if a := h.json(tok, "PUT", "/api/v1/applications/shop/provisioning", 400, `{"automatic":true,`+pairs+`,"quota":1}`); a.text("field") != "quota" || !strings.Contains(a.raw, "which are 2, and the quota is 1") {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/api/v1/applications/shop/provisioning", 200, `{`+pairs+`,"quota":1}`)
	h.json(tok, "PUT", "/api/v1/applications/shop/provisioning", 400, `{"automatic":true}`)
	h.json(tok, "PUT", "/api/v1/applications/shop/provisioning", 200, `{"automatic":true,"quota":2}`)
	of := func(body string) string {
		a := h.json(tok, "POST", "/api/v1/applications/shop/authorizations", 201, body)
		return h.token(keys{a.text("client_id"), a.text("client_secret")})
	}
	prod, test := of(dsmClient), of(`{"name":"test","modules":["Application"],"rights":["secret.read"],"filter":{"tags":["none"]}}`)
	h.json(prod, "POST", "/iso/sctm/secret", 201, `{"identity":"static","data":{"B":"plain"}}`)
	go func() {
		h.create(h.await(0), "Ephemeral-1")
		h.create(h.await(1), "Ephemeral-2")
	}()
	h.json(test, "GET", "/iso/dapp/application", 200, "")
	for range 2 { // nothing is left half done
		a := h.json(prod, "GET", "/iso/dapp/application", 429, "")
		if a.header.Get("Retry-After") != "60" || !strings.Contains(a.raw, "no user of profile ") || !strings.Contains(a.raw, "its quota is 2") || strings.Contains(a.raw, "plain") {
			t.Error(a.header, a.raw)
		}
	}
	if a := h.json(prod, "GET", "/api/dsm/secret/static", 200, ""); !strings.Contains(a.raw, "plain") {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v1/applications/shop/provisioning", 200, ""); a.at("live") != 2.0 {
		t.Error(a.raw)
	}
}

// A pipeline may name the profiles by which its application gets users, as the vendor's clients do; it gets nobody others, and learns
// nothing of those of an application that is not its own.
func TestRegisteredProfiles(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	h.json(tok, "POST", "/api/v1/applications", 201, `{"name":"shop"}`)
	h.json(tok, "POST", "/api/v1/applications", 201, `{"name":"theirs"}`)
	for _, name := range []string{"shop", "theirs"} {
		h.json(tok, "PUT", "/api/v1/applications/"+name+"/provisioning", 200, `{"pairs":[{"device":"db1","profile":"app"}]}`)
	}
	k := h.authorize(tok, "ci", `{"name":"prod","modules":["Application"],"write":true,"creates":true,"rights":["secret.read"],"filter":{"tags":["none"]},"delegations":[{"applications":["shop"],"systems":["*"],"environments":["*"]}]}`)
	ci := h.token(k)
	ask := func(application, profiles string, status int) answer {
		t.Helper()
		return h.json(ci, "POST", "/iso/dapp/application", status, `{"application":"`+application+`","system":"erp","environment":"prod",`+profiles+`}`)
	}
	first := ask("shop", `"credential_profiles":[{"device":"db1","profile":"app"}],"cloud_profiles":[]`, 200).text("id")
	for _, ok := range []string{`"credential_profiles":[{"device":"192.0.2.1","profile":"app"}]`, `"cloud_profiles":["app"]`, `"credential_profiles":[],"cloud_profiles":[]`} {
		if again := ask("shop", ok, 200).text("id"); again != first || first == "" {
			t.Errorf("%s: %q and %q", ok, first, again)
		}
	}
	none := ask("shop", `"credential_profiles":[{"device":"db1","profile":"none"}]`, 400).text("response.message")
	for _, c := range []struct{ application, profiles string }{
		{"shop", `"credential_profiles":[{"device":"none","profile":"app"}]`}, {"shop", `"credential_profiles":[{"device":"db1","profile":"app"},{"device":"db2","profile":"app"}]`},
		{"shop", `"cloud_profiles":["none"]`}, {"fresh", `"cloud_profiles":["app"]`},
	} {
		if a := ask(c.application, c.profiles, 400); a.text("response.message") != none {
			t.Errorf("%s: %s", c.profiles, a.raw)
		}
	}
	if a := h.json(tok, "GET", "/api/v1/applications", 200, ""); strings.Contains(a.raw, "fresh") {
		t.Error("a refused pipeline left an application")
	}
	ask("shop", `"credential_profiles":["app"]`, 400)
	foreign := ask("theirs", `"cloud_profiles":[]`, 400).text("response.message")
	for _, p := range []string{"app", "none"} {
		if a := ask("theirs", `"cloud_profiles":["`+p+`"]`, 400); a.text("response.message") != foreign {
			t.Errorf("%s of a foreign application: %s", p, a.raw)
		}
	}
}

// Renewal: its interval fits the life of the users, and who switches on the change of accounts learns who reads them.
func TestRenewal(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	h.json(tok, "PUT", "/api/v1/dynamic-profiles/app", 200, `{"ttl":"30m","life":"0s"}`)
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"db","accounts":[{"credential":"db1-root","password":"P"}],"ephemerals":[{"device":"db1","profile":"app"}]}`)
	for body, field := range map[string]string{
		`{"identity":"x","ephemerals":[{"device":"db1","profile":"app"},{"device":"db1","profile":"none"}]}`: "ephemerals[1].profile",
		`{"identity":"x","ephemerals":[{"device":"none","profile":"app"}]}`:                                  "ephemerals[0].device",
		`{"identity":"x","accounts":[{"credential":"db1-root"},{"credential":"none"}]}`:                      "accounts[1]",
		`{"identity":"x","values":[{"name":"A","value":"a"},{"name":"B"}]}`:                                  "values[1].value",
	} {
		if a := h.json(tok, "POST", "/api/v1/secrets", 400, body); a.text("field") != field {
			t.Errorf("%s: %s", body, a.raw)
		}
	}
	for body, field := range map[string]string{`{"renew_ephemeral":"9m"}`: "renew_ephemeral", `{"renew_ephemeral":"20m"}`: "renew_ephemeral", `{"renew_credential":"1m"}`: "renew_credential"} {
		if a := h.json(tok, "PUT", "/api/v1/secrets/db", 400, body); a.text("field") != field {
			t.Error(a.raw)
		}
	}
	go func() { h.create(h.await(0), "Ephemeral-1") }()
	h.json(tok, "GET", "/iso/sctm/secret", 200, "")
	if a := h.json(tok, "PUT", "/api/v1/secrets/db", 200, `{"renew_ephemeral":"19m","renew_credential":"24h"}`); a.text("renew_ephemeral") != "19m" || a.text("recent_readers.0.authorization") != "admin/admin" {
		t.Error(a.raw)
	}
	h.form(tok, "POST", "/iso/sctm/secret", 201, "identity", "db", "renew_ephemeral_credential_time", "15")
	h.form(tok, "POST", "/iso/sctm/secret", 400, "identity", "db", "renew_ephemeral_credential_time", "soon")
	h.form(tok, "POST", "/iso/sctm/secret", 400, "identity", "db", "renew_cloud_time", "soon")
	h.form(tok, "POST", "/iso/sctm/secret", 400, "identity", "db", "renew_cloud_time", "12", "renew_ephemeral_credential_time", "15")
	h.form(tok, "POST", "/iso/sctm/secret", 201, "identity", "db", "renew_cloud_time", "false", "renew_ephemeral_credential_time", "15")
	if a := h.json(tok, "GET", "/api/v1/secrets/db", 200, ""); a.text("renew_ephemeral") != "15m" || a.text("renew_credential") != "24h" {
		t.Error(a.raw)
	}
	h.form(tok, "POST", "/iso/sctm/secret", 201, "identity", "db", "renew_cloud_time", "12")
	if a := h.json(tok, "GET", "/api/v1/secrets/db", 200, ""); a.text("renew_ephemeral") != "12m" {
		t.Error(a.raw)
	}
	h.form(tok, "POST", "/iso/sctm/secret", 201, "identity", "db", "renew_ephemeral_credential_time", "")
	if a := h.json(tok, "GET", "/api/v1/secrets/db", 200, ""); a.at("renew_ephemeral") != nil {
		t.Error(a.raw)
	}
}
