package edge_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// dsmSecret decodes strictly what every generation of the dsm client and the External Secrets Operator decode: any value
// that is no text fails the whole list (contract/clients.md 1.1, 1.2).
type dsmSecret struct {
	ID         string              `json:"secret_id"`
	Name       string              `json:"secret_name"`
	Identity   string              `json:"identity"`
	Version    string              `json:"version"`
	Expiration string              `json:"expiration_date"`
	Engine     string              `json:"engine"`
	Data       []map[string]string `json:"data"`
}

type dsmAnswer struct {
	Response struct {
		Status    int    `json:"status"`
		Message   string `json:"message"`
		Error     bool   `json:"error"`
		ErrorCode int    `json:"error_code"`
	} `json:"response"`
	Error       string      `json:"error"`
	Message     string      `json:"message"`
	ID          string      `json:"id"`
	Signature   string      `json:"signature"`
	Secrets     []dsmSecret `json:"secrets"`
	Application struct {
		Name        string
		Description string
		Tags        []string
		System      string
		Environment string
		Secrets     []dsmSecret
	} `json:"application"`
}

func (a answer) dsm(t testing.TB) dsmAnswer {
	t.Helper()
	var d dsmAnswer
	if err := json.Unmarshal([]byte(a.raw), &d); err != nil {
		t.Fatalf("a client cannot decode: %v\n%s", err, a.raw)
	}
	return d
}

const dsmClient = `{"name":"prod","system":"erp","environment":"prod","modules":["Application","Secrets Management","CI/CD","PAM Core"],"write":true,"rights":["secret.read","credential.write"],"filter":{"tags":["prod"]}}`

// events counts the audit events of a kind.
func (h *house) events(token, kind string) int {
	h.t.Helper()
	return len(h.json(token, "GET", "/api/v1/audit?kind="+kind+"&limit=1000", 200, "").at("items").([]any))
}

