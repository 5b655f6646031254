package edge_test

import (
	"io"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Pipelines name applications as people do, and such a name is the same wherever it stands: in paths, lists, the trail, delegations.
func TestApplicationNames(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	creator := strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true`, 1)
	mine, named := h.authorize(admin, "team", creator), h.authorize(admin, "named", strings.Replace(creator, `"creates":true`, `"creates":true,"delegations":[{"applications":["My*"],"systems":["*"],"environments":["prod"]}]`, 1))
	mapping := `{"key_value":[{"name":"All of it","fields":["K"]}]}`
	all := []string{"My App", "Zahlungen (Übersee), neu", "注文", `o'Neil "x" <b>$(id)`, "=1+1", "50%2F #1?x=y&z", strings.Repeat("n", 255)}
	for _, name := range all { // each run of the client takes three tokens
		got := h.run(mine, name, "K="+name, mapping)
		if len(got.Secrets) != 1 || got.Secrets[0].Data[0]["K"] != name {
			t.Errorf("%s: %+v", name, got.Secrets)
		}
		if d := h.form(h.token(keys{got.ID, got.Signature}), "GET", "/iso/dapp/application", 200).dsm(t); d.Application.Name != name || d.Response.Message != "Application "+name {
			t.Errorf("%+v", d)
		}
		at := "/api/v1/applications/" + url.PathEscape(name)
		if a := h.json(admin, "GET", at+"/authorizations/erp-prod", 200, ""); a.text("client_id") != got.ID {
			t.Error(a.raw)
		}
		h.json(admin, "GET", at+"/provisioning", 200, "")
		if a := h.json(admin, "GET", "/api/v1/secrets?application="+url.QueryEscape(name), 200, ""); a.text("items.0.owner") != name+"/erp-prod" {
			t.Error(a.raw)
		}
		if a := h.json(admin, "GET", "/api/v1/audit?kind=application.put&limit=1000", 200, ""); !strings.Contains(jsonOf(a.body), jsonOf(name)) {
			t.Errorf("no event of %s", name)
		}
	}
	if id := h.run(named, "My App", "", "").ID; id != h.run(mine, "My App", "", "").ID {
		t.Errorf("the delegation led to %s", id)
	}
	h.form(h.token(named), "POST", "/iso/dapp/application", 400, "application", "注文", "system", "erp", "environment", "prod")
	r := h.request("GET", "/api/v1/applications?format=csv&limit=1000", admin, "", "")
	res, err := h.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if raw, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(raw), "\n'=1+1,") || !strings.Contains(string(raw), "\nMy App,") {
		t.Error(err, string(raw))
	}

	tok := h.token(mine)
	for _, bad := range []string{"", ".", "..", " x", "x ", "a/b", "My*", "a\u202eb", "My\u00a0App", "a\nb", "a\u009bb", strings.Repeat("n", 256)} {
		if a := h.form(tok, "POST", "/iso/dapp/application", 400, "application", bad, "system", "erp", "environment", "prod"); a.text("response.detail") != "field application" {
			t.Errorf("%q: %s", bad, a.raw)
		}
		if a := h.json(admin, "POST", "/api/v1/applications", 400, `{"name":`+jsonOf(bad)+`}`); a.text("field") != "name" {
			t.Errorf("%q: %s", bad, a.raw)
		}
	}
}

// A name that looks like the id of another application or authorization stands in nobody's way.
func TestNamesLikeIDs(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	creator := h.authorize(admin, "team", strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true`, 1))
	own := h.json(admin, "GET", "/api/v1/applications/team/authorizations/prod", 200, "")
	for _, name := range []string{"v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8"} { // ids are random: some rows come before that of the other
		id := h.json(admin, "POST", "/api/v1/applications", 201, `{"name":"`+name+`"}`).text("id")
		h.form(h.token(creator), "POST", "/iso/dapp/application", 200, "application", id, "system", "s", "environment", "e")
		if a := h.json(admin, "GET", "/api/v1/applications/"+id, 200, ""); a.text("name") != name {
			t.Errorf("%s is %s", id, a.raw)
		}
		h.json(admin, "DELETE", "/api/v1/applications/"+id, 200, "")
		h.json(admin, "GET", "/api/v1/applications/"+name, 404, "")
	}
	h.json(admin, "POST", "/api/v1/applications/team/authorizations", 201, `{"name":"`+own.text("id")+`"}`)
	if a := h.json(admin, "GET", "/api/v1/applications/team/authorizations/"+own.text("id"), 200, ""); a.text("name") != "prod" {
		t.Error(a.raw)
	}
}

// What a pipeline says of its application is kept each time; what it does not say stays.
func TestRegisterDescribes(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	creator := h.token(h.authorize(admin, "team", strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true`, 1)))
	say := func(token string, status int, pairs ...string) answer {
		return h.form(token, "POST", "/iso/dapp/application", status, append([]string{"application", "shop", "system", "erp", "environment", "prod"}, pairs...)...)
	}
	is := func(description, tags string, revision float64) {
		t.Helper()
		if a := h.json(admin, "GET", "/api/v1/applications/shop", 200, ""); a.text("description") != description || jsonOf(a.at("tags")) != tags || a.at("revision") != revision {
			t.Error(a.raw)
		}
	}
	say(creator, 200, "description", "one", "tags", "a, b")
	is("one", `["a","b"]`, 1)
	for range 3 {
		if a := say(creator, 200, "description", "two"); a.text("response.detail") != "" {
			t.Error(a.raw)
		}
	}
	is("two", `["a","b"]`, 2)
	say(creator, 200)
	say(creator, 200, "tags", "c", "environment", "dev") // another authorization of it
	is("two", `["c"]`, 3)
	if n := h.events(admin, "application.put"); n != 4 { // the team's own, and three changes
		t.Errorf("%d events", n)
	}
	other := h.token(h.authorize(admin, "other", strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true`, 1)))
	say(other, 400, "description", "mine")
	say(creator, 400, "description", strings.Repeat("x", 5000))
	h.json(admin, "PUT", "/api/v1/applications/shop/authorizations/erp-prod", 200, `{"enabled":false}`)
	say(creator, 401, "description", "of a dead one")
	is("two", `["c"]`, 3)
}

// TestRegisteredIsBoundAsItsMaker: what a pipeline registers without limits of its own is bound to the addresses and the time that bind
// the pipeline, and cannot be bound to others.
func TestRegisteredIsBoundAsItsMaker(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second).Format("2006-01-02T15:04:05.000Z")
	ci := h.authorize(admin, "ci", strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true,"ips":["127.0.0.0/8"],"expires_at":"`+until+`"`, 1))
	register := func(status int, more ...string) answer {
		t.Helper()
		return h.form(h.token(ci), "POST", "/iso/dapp/application", status, append([]string{"application", "shop", "system", "erp", "environment", "prod"}, more...)...)
	}
	register(403, "allowed_ips", "192.0.2.0/24")
	register(200)
	if a := h.json(admin, "GET", "/api/v1/applications/shop/authorizations", 200, ""); jsonOf(a.at("items.0.ips")) != `["127.0.0.0/8"]` || a.text("items.0.expires_at") != until {
		t.Errorf("bound to %v until %s, not %s: %s", a.at("items.0.ips"), a.text("items.0.expires_at"), until, a.raw)
	}
}
