package edge_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Every way to protected information, an SSH key, a custody or a related user of others, and every way to gain a right over
// them, is refused with a reason, shows nothing, and leaves a trace: a refused command, or a note of the edge.
func TestForeign(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.json(admin, "POST", "/iso/pam/info", 201, `{"identifier":"licence","name":"Licence","content":"info-sentinel"}`)
	h.json(admin, "POST", "/api/v1/credentials", 201, `{"identifier":"deploy","hostname":"web1","username":"deploy","secret":`+privateKey+`,"key":{"name":"ci"}}`)
	h.json(admin, "POST", "/iso/user/related", 201, `{"name":"Ana","username":"ana"}`)
	h.json(admin, "GET", "/iso/pam/credential/web1-root", 200, "") // custody of the administrator's
	tok := h.token(h.authorize(admin, "team", `{"name":"prod","modules":["PAM Core","Secrets Management","Application"],"write":true,"rights":["secret.read","credential.write","operation.run"],"filter":{"tags":["team"]}}`))
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/iso/pam/info/licence", "", 400},
		{"GET", "/iso/pam/info/1", "", 400},
		{"GET", "/iso/pam/info/1?version=1", "", 400},
		{"POST", "/iso/pam/info", `{"identifier":"licence","tags":["team"]}`, 400},
		{"POST", "/iso/pam/info", `{"identifier":"licence","content":"mine"}`, 400},
		{"DELETE", "/iso/pam/info/licence", "", 400},

		{"GET", "/iso/pam/key/deploy", "", 400},
		{"GET", "/api/pam/sshkey/deploy", "", 400},
		{"GET", "/iso/pam/credential/deploy", "", 400},
		{"GET", "/iso/coe/senha/deploy", "", 400},
		{"GET", "/api/v1/credentials/deploy", "", 400},
		{"GET", "/api/v1/credentials/deploy/secret", "", 400},
		{"POST", "/iso/pam/key", `{"identifier":"deploy","tags":["team"]}`, 400},
		{"POST", "/iso/pam/key", `{"identifier":"deploy","private_key":` + privateKey + `}`, 400},
		{"PUT", "/iso/pam/key/deploy", "", 400},
		{"DELETE", "/iso/pam/key/deploy", "", 400},
		{"PUT", "/api/pam/sshkey/deploy", `{"tags":["team"]}`, 400},
		{"PUT", "/api/pam/sshkey/deploy", `{"auto_rotate":true}`, 400},
		{"POST", "/api/pam/sshkey/deploy/rotate", "", 400},
		{"PUT", "/api/v1/credentials/deploy", `{"tags":["team"]}`, 400},
		{"PUT", "/api/v1/credentials/deploy", `{"key":{"devices":[]}}`, 400},
		{"POST", "/api/v1/credentials", `{"identifier":"child","hostname":"web1","username":"child","secret":"s","tags":["team"],"parent":"deploy"}`, 400},
		{"POST", "/api/v1/devices", `{"hostname":"mine","ip":"192.0.2.66","via":"web1","via_login":"deploy"}`, 400},
		{"POST", "/api/v1/secrets", `{"identity":"steal","accounts":[{"credential":"deploy"}]}`, 400},

		{"DELETE", "/iso/pam/credential/custody/web1-root", "", 400},
		{"DELETE", "/iso/pam/credential/custody/root@web1", "", 400},
		{"DELETE", "/api/v1/credentials/web1-root/custody", "", 400},

		{"GET", "/iso/user/related", "", 403},
		{"GET", "/iso/user/related/1", "", 403},
		{"POST", "/iso/user/related", `{"name":"Eve","username":"eve"}`, 403},
		{"PUT", "/iso/user/related/1", `{"username":"eve"}`, 403},
		{"DELETE", "/iso/user/related/1", "", 403},
	} {
		events, notes := h.events(admin, "command.denied"), h.noted()
		a := h.send(h.request(c.method, c.path, tok, "application/json", c.body))
		if a.status != c.status && !(c.status == 400 && a.status == 403) || strings.Contains(a.raw, "sentinel") || strings.Contains(a.raw, "PRIVATE") || strings.Contains(a.raw, "s3cret") {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, a.status, a.raw)
		}
		if h.events(admin, "command.denied") == events && h.noted() == notes {
			t.Errorf("%s %s %s: refused without a trace: %s", c.method, c.path, c.body, a.raw)
		}
	}
	for _, path := range []string{"/iso/pam/info", "/api/pam/sshkey", "/api/v1/custodies", "/api/v1/credentials", "/iso/pam/credential"} {
		if a := h.json(tok, "GET", path, 200, ""); strings.Contains(a.raw, "licence") || strings.Contains(a.raw, "deploy") || strings.Contains(a.raw, "root") {
			t.Errorf("%s lists what belongs to others: %s", path, a.raw)
		}
	}
	if a := h.json(admin, "GET", "/iso/pam/info/licence", 200, ""); a.text("info.content") != "info-sentinel" || a.text("info.version") != "1" {
		t.Error(a.raw)
	}
	if a := h.json(admin, "GET", "/api/v1/custodies", 200, ""); !strings.Contains(a.raw, "web1-root") {
		t.Error("the custody is gone: " + a.raw)
	}
}