func TestDsmSecrets(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	tok := h.token(h.authorize(admin, "billing", dsmClient))

	// A known application without secrets is an empty list; an unknown one is an error.
	if d := h.form(tok, "GET", "/iso/dapp/Application", 200).dsm(t); d.Application.Name != "billing" || d.Application.System != "erp" || d.Application.Environment != "prod" || d.Application.Secrets == nil {
		t.Errorf("%+v", d)
	}
	h.json(tok, "GET", "/api/dsm/secret?application=nobody", 404, "")
	h.json(tok, "GET", "/api/dsm/secret?application=admin", 404, "")

	// The vendor's form with base64 of JSON: labels, an account that is registered and one that is not, numbers as texts.
	data := base64.StdEncoding.EncodeToString([]byte(`{"access_keys":[{"access_key":{"type":"aws","fields":{"access_key_id":"AK1","access_key_id_label":"AWS_ID","secret_access_key":"ak-secret","secret_access_key_label":"AWS_KEY"}}}],
		"credentials":[{"credential":{"fields":{"user":"root","user_label":"DB_USER","host":"web1","password":"sent-by-client","password_label":"DB_PASS"}}},{"credential":{"fields":{"user":"nobody","host":"nowhere","password":"own"}}}],
		"key_value":[{"Port":5432,"On":true,"none":null},{"fields":{"Q":"it's \"x\"\n"}}]}`))
	a := h.form(tok, "POST", "/iso/sctm/secret", 201, "Name", "Database", "identity", "db", "expiration_date", "2999-01-31 10:00:00", "data", data)
	if a.text("response.message") != "Secret created successfully." || a.text("application.secrets.0.identity") != "db" {
		t.Error(a.raw)
	}
	want := []map[string]string{{"AWS_ID": "AK1", "AWS_KEY": "ak-secret"}, {"DB_USER": "root", "hostname": "web1", "DB_PASS": "s3cret"},
		{"username": "nobody", "hostname": "nowhere", "password": "own"}, {"Port": "5432", "On": "true"}, {"Q": "it's \"x\"\n"}}
	before := h.events(admin, "dsm.read")
	for path, get := range map[string]func(dsmAnswer) []dsmSecret{
		"/iso/dapp/application": func(d dsmAnswer) []dsmSecret { return d.Application.Secrets },
		"/api/dapp/Application": func(d dsmAnswer) []dsmSecret { return d.Application.Secrets },
		"/iso/sctm/secret":      func(d dsmAnswer) []dsmSecret { return d.Secrets },
	} {
		s := get(h.form(tok, "GET", path, 200).dsm(t))
		if len(s) != 1 || s[0].Identity != "db" || s[0].Name != "Database" || s[0].Version != "1" || s[0].Engine != "Generic" || s[0].Expiration != "2999-01-31 10:00:00" || s[0].ID != "1" {
			t.Fatalf("%s: %+v", path, s)
		}
		got, _ := json.Marshal(s[0].Data)
		if expected, _ := json.Marshal(want); string(got) != string(expected) {
			t.Errorf("%s:\n%s\n%s", path, got, expected)
		}
	}
	if n := h.events(admin, "dsm.read") - before; n != 3 {
		t.Errorf("3 reads left %d events", n)
	}
	// The reads took no custody, and the account's own secret is what it was.
	h.json(admin, "DELETE", "/iso/pam/credential/custody/web1-root", 400, "")

	// The operator's reading (1.2): identity, then property, in the first object that has it.
	a = h.form(tok, "GET", "/api/dsm/secret/db", 200)
	if a.text("response.secret.data.DB_PASS") != "s3cret" || a.text("secret.data.Q") != "it's \"x\"\n" || a.text("secret.identifier") != "db" {
		t.Error(a.raw)
	}
	h.form(tok, "GET", "/api/dsm/secret/nothing", 404)

	// The same again is the same version; another value is the next, and the old one comes back by rollback.
	h.form(tok, "POST", "/iso/sctm/secret", 201, "identity", "db", "data", data)
	if a := h.json(tok, "POST", "/api/sctm/secret", 201, `{"identity":"db","data":{"value":"two"}}`); a.text("application.secrets.0.version") != "2" || a.text("application.secrets.0.data.0.value") != "two" {
		t.Error(a.raw)
	}
	a = h.json(tok, "GET", "/api/v1/secrets/db", 200, "")
	if a.text("owner") != "billing/prod" || a.text("versions.1.names.0") != "value" || len(a.at("versions").([]any)) != 2 || strings.Contains(a.raw, "two") {
		t.Error(a.raw)
	}
	// A kept version is read without bringing it back, and the trail says which one it was.
	if a := h.json(tok, "GET", "/api/v1/secrets/db/data?version=1", 200, ""); a.at("version") != 1.0 || !strings.Contains(a.raw, "ak-secret") || strings.Contains(a.raw, "two") || a.header.Get("ETag") != "" {
		t.Error(a.raw)
	}
	if a := h.json(admin, "GET", "/api/v1/audit?kind=dsm.read", 200, ""); !strings.Contains(a.raw, `"secrets":"1:1"`) {
		t.Error(a.raw)
	}
	h.json(tok, "GET", "/api/v1/secrets/db/data?version=9", 404, "")
	h.json(tok, "POST", "/api/v1/secrets/db/rollback", 200, `{"version":1}`)
	if d := h.form(tok, "GET", "/iso/sctm/secret", 200).dsm(t); d.Secrets[0].Version != "3" || d.Secrets[0].Data[0]["AWS_KEY"] != "ak-secret" {
		t.Errorf("%+v", d.Secrets)
	}
	// Disabled secrets are handed out to nobody.
	h.json(tok, "PUT", "/api/v1/secrets/db/status", 200, `{"enabled":false}`)
	h.form(tok, "GET", "/api/dsm/secret/db", 404)
	if d := h.form(tok, "GET", "/iso/sctm/secret", 200).dsm(t); len(d.Secrets) != 0 {
		t.Errorf("%+v", d.Secrets)
	}
	for _, secret := range []string{"ak-secret", "sent-by-client", "s3cret"} {
		if strings.Contains(h.logs.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// The specification's dialect, and every way of an application to a secret or an account of another.
func TestDsmForeign(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	billing := h.token(h.authorize(admin, "billing", dsmClient))
	shop := h.token(h.authorize(admin, "shop", strings.Replace(dsmClient, `{"tags":["prod"]}`, `{}`, 1)))

	a := h.json(admin, "POST", "/api/dsm/secret", 201, `{"identifier":"api","data":{"KEY":"abc"},"application":"billing","system":"erp","environment":"prod"}`)
	if a.text("response.secret.identifier") != "api" || a.text("response.secret.data.KEY") != "abc" {
		t.Error(a.raw)
	}
	if a := h.json(billing, "GET", "/api/dsm/secret?application=billing", 200, ""); a.text("response.secrets.0.identifier") != "api" || strings.Contains(a.raw, "abc") {
		t.Error(a.raw)
	}
	if a := h.json(billing, "PUT", "/api/dsm/secret/api", 200, `{"data":{"KEY":"def"}}`); a.text("response.secret.data.KEY") != "def" || a.text("response.secret.version") != "2" {
		t.Error(a.raw)
	}
	number := a.text("secret.secret_id")
	refused := h.events(admin, "command.denied")
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/dsm/secret/api", "", 404}, // another's identity is not even there
		{"GET", "/api/dsm/secret/" + number, "", 403},
		{"PUT", "/api/dsm/secret/" + number, `{"data":{"KEY":"mine"}}`, 403},
		{"DELETE", "/api/dsm/secret/" + number, "", 403},
		{"POST", "/api/v1/secrets/" + number + "/rollback", `{"version":1}`, 403},
		{"GET", "/api/v1/secrets/" + number + "/data?version=1", "", 403},
		{"POST", "/api/dsm/secret", `{"identifier":"x","data":{"K":"v"},"application":"billing","system":"erp","environment":"prod"}`, 403},
		{"POST", "/iso/sctm/secret", `{"identity":"steal","data":{"credentials":[{"credential":{"fields":{"user":"root","host":"web1","password":"x"}}}]}}`, 403},
		{"POST", "/api/v1/secrets", `{"identity":"steal","accounts":[{"credential":"web1-root"}]}`, 403},
		{"POST", "/api/v1/secrets", `{"identity":"push","values":[{"name":"K","value":"v"}],"readers":[{"application":"billing"}]}`, 403},
	} {
		h.json(shop, c.method, c.path, c.status, c.body)
	}
	if n := h.events(admin, "command.denied") - refused; n != 9 {
		t.Errorf("9 refusals left %d events", n)
	}
	// What needs no command is decided as well: nothing about it is described or listed.
	h.json(shop, "GET", "/api/v1/secrets/"+number, 403, "")
	h.json(shop, "GET", "/api/v1/secrets/"+number+"/errors", 403, "")
	for _, path := range []string{"/api/dsm/secret", "/api/v1/secrets", "/api/v1/secrets?disabled=true"} {
		if a := h.json(shop, "GET", path, 200, ""); strings.Contains(a.raw, "api") {
			t.Errorf("%s lists another's: %s", path, a.raw)
		}
	}
	if d := h.form(shop, "GET", "/iso/sctm/secret", 200).dsm(t); len(d.Secrets) != 0 {
		t.Errorf("%+v", d.Secrets)
	}
	h.json(billing, "POST", "/api/v1/secrets", 201, `{"identity":"account","accounts":[{"credential":"web1-root","username":"U","password":"P"}]}`) // who may read it may refer to it
	if a := h.json(billing, "GET", "/api/v1/secrets/account/data", 200, ""); a.text("data.0.P") != "s3cret" || a.text("data.0.U") != "root" {
		t.Error(a.raw)
	}
	h.json(billing, "DELETE", "/api/dsm/secret/api", 200, "")
	h.json(billing, "GET", "/api/dsm/secret/api", 404, "")
}

// run does what every generation of the dsm client does (1.1): three tokens, the application, the variables, the secrets.
func (h *house) run(k keys, application, env, mapping string) dsmAnswer {
	h.t.Helper()
	odd := strings.NewReplacer("+", "-", "/", "_", "=", ",")
	tok := h.token(k)
	app := h.form(tok, "POST", "/iso/dapp/Application", 200, "application", application, "environment", "prod", "system", "erp").dsm(h.t)
	if app.ID == "" || app.Signature == "" || app.Error != "" || app.Response.Error {
		h.t.Fatalf("%+v", app.Response)
	}
	tok = h.token(keys{app.ID, app.Signature})
	encode := func(s string) string { return odd.Replace(base64.StdEncoding.EncodeToString([]byte(s))) }
	// One generation of the client sends helm too.
	if d := h.form(tok, "POST", "/iso/cicd/variables", 200, "env", encode(env), "map", encode(mapping), "helm", "").dsm(h.t); d.Response.Error || d.Error != "" {
		h.t.Fatalf("%+v", d)
	}
	tok = h.token(keys{app.ID, app.Signature})
	old := h.form(tok, "GET", "/iso/dapp/application", 200).dsm(h.t)
	d := h.form(tok, "GET", "/iso/sctm/secret", 200).dsm(h.t)
	if len(old.Application.Secrets) != len(d.Secrets) {
		h.t.Errorf("the generations see %d and %d secrets", len(old.Application.Secrets), len(d.Secrets))
	}
	d.ID, d.Signature = app.ID, app.Signature
	return d
}

func TestDsmPipelines(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	creator := strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true`, 1)
	a := h.authorize(admin, "team-a", creator)
	b := h.authorize(admin, "team-b", creator)

	env := "PATH=/bin\nBASH_FUNC_which%%=() {  do-not-keep\n}\nDB_USER=root\nDB_HOST=web1\nDB_PASS=from-pipeline\nTOKEN=line one\nline two=2\nFLAT=-----BEGIN X-----\\nQQ==\\n-----END X-----\nKEY=-----BEGIN PRIVATE KEY-----\nQUJD\nREVG=\n-----END PRIVATE KEY-----\n\nAK=id\nBASH_FUNC_x()=() {  do-not-keep\n}\nSK=key??>>\nBASH_FUNC_which%%=() {  do-not-keep\n    TOKEN=no\n}\nUNMAPPED=do-not-keep"
	mapping := `{"access_keys":[{"name":"aws","type":"aws","fields":{"access_key_id":"AK","secret_access_key":"SK"}}],"credentials":[{"name":"database","fields":{"user":"DB_USER","password":"DB_PASS","host":"DB_HOST"}}],"key_value":[{"name":"other","fields":["TOKEN","FLAT","KEY","NOT_SENT"]}]}`
	first := h.run(a, "shop", env, mapping)
	flat := map[string]string{}
	for _, s := range first.Secrets {
		for _, d := range s.Data {
			for k, v := range d {
				flat[k] = v
			}
		}
	}
	// The new authorization may read no account, so the value stays what the pipeline sent: the account is not handed out.
	want := map[string]string{"AK": "id", "SK": "key??>>", "DB_USER": "root", "DB_HOST": "web1", "DB_PASS": "from-pipeline", "TOKEN": "line one\nline two=2", "FLAT": `-----BEGIN X-----\nQQ==\n-----END X-----`, "KEY": "-----BEGIN PRIVATE KEY-----\nQUJD\nREVG=\n-----END PRIVATE KEY-----\n"}
	if got, expected := jsonOf(flat), jsonOf(want); got != expected {
		t.Errorf("%s\n%s", got, expected)
	}
	// A JSON object of texts leaves nothing to guess.
	if got := h.run(a, "json", `{"TOKEN":"A=1\nFLAT=2\nBASH_FUNC_x%%=3","UNMAPPED":"do-not-keep"}`, `{"key_value":[{"name":"other","fields":["TOKEN","FLAT"]}]}`).Secrets; jsonOf(got[0].Data) != `[{"TOKEN":"A=1\nFLAT=2\nBASH_FUNC_x%%=3"}]` || len(got) != 1 {
		t.Error(jsonOf(got))
	}
	for _, bad := range []string{`{"TOKEN":{"a":"b"}}`, `{"TOKEN":`, `{"TOKEN":"a"}x`} {
		h.form(h.token(a), "POST", "/iso/cicd/variables", 400, "env", oddBase64(bad), "map", oddBase64(mapping))
	}
	second := h.run(a, "shop", env, mapping) // the same again: the same id, another key, no new version
	if second.ID != first.ID || second.Signature == first.Signature || second.Secrets[0].Version != "1" {
		t.Errorf("%s %s, version %s", first.ID, second.ID, second.Secrets[0].Version)
	}
	if d := h.form(h.token(a), "POST", "/iso/dapp/application", 200, "application", "shop", "system", "erp", "environment", "prod", "tags", "x", "line_of_business", "Core"); d.text("response.detail") != "not kept: line_of_business" {
		t.Error(d.raw)
	}
	h.token(keys{first.ID, first.Signature}) // the first one still works, and so does the client itself
	h.run(a, "shop", "PATH=/bin", "")
	h.run(a, "team-a", "PATH=/bin", "") // its own

	// Another team's application: refused with 1009, nothing changed, and audited.
	refused := h.events(admin, "command.denied")
	for _, system := range []string{"erp", "other"} {
		if d := h.form(h.token(b), "POST", "/iso/dapp/application", 400, "application", "shop", "environment", "prod", "system", system); d.at("exception.code") != 1009.0 {
			t.Error(d.raw)
		}
	}
	h.form(h.token(b), "POST", "/iso/dapp/application", 400, "application", "admin", "environment", "prod", "system", "erp")
	plain := h.token(h.authorize(admin, "plain", dsmClient))
	h.form(plain, "POST", "/iso/dapp/application", 400, "application", "new", "environment", "prod", "system", "erp")
	if n := h.events(admin, "command.denied") - refused; n != 4 {
		t.Errorf("4 refusals left %d events", n)
	}
	// A delegation opens exactly what it names, and never keys of somebody stronger.
	named := `{"creates":true,"delegations":[{"applications":["sh*","strong"],"systems":["erp"],"environments":["prod"]}]}`
	h.json(admin, "PUT", "/api/v1/applications/team-b/authorizations/prod", 200, named)
	if d := h.run(b, "shop", "PATH=/bin", ""); d.ID != first.ID {
		t.Error(d.ID)
	}
	h.form(h.token(b), "POST", "/iso/dapp/application", 400, "application", "shop", "environment", "dev", "system", "erp")
	// What an authorization is limited to is said at its creation; later it stays, which is told.
	limits := []string{"application", "limited", "system", "s", "environment", "e", "authorized_resources", "Application, Secret Management", "allowed_ips", "192.0.2.0/24", "expiration_date", "2099-01-31 12:00:00", "allowed_http_referers", "portal.example.com"}
	made := h.form(h.token(a), "POST", "/iso/dapp/application", 200, limits...)
	row := h.json(admin, "GET", "/api/v1/applications/limited/authorizations/s-e", 200, "")
	if made.text("response.detail") != "" || jsonOf(row.at("modules")) != `["Application","Secrets Management"]` || row.text("ips.0") != "192.0.2.0/24" || row.text("expires_at") != "2099-01-31T12:00:00.000Z" || row.text("referrers.0") != "portal.example.com" {
		t.Error(made.raw, row.raw)
	}
	h.form(h.token(a), "POST", "/iso/dapp/application", 400, append(limits, "application", "x", "authorized_resources", "Everything")...)
	h.form(h.token(a), "POST", "/iso/dapp/application", 400, append(limits, "application", "x", "allowed_ips", "portal")...)
	if d := h.form(h.token(a), "POST", "/iso/dapp/application", 200, append(limits, "allowed_ips", "*", "expiration_date", "")...); d.text("response.detail") != "the authorization was there already, and stays as it is: authorized_resources, allowed_ips, allowed_http_referers" {
		t.Error(d.raw)
	}
	h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+made.text("id")+"&client_secret="+made.text("signature"))), 403)
	brief := h.authorize(admin, "team-c", strings.Replace(creator, `"write":true`, `"write":true,"token_ttl":"10m"`, 1)) // what it makes is as brief
	made = h.form(h.token(brief), "POST", "/iso/dapp/application", 200, "application", "brief", "system", "s", "environment", "e")
	if tok := h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+made.text("id")+"&client_secret="+made.text("signature"))), 200); tok.at("expires_in") != 600.0 {
		t.Error(tok.raw)
	}
	h.authorize(admin, "strong", strings.Replace(dsmClient, `"rights":[`, `"rights":["policy.write",`, 1))
	h.form(h.token(b), "POST", "/iso/dapp/application", 400, "application", "strong", "environment", "prod", "system", "erp")
	// Revoking everything ends the keys of pipelines at once, but not the one that lasts.
	h.json(admin, "POST", "/api/v1/applications/shop/authorizations/erp-prod/revoke", 200, "")
	h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+second.ID+"&client_secret="+second.Signature)), 401)
	h.token(keys{first.ID, first.Signature})
	for _, field := range []string{"encryption_enabled=true", "aws_arns=a", "certificate_fingerprint=aa", "unique_key=k", "authentication_method=OAuth+1.0"} {
		h.want(h.send(h.request("POST", "/iso/dapp/application", h.token(a), formType, "application=shop&system=erp&environment=prod&"+field)), 400)
	}
	h.form(h.token(a), "POST", "/iso/cicd/variables", 400, "env", "%%%", "map", "")
	told := h.form(h.token(a), "POST", "/iso/cicd/variables", 200, "env", oddBase64("TOLD=1"), "map", oddBase64("\xef\xbb\xbf"+`{"key_value":[{"name":"told","fields":["TOLD","NOPE","NOPE"]}]}`))
	if told.text("response.detail") != "named by the mapping file and not sent: NOPE" {
		t.Error(told.raw)
	}
	for _, bad := range []string{"x", "[]", `{"credentials":"x"}`, `{"credentials":{"name":"n"}}`, `{"key_value":[{"name":"n"}]}`, `{"access_keys":[["AK"]]}`} {
		h.form(h.token(a), "POST", "/iso/cicd/variables", 400, "env", "", "map", base64.StdEncoding.EncodeToString([]byte(bad)))
	}
	if strings.Contains(h.logs.String(), "do-not-keep") || strings.Contains(h.logs.String(), "from-pipeline") {
		t.Error("the log holds a variable")
	}
}

func jsonOf(v any) string { b, _ := json.Marshal(v); return string(b) }

// A pipeline that is over disables its own authorization: nothing of it works any more. An administrator is refused.
func TestDsmLeave(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	k := h.authorize(admin, "billing", dsmClient)
	tok := h.token(k)
	h.form(tok, "DELETE", "/iso/dapp/Application/authorization", 200)
	if a := h.form(tok, "GET", "/iso/dapp/application", 401); a.text("response.message") != "Inactive authorization" {
		t.Error(a.raw)
	}
	a := h.send(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+k.id+"&client_secret="+k.secret))
	if a.status != 401 || !strings.Contains(a.raw, "Inactive authorization") {
		t.Error(a.raw)
	}
	h.form(admin, "DELETE", "/api/dapp/application/authorization", 403)
	h.form(admin, "GET", "/iso/dapp/application", 200)
}

// Each version tells which names are new, gone or of another value than in the one before, and what it brought back; no value.
func TestDsmDifferences(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	tok := h.token(h.authorize(admin, "billing", dsmClient))
	put := func(values ...string) {
		t.Helper()
		list := []map[string]string{}
		for _, v := range values {
			name, value, _ := strings.Cut(v, "=")
			list = append(list, map[string]string{"name": name, "value": value})
		}
		h.json(tok, "PUT", "/api/v1/secrets/db", 200, `{"values":`+jsonOf(list)+`}`)
	}
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"db","values":[{"name":"A","value":"one-value"},{"name":"B","value":"one-value"}]}`)
	put("A=one-value", "B=two-value")
	put("B=two-value", "A=one-value") // in another order: a version, and nothing in it has changed
	put("B=two-value", "C=one-value")
	put("B=one-value", "C=two-value") // the values change places
	h.json(tok, "POST", "/api/v1/secrets/db/rollback", 200, `{"version":1}`)
	a := h.json(tok, "GET", "/api/v1/secrets/db", 200, "")
	got := ""
	for _, v := range a.at("versions").([]any) {
		v := v.(map[string]any)
		got += fmt.Sprintln(v["number"], v["names"], v["changed"], v["of"])
	}
	want := "1 [A B] [A B] <nil>\n2 [A B] [B] <nil>\n3 [A B] [] <nil>\n4 [B C] [A C] <nil>\n5 [B C] [B C] <nil>\n6 [A B] [A C] 1\n"
	if got != want || strings.Contains(a.raw, "-value") {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if data := h.json(tok, "GET", "/api/v1/secrets/db/data", 200, ""); data.text("data.0.A") != "one-value" || data.text("data.0.B") != "one-value" {
		t.Error(data.raw)
	}
}
