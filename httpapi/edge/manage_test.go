package edge_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/httpapi/health"
)

func TestManagement(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.json(tok, "POST", "/api/v1/devices", 201, `{"hostname":"web1","ip":"192.0.2.1","connectivities":[{"protocol":"ssh","port":22}]}`)
	h.json(tok, "POST", "/api/v1/devices", 409, `{"hostname":"web1"}`)
	a := h.json(tok, "PUT", "/api/v1/devices/web1", 200, `{"site":"north"}`)
	if a.text("ip") != "192.0.2.1" || a.text("site") != "north" || a.text("connectivities.0.protocol") != "SSH" {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/api/v1/devices/web1", 409, `{"site":"x","revision":1}`)
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJJ8lSRGHTQ8VZwkWYFW9AFTPSn+zKRSqUnQn0CDmX0G"
	a = h.json(tok, "POST", "/api/v1/devices/web1/trust", 200, `{"keys":[{"key":"web1 `+key+` comment"},{"fingerprint":"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`)
	if n := len(a.at("host_keys").([]any)); n != 2 || !strings.Contains(a.raw, key) {
		t.Error(a.raw)
	}
	a = h.json(tok, "POST", "/api/v1/policies", 201, `{"name":"weekly","max_age":"168h","exclusive":true,"strength":{"length":30}}`)
	if a.text("max_age") != "168h" || a.at("strength.length") != 30.0 || a.at("strength.lower") != 3.0 || a.text("custody_ttl") != "1h" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "PUT", "/api/v1/policies/weekly", 200, `{"max_age":"0s"}`); a.text("max_age") != "0s" || a.at("exclusive") != true {
		t.Error(a.raw)
	}
	if a = h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"passwd","executor":"ssh","content":"exec \"passwd\""}`); a.at("current") != 1.0 {
		t.Error(a.raw)
	}
	if a = h.json(tok, "POST", "/api/v1/templates", 400, `{"name":"passwd","executor":"ssh","content":"bogus"}`); a.text("field") != "content" {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"passwd","executor":"ssh","content":"exec \"passwd2\"","base":1}`)
	if a = h.json(tok, "GET", "/api/v1/templates/passwd/versions", 200, ""); len(a.at("items").([]any)) != 2 {
		t.Error(a.raw)
	}
	a = h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"web1-root","hostname":"web1","username":"root","secret":"s3cret","policy":"weekly","tags":["prod"],"execution":{"template":"passwd","automatic":true}}`)
	if a.text("policy") != "weekly" || a.text("execution.template") != "passwd" || a.text("execution.executor") != "ssh" || strings.Contains(a.raw, "s3cret") {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/api/v1/credentials", 409, `{"hostname":"web1","username":"root"}`)
	if a = h.json(tok, "PUT", "/api/v1/credentials/web1-root", 400, `{"totp":"not a key"}`); a.text("field") != "totp" || strings.Contains(a.raw, "not a key") {
		t.Errorf("bad key of one-time codes: %s", a.raw)
	}
	if a = h.json(tok, "PUT", "/api/v1/credentials/web1-root", 200, `{"totp":"JBSWY3DPEHPK3PXP","settings":{"server_path":"/srv"}}`); a.at("totp") != true || a.text("settings.server_path") != "/srv" || strings.Contains(a.raw, "JBSW") {
		t.Errorf("key of one-time codes: %s", a.raw)
	}
	if a = h.json(tok, "PUT", "/api/v1/credentials/web1-root", 200, `{"totp":""}`); a.at("totp") != nil {
		t.Errorf("removed key of one-time codes: %s", a.raw)
	}
	if a = h.json(tok, "POST", "/api/v1/credentials", 400, `{"hostname":"web1","username":"x","execution":{"template":"none"}}`); a.text("field") == "" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/credentials/web1-root/secret", 200, ""); a.text("secret") != "s3cret" || a.at("version") != 1.0 {
		t.Error(a.raw)
	}
	h.json(tok, "DELETE", "/api/v1/credentials/web1-root/custody", 200, "")
	a = h.json(tok, "POST", "/api/v1/operations", 201, `{"credential":"web1-root"}`)
	id, number := a.text("id"), a.at("number")
	if a.text("state") != "ready" || a.text("kind") != "password_change" || a.text("credential.hostname") != "web1" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "POST", "/api/v1/operations", 200, `{"credential":"web1-root","kind":"change"}`); a.text("id") != id {
		t.Error("an open operation was doubled: " + a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/operations?state=ready&credential=web1-root", 200, ""); a.text("items.0.id") != id {
		t.Error(a.raw)
	}
	h.json(tok, "POST", fmt.Sprintf("/api/v1/operations/%v/cancel", number), 200, "")
	if a = h.json(tok, "GET", "/api/v1/operations/"+id+"?wait=30s", 200, ""); a.text("state") != "cancelled" || a.at("final") != true {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/api/v1/operations/"+id+"/cancel", 409, "")
	if a = h.json(tok, "GET", "/api/v1/audit?kind=credential.read", 200, ""); a.text("items.0.fields.number") != "1" || a.text("items.0.source") != "127.0.0.1" || a.text("items.0.authorization") != "auth0" {
		t.Error(a.raw)
	}
	// Every secret that became visible is one event, and lists walk in pages.
	var all []any
	for next := ""; ; {
		a := h.json(tok, "GET", "/api/v1/audit?limit=7&after="+next, 200, "")
		all = append(all, a.at("items").([]any)...)
		if next = a.text("next"); next == "" {
			break
		}
	}
	for i, e := range all {
		if e.(map[string]any)["seq"] != float64(i+1) {
			t.Fatalf("event %d has number %v", i+1, e.(map[string]any)["seq"])
		}
	}
	n := len(all)
	for next := ""; n > 0; n -= 7 {
		a := h.json(tok, "GET", "/api/v1/audit?sort=-seq&limit=7&after="+next, 200, "")
		if next = a.text("next"); a.at("items.0.seq") != float64(n) || (next == "") != (n <= 7) {
			t.Fatalf("newest first, where event %d is to come, next %q: %s", n, next, a.raw)
		}
	}
}

// A long poll answers when the operation ends, not when the time is over.
func TestLongPoll(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"passwd","executor":"ssh","content":"x"}`)
	h.form(tok, "PUT", "/iso/pam/credential/web1-root", 200, "execution_settings", `{"change_plugin":"SSH","change_template":"passwd"}`)
	id := h.json(tok, "POST", "/api/v1/operations", 201, `{"credential":"web1-root"}`).text("id")
	if a := h.json(tok, "GET", "/api/v1/operations/"+id+"?wait=1ms", 200, ""); a.text("state") != "ready" {
		t.Error(a.raw)
	}
	done := make(chan answer)
	started := time.Now()
	r := h.request("GET", "/api/v1/operations/"+id+"?wait=30s", tok, "", "")
	go func() { done <- h.send(r) }()
	actor := model.Actor{Kind: model.ActorClient, Authorization: "auth0", Epoch: 1, Source: "127.0.0.1"}
	if _, err := command.Propose(context.Background(), h, operation.Cancel, actor, operation.ControlArgs{Operation: model.OperationID(id)}); err != nil {
		t.Fatal(err)
	}
	if a := <-done; a.text("state") != "cancelled" || time.Since(started) > 20*time.Second {
		t.Errorf("%s after %s", a.raw, time.Since(started))
	}
}