func (h *house) noted() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.notes)
}

// Who sees a device, but not the account that logs in at its jump host, is not told which one that is.
func TestJumpHostLoginIsHidden(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.json(admin, "POST", "/api/v1/devices", 201, `{"hostname":"inner","ip":"192.0.2.3","via":"web1","via_login":"web1-root"}`)
	for tags, want := range map[string]string{"linux": "web1-root", "team": "***"} {
		tok := h.token(h.authorize(admin, tags, `{"name":"x","modules":["PAM Core"],"write":true,"rights":["secret.read","credential.write","route.write"],"filter":{"tags":["`+tags+`"]}}`))
		if a := h.json(tok, "GET", "/api/v1/devices/inner", 200, ""); a.text("via_login") != want || a.text("via") != "web1" {
			t.Error(a.raw)
		}
		if a := h.json(tok, "GET", "/api/v1/devices", 200, ""); strings.Contains(a.raw, "web1-root") != (tags == "linux") {
			t.Error(a.raw)
		}
		if a := h.json(tok, "PUT", "/api/v1/devices/inner", 200, `{"ip":"192.0.2.4"}`); a.text("via_login") != want {
			t.Error("a change of something else: " + a.raw)
		}
	}
}

// Every way to more than one has: on one's own authorization, by another one, by the keys of a stronger one, by a profile, an
// application, a reference or a tag. All are refused, leave a trace, and change nothing.
func TestEveryWayToARight(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin) // web1-root, tags prod and linux
	const all = `"modules":["PAM Core","A2A","Application","Secrets Management"],"write":true`
	h.json(admin, "POST", "/api/v1/access-profiles", 201, `{"name":"readers","rights":["secret.read"],"tags":["linux"]}`)
	h.authorize(admin, "boss", `{"name":"boss",`+all+`,"rights":["secret.read","operation.run","authorization.write"],"filter":{"all":true}}`)
	h.authorize(admin, "strong", `{"name":"x","system":"s","environment":"e",`+all+`,"rights":["operation.run"],"filter":{"all":true}}`)
	h.json(admin, "POST", "/api/v1/encryption-keys", 201, `{"name":"sign","algorithm":"ecdsa-p256"}`)
	theirs := h.json(admin, "POST", "/api/v1/secrets", 201, `{"identity":"theirs","values":[{"name":"A","value":"s3cret-other"}]}`)
	private, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	from := func(r *http.Request) *http.Request {
		r.Header.Set("Referer", "https://portal/")
		return r
	}
	k := h.authorize(admin, "climber", `{"name":"own",`+all+`,"creates":true,"rights":["authorization.write","credential.write"],"filter":{"tags":["team"]},"ips":["127.0.0.0/8"],
		"referrers":["portal"],"token_ttl":"10m","expires_at":"2099-01-01T00:00:00Z","public_key":`+jsonOf(publicPEM(t, &private.PublicKey))+`}`)
	tok := h.want(h.send(from(h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+k.id+"&client_secret="+k.secret))), 200).text("access_token")
	const self, boss = "/api/v1/applications/climber/authorizations/own", "/api/v1/applications/boss/authorizations/boss"
	before := h.json(admin, "GET", "/api/v1/authorizations", 200, "").raw
	for _, c := range [][3]string{
		{"PUT", self, `{"rights":["authorization.write","credential.write","secret.read"]}`}, {"PUT", self, `{"modules":["PAM Core","A2A","Application","Secrets Management","Users"]}`},
		{"PUT", self, `{"filter":{"all":true}}`}, {"PUT", self, `{"filter":{"tags":["team","linux"]}}`}, {"PUT", self, `{"filter":{"tags":["team"],"credentials":["web1-root"]}}`},
		{"PUT", self, `{"ips":[]}`}, {"PUT", self, `{"ips":["0.0.0.0/0"]}`}, {"PUT", self, `{"referrers":[]}`}, {"PUT", self, `{"public_key":""}`}, {"PUT", self, `{"token_ttl":"0s"}`}, {"PUT", self, `{"token_ttl":"11m"}`},
		{"PUT", self, `{"expires_at":""}`}, {"PUT", self, `{"expires_at":"2100-01-01T00:00:00Z"}`}, {"PUT", self, `{"profiles":["readers"]}`},
		{"PUT", self, `{"delegations":[{"applications":["strong"],"systems":["*"],"environments":["*"]}]}`},
		{"PUT", boss, `{"enabled":false}`}, {"PUT", boss, `{"rights":[]}`}, {"DELETE", boss, ""}, {"DELETE", "/api/v1/applications/boss", ""}, {"DELETE", self, ""}, {"DELETE", "/api/v1/applications/climber", ""}, {"POST", boss + "/rekey", ""}, {"POST", boss + "/oauth1", ""}, {"DELETE", boss + "/oauth1", ""}, {"POST", boss + "/aws", ""},
		{"PUT", "/api/v1/applications/boss/arns", `{"arns":["arn:aws:iam::123456789012:role/x"]}`},
		{"POST", "/api/v1/applications/climber/authorizations", `{"name":"more",` + all + `,"rights":["secret.read"]}`},
		{"POST", "/api/v1/applications/climber/authorizations", `{"name":"more","modules":["A2A"],"rights":[]}`}, // from anywhere, in clear, for ever
		{"POST", "/api/v1/applications/boss/authorizations", `{"name":"more",` + all + `,"rights":["operation.run"],"filter":{"all":true}}`},
		{"POST", "/api/v1/access-profiles", `{"name":"mine","rights":["secret.read"],"tags":["linux"]}`}, {"PUT", "/api/v1/access-profiles/readers", `{"tags":["linux","team"]}`}, {"DELETE", "/api/v1/access-profiles/readers", ""},
		{"POST", "/iso/dapp/application", `{"application":"strong","system":"s","environment":"e"}`}, {"POST", "/iso/dapp/application", `{"application":"strong","system":"new","environment":"e"}`},
		{"POST", "/iso/dapp/application", `{"application":"boss","system":"s","environment":"e"}`},
		{"POST", "/api/v1/whoami/secret-read", ""}, {"PUT", "/api/v1/credentials/web1-root", `{"tags":["team"]}`}, {"POST", "/iso/pam/credential", `{"identifier":"web1-root","tags":"team"}`},
		{"POST", "/api/v1/credentials", `{"identifier":"child","hostname":"web1","username":"child","secret":"s","tags":["team"],"parent":"web1-root"}`},
		{"POST", "/api/v1/devices", `{"hostname":"mine","ip":"192.0.2.66","via":"web1","via_login":"web1-root"}`},
		{"POST", "/api/v1/secrets", `{"identity":"steal","accounts":[{"credential":"web1-root"}]}`}, {"PUT", fmt.Sprint("/api/v1/secrets/", theirs.at("number")), `{"readers":[{"application":"climber","authorization":"own"}]}`},
		{"PUT", "/api/v1/encryption-keys/sign", `{"users":[{"application":"climber","authorization":"own"}]}`}, {"POST", "/api/v1/encryption-keys/sign/sign", `{"input":"eA=="}`},
		{"POST", "/api/v1/templates", `{"name":"t","executor":"ssh","content":"exec \"x\""}`}, {"POST", "/api/v1/operations", `{"credential":"web1-root"}`}, {"PUT", "/api/v1/policies/default", `{"change_on_release":false}`},
		{"GET", "/api/v1/audit", ""}, {"GET", "/api/v1/credentials/web1-root/secret", ""}, {"GET", "/iso/coe/senha/web1-root", ""},
	} {
		events, notes := h.events(admin, "command.denied"), h.noted()
		a := h.send(from(h.request(c[0], c[1], tok, "application/json", c[2])))
		if a.status != 403 && !(a.status == 400 && (a.at("exception.code") == 1009. || a.at("code") == 1009.)) {
			t.Errorf("%v: %d %s", c, a.status, a.raw)
		}
		if h.events(admin, "command.denied") == events && h.noted() == notes {
			t.Errorf("%v: refused without a trace: %s", c, a.raw)
		}
	}
	if after := h.json(admin, "GET", "/api/v1/authorizations", 200, "").raw; after != before {
		t.Errorf("an authorization changed:\n%s\n%s", before, after)
	}
}