// Who may do what, seen through the wire: authorizations with less than everything.
func TestAuthorizations(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.form(admin, "POST", "/iso/pam/credential", 201, "hostname", "web1", "username", "other", "identifier", "other", "content", "foreign", "tags", "test")
	read := h.authorize(admin, "reader", `{"name":"a","filter":{"tags":["prod"]}}`)
	reader := h.token(read)
	a := h.json(admin, "GET", "/api/v1/applications/reader/authorizations/a", 200, "")
	if fmt.Sprint(a.at("rights"), a.at("modules"), a.at("write")) != "[secret.read] [PAM Core] false" || strings.Contains(a.raw, read.secret) {
		t.Errorf("defaults: %s", a.raw)
	}
	if a := h.json(reader, "GET", "/iso/pam/credential", 200, ""); len(a.at("credentials").([]any)) != 1 {
		t.Error(a.raw)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		code               float64
	}{
		{"GET", "/iso/pam/credential/web1-root", "", 200, 0},
		{"GET", "/iso/pam/credential/other", "", 400, 1009},
		{"GET", "/iso/coe/senha/other", "", 400, 1009},
		{"GET", "/iso/pam/credential/none", "", 400, 1007},
		{"POST", "/iso/pam/credential", "hostname=web1&username=new", 403, 1039},
		{"POST", "/iso/pam/device", "hostname=web9&ip=192.0.2.9", 403, 1039},
		{"DELETE", "/iso/pam/credential/web1-root", "", 403, 1039},
		{"GET", "/api/v1/audit", "", 403, 0},
		{"GET", "/api/v1/applications", "", 403, 0},
		{"POST", "/api/v1/operations", `{"credential":"web1-root","kind":"verify"}`, 403, 0},
		{"POST", "/api/v1/whoami/secret-read", "", 403, 0},
	} {
		a := h.want(h.send(h.request(c.method, c.path, reader, "", c.body)), c.status)
		if got, _ := a.at("exception.code").(float64); c.code != 0 && got != c.code {
			t.Errorf("%s %s: %s", c.method, c.path, a.raw)
		}
	}
	// Metadata only: the same body without password and content, and no custody.
	meta := h.token(h.authorize(admin, "inventory", `{"name":"a","rights":[],"filter":{"credentials":["web1-root"]}}`))
	a = h.json(meta, "GET", "/iso/pam/credential/web1-root", 200, "")
	if a.text("credential.username") != "root" || a.at("credential.password") != nil || a.at("credential.content") != nil {
		t.Error(a.raw)
	}
	h.json(meta, "DELETE", "/iso/pam/credential/custody/web1-root", 400, "")
	h.json(meta, "GET", "/iso/coe/senha/web1-root", 403, "")
	// What nothing is said of, for applications that read their secrets, and where there is nothing to read.
	for body, want := range map[string]string{
		`{"name":"d","modules":["Application","Secrets Management"]}`:             "[secret.read]",
		`{"name":"d","modules":["Application"],"write":true}`:                     "[secret.read credential.write]",
		`{"name":"d","modules":["Application","Secrets Management"],"rights":[]}`: "[]",
		`{"name":"d","modules":["Dashboards","A2A"],"write":true}`:                "[]",
	} {
		a := h.json(admin, "POST", "/api/v1/applications/inventory/authorizations", 201, body)
		if got := fmt.Sprint(a.at("authorization.rights")); got != want {
			t.Errorf("%s: %s", body, got)
		}
		h.json(admin, "DELETE", "/api/v1/applications/inventory/authorizations/d", 200, "")
	}
	// Other addresses, expired, disabled, revoked.
	far := h.authorize(admin, "far", `{"name":"a","ips":["10.0.0.0/8"]}`)
	if a := h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+far.id+"&client_secret="+far.secret)), 403); a.text("message") != "IP not allowed" {
		t.Error(a.raw)
	}
	h.json(admin, "PUT", "/api/v1/applications/far/authorizations/a", 200, `{"ips":[],"expires_at":"2020-01-01T00:00:00Z"}`)
	if a := h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+far.id+"&client_secret="+far.secret)), 401); !strings.Contains(a.text("message"), "Inactive authorization") {
		t.Error(a.raw)
	}
	h.json(admin, "POST", "/api/v1/applications/reader/authorizations/a/revoke", 200, "")
	for _, path := range []string{"/iso/pam/credential", "/iso/pam/credential/web1-root", "/api/v1/whoami"} {
		h.json(reader, "GET", path, 401, "")
	}
	reader = h.token(read)
	h.json(reader, "GET", "/iso/pam/credential", 200, "")
	h.json(admin, "PUT", "/api/v1/applications/reader/authorizations/a", 200, `{"enabled":false}`)
	h.json(reader, "GET", "/iso/pam/credential", 401, "")
	// New keys: the old secret ends.
	h.json(admin, "PUT", "/api/v1/applications/reader/authorizations/a", 200, `{"enabled":true}`)
	a = h.json(admin, "POST", "/api/v1/applications/reader/authorizations/a/rekey", 200, "")
	if a.text("client_id") != read.id || a.text("client_secret") == read.secret {
		t.Error("rekey: " + a.raw)
	}
	h.token(keys{read.id, a.text("client_secret")})
	h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+read.id+"&client_secret="+read.secret)), 401)
}

// An application that was disabled may have been so because something of it leaked: its tokens and the keys that pipelines got are no
// good again when it is enabled, its client secret is. A new secret ends the tokens of the old one.
func TestDisabledApplicationEndsTokens(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	team := h.token(h.authorize(admin, "team", strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true`, 1)))
	first := h.form(team, "POST", "/iso/dapp/application", 200, "application", "shop", "system", "erp", "environment", "prod")
	lasting := keys{first.text("id"), first.text("signature")}
	again := h.form(team, "POST", "/iso/dapp/application", 200, "application", "shop", "system", "erp", "environment", "prod")
	got := keys{again.text("id"), again.text("signature")}
	stolen := h.token(lasting)
	h.token(got)
	h.json(stolen, "GET", "/api/v1/whoami", 200, "")
	h.json(admin, "PUT", "/api/v1/applications/shop", 200, `{"enabled":false}`)
	if a := h.json(stolen, "GET", "/api/v1/whoami", 401, ""); a.text("detail") != "Inactive authorization" {
		t.Error(a.raw)
	}
	h.json(admin, "PUT", "/api/v1/applications/shop", 200, `{"enabled":true}`)
	h.json(stolen, "GET", "/api/v1/whoami", 401, "")
	h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+got.id+"&client_secret="+got.secret)), 401)
	tok := h.token(lasting)
	h.json(tok, "GET", "/api/v1/whoami", 200, "")
	h.json(admin, "POST", "/api/v1/applications/shop/authorizations/erp-prod/rekey", 200, "")
	h.json(tok, "GET", "/api/v1/whoami", 401, "")
}

// One token is revoked by whoever holds it; others of the same client live.
func TestRevokeOneToken(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	one, two, three := h.token(h.admin), h.token(h.admin), h.token(h.admin)
	h.form("", "POST", "/iso/oauth2/revoke", 200, "token", one)
	h.form(two, "POST", "/api/oauth2/revoke", 200)
	h.form("", "POST", "/iso/oauth2/revoke", 200, "token", one)
	h.form("", "POST", "/iso/oauth2/revoke", 200, "token", "rubbish")
	h.form("", "POST", "/iso/oauth2/revoke", 400)
	for tok, want := range map[string]int{one: 401, two: 401, three: 200} {
		h.json(tok, "GET", "/api/v1/whoami", want, "")
	}
}

// Exclusive custody: another holder is told when to come back; the same one reads again.
func TestExclusiveCustody(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.json(admin, "POST", "/api/v1/policies", 201, `{"name":"alone","exclusive":true,"custody_ttl":"90s"}`)
	h.json(admin, "PUT", "/api/v1/credentials/web1-root", 200, `{"policy":"alone"}`)
	other := h.token(h.authorize(admin, "other", `{"name":"a","filter":{"all":true}}`))
	h.json(admin, "GET", "/iso/pam/credential/1", 200, "")
	h.json(admin, "GET", "/iso/pam/credential/1", 200, "")
	a := h.json(other, "GET", "/iso/pam/credential/1", 400, "")
	if a.at("exception.code") != 1009.0 || a.header.Get("Retry-After") == "" {
		t.Errorf("%s %v", a.raw, a.header)
	}
	h.json(admin, "DELETE", "/iso/pam/credential/custody/root@web1", 200, "")
	h.json(other, "GET", "/iso/pam/credential/1", 200, "")
}

// The release of the last holder starts the change, and the answer names it.
func TestReleaseStartsAChange(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"passwd","executor":"ssh","content":"x"}`)
	h.json(tok, "PUT", "/iso/pam/credential/1", 200, `{"execution_settings":{"change_template":"passwd","automatic_change":true}}`)
	v := h.fsm.View()
	c, _ := state.Credentials.First(v, "identifier", "web1-root")
	v.Close()
	if c.Execution.Started {
		t.Fatal("the first change is manual")
	}
	h.json(tok, "GET", "/iso/pam/credential/1", 200, "")
	if a := h.json(tok, "DELETE", "/iso/pam/credential/custody/1", 200, ""); a.at("operation") != nil {
		t.Error("a change started before the first manual one: " + a.raw)
	}
}

func TestHealthAndFreshness(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	a := h.json("", "GET", "/health", 200, "")
	if a.text("status") != "ok" || a.text("node") != "n1" || a.at("dev") != true {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/iso/pam/credential?consistency=strong", 200, ""); a.header.Get("X-Cofre-Node") != "n1" || a.header.Get("X-Applied-Index") == "" || a.header.Get("X-Cofre-Request-Id") == "" {
		t.Error(a.header)
	}
	h.json(tok, "GET", "/iso/pam/credential?consistency=maybe", 400, "")
	h.set(func(s *health.Status) { s.Fresh = false })
	for _, path := range []string{"/iso/pam/credential", "/api/v1/whoami", "/health"} {
		if a := h.json(tok, "GET", path, 503, ""); path != "/health" && a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	// A wrong clock takes every token for expired, or for one of the future: no client is told so.
	h.set(func(s *health.Status) { s.Fresh, s.ClockWrong = true, true })
	for _, a := range []answer{h.json(tok, "GET", "/api/v1/whoami", 503, ""), h.json("spent", "GET", "/api/v1/whoami", 503, "")} {
		if !strings.Contains(a.raw, "clock") {
			t.Error(a.raw)
		}
	}
	h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id=a&client_secret=b")), 503)
	if a := h.json("", "GET", "/health", 503, ""); a.text("status") != "wrong clock" {
		t.Error(a.raw)
	}
	h.set(func(s *health.Status) { s.ClockWrong, s.Sealed = false, true })
	h.json(tok, "GET", "/iso/pam/credential/1", 503, "")
	h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id=a&client_secret=b")), 503)
	if a := h.json("", "GET", "/health", 503, ""); a.text("status") != "sealed" || a.at("sealed") != true {
		t.Error(a.raw)
	}
	h.json("", "GET", "/health/live", 200, "")
	res, err := h.server.Client().Head(h.server.URL + "/health/live")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %v", res.Status)
	}
}

// A token lives as long as its authorization says; a request asks for less, and for more only where that says nothing.
func TestLifeOfTokens(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	soon := time.Now().Add(90 * time.Second).UTC().Format(time.RFC3339)
	for name, c := range map[string]struct {
		body string
		life map[string]float64 // by ttl, in minutes
	}{
		"plain":  {`{"name":"x"}`, map[string]float64{"": 3600, "1": 60, "120": 7200}},
		"short":  {`{"name":"x","token_ttl":"5m"}`, map[string]float64{"": 300, "1": 60, "60": 300}},
		"long":   {`{"name":"x","token_ttl":"8h"}`, map[string]float64{"": 8 * 3600, "60": 3600, "1440": 8 * 3600}},
		"ending": {`{"name":"x","token_ttl":"8h","expires_at":"` + soon + `"}`, map[string]float64{"": 90}},
	} {
		k := h.authorize(admin, name, c.body)
		for ttl, want := range c.life {
			a := h.form("", "POST", "/iso/oauth2/token", 200, "grant_type", "client_credentials", "client_id", k.id, "client_secret", k.secret, "ttl", ttl)
			if got, _ := a.at("expires_in").(float64); got > want || got < want-5 {
				t.Errorf("%s, ttl %q: %v", name, ttl, got)
			}
		}
	}
	k := h.authorize(admin, "changed", `{"name":"x","token_ttl":"5m","modules":["A2A"],"write":true,"rights":["authorization.write"]}`)
	tok := h.token(k)
	h.json(admin, "PUT", "/api/v1/applications/changed/authorizations/x", 200, `{"token_ttl":"1m"}`)
	h.json(tok, "GET", "/api/v1/whoami", 200, "") // an older token stays valid
	h.json(tok, "PUT", "/api/v1/applications/changed/authorizations/x", 403, `{"token_ttl":"0s"}`)
	h.json(tok, "POST", "/api/v1/applications/changed/authorizations", 403, `{"name":"y","modules":["A2A"],"rights":[]}`)
	h.json(tok, "POST", "/api/v1/applications/changed/authorizations", 201, `{"name":"y","modules":["A2A"],"rights":[],"token_ttl":"1m"}`)
	for _, bad := range []string{"30s", "25h", "soon"} {
		h.json(admin, "PUT", "/api/v1/applications/changed/authorizations/x", 400, `{"token_ttl":"`+bad+`"}`)
	}
}
