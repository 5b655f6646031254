package edge_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/httpapi/compat"
	"cofre/httpapi/edge"
	"cofre/vault/access"
)

// vendorCall is one call of a route of the vendor: the payload stands beside `response` and inside it.
type vendorCall struct {
	method, path, body string
	status             int
	payload            string // "member" or "member.field=value"; "" none
	code               string // of the exception
}

// privateKey is a key that was made for this test, as a JSON text.
var privateKey = func() string {
	key, err := access.NewKey("ed25519")
	if err != nil {
		panic(err)
	}
	var text []byte
	if err := key.Reveal(func(b []byte) (err error) { text, err = json.Marshal(string(b)); return err }); err != nil {
		panic(err)
	}
	return string(text)
}()

// vendorCalls calls every route of the vendor, in an order in which each finds what it needs. Paths are those below /iso.
var vendorCalls = []vendorCall{
	{"POST", "/pam/device", "hostname=db1&ip=192.0.2.2&type=Server&vendor=V&model=M&site=S", 201, "device.hostname=db1", ""},
	{"POST", "/pam/device", "ip=192.0.2.2", 400, "", "1004"},
	{"POST", "/pam/device", "hostname=other", 400, "", "1005"},
	{"GET", "/pam/device", "", 200, "devices", ""},
	{"GET", "/pam/device/1", "", 200, "device.id=1", ""},
	{"GET", "/pam/device/none", "", 400, "", "1011"},
	{"DELETE", "/pam/device/db1", "", 200, "device", ""},
	{"DELETE", "/pam/device/none", "", 400, "", "1011"},
	{"PUT", "/pam/device/1", "", 200, "device", ""},
	{"PUT", "/pam/device/1", "", 400, "", "1044"},

	{"POST", "/pam/credential", `{"identifier":"sys","username":"sys","content":"pw","hostname":"db1"}`, 201, "credential.identifier=sys", ""},
	{"POST", "/pam/credential", `{"username":"x","content":"pw"}`, 400, "", "1004"},
	{"POST", "/pam/credential", `{"username":"x","content":"pw","hostname":"nowhere"}`, 400, "", "1005"},
	{"POST", "/pam/credential", `{"username":"x","content":"pw","hostname":"nowhere","ip":"192.0.2.9"}`, 400, "", "1011"},
	{"GET", "/pam/credential", "", 200, "credentials", ""},
	{"GET", "/pam/credential/sys", "", 200, "credential.password=pw", ""},
	{"GET", "/pam/credential/sys@db1", "", 200, "credential.content=pw", ""},
	{"GET", "/pam/credential/404", "", 400, "", "1007"},
	{"PUT", "/pam/credential/1", `{"additional":"x"}`, 200, "credential.additional=x", ""},
	{"PUT", "/pam/credential/1", "", 400, "", "1043"},
	{"DELETE", "/pam/credential/custody/1", "", 200, "", ""},
	{"DELETE", "/pam/credential/custody/sys@db1", "", 400, "", "1018"},
	{"GET", "/coe/senha?credentialId=1", "", 200, "credential.password=pw", ""},
	{"GET", "/coe/senha", "credentialId=1", 200, "senha.senha=pw", ""},
	{"GET", "/coe/senha/1", "", 200, "senha.username=sys", ""},
	{"DELETE", "/pam/credential/sys", "", 200, "credential", ""},
	{"DELETE", "/pam/credential/sys", "", 400, "", "1008"},
	{"GET", "/coe/senha/1", "", 400, "", "1008"},

	{"POST", "/pam/key", `{"identifier":"deploy","hostname":"db1","username":"deploy","key_name":"ci"}`, 400, "", "1014"},
	{"POST", "/pam/key", `{"identifier":"deploy","hostname":"db1","username":"deploy","private_key":"no key"}`, 400, "", ""},
	{"POST", "/pam/key", `{"identifier":"deploy","hostname":"db1","username":"deploy","key_name":"ci","private_key":` + privateKey + `,"public_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJJ8lSRGHTQ8VZwkWYFW9AFTPSn+zKRSqUnQn0CDmX0G"}`, 400, "", ""},
	{"POST", "/pam/key", `{"identifier":"deploy","hostname":"db1","username":"deploy","key_name":"ci","private_key":` + privateKey + `,"tags":["ci"]}`, 201, "key.key_name=ci", ""},
	{"POST", "/pam/key", `{"identifier":"deploy","key_name":"ci-2"}`, 201, "key.key_name=ci-2", ""},
	{"GET", "/pam/key/deploy", "", 200, "key.username=deploy", ""},
	{"GET", "/pam/key/none", "", 400, "", "1015"},
	{"GET", "/pam/key/sys", "", 400, "", "1016"},
	{"DELETE", "/pam/key/deploy", "", 200, "key.identifier=deploy", ""},
	{"DELETE", "/pam/key/deploy", "", 400, "", "1017"},
	{"PUT", "/pam/key/deploy", "", 200, "key", ""},
	{"PUT", "/pam/key/deploy", "", 400, "", "1045"},
	{"GET", "/pam/sshkey", "", 200, "keys", ""},
	{"GET", "/pam/sshkey/deploy", "", 200, "key.hostname=db1", ""},
	{"GET", "/pam/sshkey/none", "", 404, "", ""},
	{"POST", "/pam/sshkey", `{"identifier":"second","hostname":"db1","username":"deploy","private_key":` + privateKey + `,"passphrase":"not needed"}`, 201, "key.id=3", ""},
	{"PUT", "/pam/sshkey/second", `{"key_name":"two","devices":[{"hostname":"none"}]}`, 400, "", "1011"},
	{"PUT", "/pam/sshkey/second", `{"key_name":"two"}`, 200, "key.key_name=two", ""},
	{"DELETE", "/pam/sshkey/second", "", 200, "key.identifier=second", ""},
	{"DELETE", "/pam/sshkey/second", "", 400, "", "1017"},
	{"DELETE", "/pam/sshkey/none", "", 404, "", ""},
	{"PUT", "/pam/sshkey/second", "", 200, "key", ""},
	{"PUT", "/pam/sshkey/second", "{}", 400, "", "1045"},
	{"PUT", "/pam/sshkey/second", `{"rotation_days":30}`, 400, "", ""},
	{"DELETE", "/pam/credential/custody/deploy", "", 200, "", ""},
	{"POST", "/pam/sshkey/second/rotate", "", 400, "", ""}, // it has no template

	{"POST", "/pam/info", `{"name":"Licence","content":"k-1","identifier":"licence","type":null}`, 201, "info.content=k-1", ""},
	{"POST", "/pam/info", "name=x", 400, "", "1026"},
	{"GET", "/pam/info", "", 200, "infos", ""},
	{"GET", "/pam/info/licence", "", 200, "info.content=k-1", ""},
	{"POST", "/pam/info", "identifier=licence&content=k-2", 201, "info.name=Licence", ""},
	{"GET", "/pam/info/1", "", 200, "info.content=k-2", ""},
	{"GET", "/pam/info/1?version=1", "", 200, "info.content=k-1", ""},
	{"GET", "/pam/info/none", "", 400, "", "1023"},
	{"DELETE", "/pam/info/licence", "x=1", 200, "info.id=1", ""},
	{"DELETE", "/pam/info/1", "", 400, "", "1024"},
	{"GET", "/pam/info/1", "", 400, "", "1024"},

	{"POST", "/user/related", "name=Ana&username=ana", 201, "relatedUsers", ""},
	{"POST", "/user/related", "name=Ana", 400, "", "1001"},
	{"GET", "/user/related", "", 200, "relatedUsers", ""},
	{"GET", "/user/related/1", "", 200, "relatedUsers", ""},
	{"GET", "/user/related/x", "", 400, "", "1005"},
	{"PUT", "/user/related", "id=1&name=Anna", 200, "relatedUsers", ""},
	{"PUT", "/user/related", "name=Anna", 400, "", "1001"},
	{"PUT", "/user/related/1", `{"username":"anna"}`, 200, "relatedUsers", ""},
	{"DELETE", "/user/related/1", "", 200, "relatedUsers", ""},
	{"DELETE", "/user/related/1", "", 400, "", "1005"},

	{"GET", "/session/remotesessions", "", 200, "remote_sessions", ""},
	{"GET", "/session/remotesessions/7", "", 400, "", "1002"},
	{"GET", "/session/remotesessions/root@db1", "", 400, "", "1003"},
	{"DELETE", "/session/drop/7", "", 400, "", "1002"},

	{"GET", "/dash/credentials/all", "", 200, "credentials.using=0", ""},
	{"GET", "/dash/credentials/expired", "", 200, "credentials.expired=0", ""},
	{"GET", "/coge/credenciais/utilizacao", "", 200, "credentials.using=0", ""},
	{"GET", "/dash/credentials/using", "", 200, "credentials.using=0", ""},

	{"GET", "/dash/sessions/all?ativo=1", "", 200, "sessions", ""},
	{"GET", "/dash/sessions/ssh", "", 200, "sessions", ""},
	{"GET", "/coge/sessoes/rdp?data1=2026-01-01&data2=2026-01-31", "", 200, "sessoes", ""},
	{"GET", "/coge/sessoes/rdp?DATA1=2026-01-01&data1=01/02/2026", "", 400, "", ""},
	{"GET", "/dash/sessions/sshweb", "", 200, "sessions", ""},
	{"GET", "/dash/sessions/rdpweb", "", 200, "sessions", ""},
	{"GET", "/dash/sessions/jumpserver", "", 200, "sessions", ""},
	{"GET", "/dash/sessions/rdpgate", "", 200, "sessions", ""},

	{"POST", "/sctm/secret", `{"identity":"db","data":{"A":"1"}}`, 201, "application.name=team", ""},
	{"POST", "/sctm/secret", `{"data":{"A":"1"}}`, 400, "", "1004"},
	{"GET", "/sctm/secret", "", 200, "secrets", ""},
	{"GET", "/dapp/application", "", 200, "application.name=team", ""},
	{"POST", "/cicd/variables", "env=QT0x", 200, "", ""},
	{"POST", "/dapp/application", "application=ci&system=s&environment=e", 400, "", "1009"},
	{"POST", "/coe/dapp/provision", "", 404, "", ""},
	{"GET", "/coe/dapp/provision", "", 404, "", ""},
	{"POST", "/coe/dapp/deprovision", "pod_name=p&deploy=d&namespace=n", 200, "", ""},
	{"POST", "/dapp/deprovision", "pod_name=p", 400, "", "1004"},
	{"POST", "/api/dsm/secret", `{"identifier":"api","data":{"K":"v"}}`, 201, "secret.identifier=api", ""},
	{"GET", "/api/dsm/secret", "", 200, "secrets", ""},
	{"GET", "/api/dsm/secret/api", "", 200, "secret.identifier=api", ""},
	{"PUT", "/api/dsm/secret/api", `{"data":{"K":"w"}}`, 200, "secret.version=2", ""},
	{"DELETE", "/api/dsm/secret/api", "", 200, "secret", ""},
	{"GET", "/api/dsm/secret/api", "", 404, "", ""},
	{"POST", "/api/dsm/secret", `{"identifier":"api","data":{"K":"v"}}`, 409, "", ""},
	{"PUT", "/api/dsm/secret/api", "", 200, "secret.data.K=w", ""},
	{"GET", "/api/dsm/secret/api", "", 200, "secret.version=2", ""},
	{"DELETE", "/api/dsm/secret/api", "", 200, "secret", ""},
	{"GET", "/api/dsm/secret/none", "", 404, "", ""},

	{"POST", "/sctm/encryption/key", "name=orders&algorithm=aes256-gcm96&expiration_date=2099-01-31 12:00:00&description=d", 201, "encryption_key.algorithm=aes256-gcm96", ""},
	{"POST", "/sctm/encryption/key", "name=orders&algorithm=aes256-gcm96", 409, "", ""},
	{"POST", "/sctm/encryption/key", "name=orders", 400, "", "1004"},
	{"POST", "/sctm/encryption/key", "name=x&algorithm=rc4", 400, "", ""},
	{"GET", "/sctm/encryption/key", "", 200, "encryption_keys", ""},
	{"GET", "/sctm/encryption/key/1", "", 200, "encryption_key.expiration_date", ""},
	{"GET", "/sctm/encryption/key/none", "", 404, "", ""},
	{"PUT", "/sctm/encryption/key/orders", `{"description":"e"}`, 200, "encryption_key.description=e", ""},
	{"PUT", "/sctm/encryption/key/orders", `{"algorithm":"rsa-2048"}`, 400, "", ""},
	{"POST", "/sctm/encryption/encrypt", "key=orders&value=text", 200, "version=1", ""},
	{"POST", "/sctm/encryption/encrypt", "value=text", 400, "", "1004"},
	{"POST", "/sctm/encryption/encrypt", "key=orders", 400, "", "1004"},
	{"POST", "/sctm/encryption/encrypt", "key=orders&value=text&version=2", 400, "", ""},
	{"POST", "/sctm/encryption/decrypt", "key=orders&value=AQAAAAE%3D", 400, "", ""},
	{"DELETE", "/sctm/encryption/key/1", "", 200, "id=1", ""},
	{"POST", "/sctm/encryption/encrypt", "key=1&value=text", 400, "", "1017"},
	{"PUT", "/sctm/encryption/key/1", "enabled=1", 200, "encryption_key.name=orders", ""},

	{"POST", "/sctm/automation", `{"name":"push","tags":"a, b","triggers":["When a secret is created"],"applications":["team"],"plugin":"ssh","template":"push","devices":[{"hostname":"db1","credential":"sys"}]}`, 201, "automation.template=push", ""},
	{"POST", "/sctm/automation", "triggers=When a secret is created&applications=team&plugin=ssh&template=push", 400, "", "1004"},
	{"POST", "/sctm/automation", "name=x&triggers=When a secret is read", 400, "", ""},
	{"GET", "/sctm/automations", "", 200, "automations", ""},
	{"GET", "/sctm/automation/1", "", 200, "automation.id=1", ""},
	{"GET", "/sctm/automation/none", "", 404, "", ""},
	{"PUT", "/sctm/automation/push", "description=d", 200, "automation.description=d", ""},
	{"PUT", "/sctm/automation/none", "description=d", 404, "", ""},
	{"DELETE", "/sctm/automation/1", "", 200, "automation.name=push", ""},
	{"DELETE", "/sctm/automation/1", "", 404, "", ""},

	{"POST", "/pam/credential", `{"hostname":"db1"}`, 201, "credential.username=usr", ""},
	{"POST", "/pam/credential", `{"hostname":"db1","username":"","additional":"x"}`, 201, "credential.additional=x", ""}, // the same one

	{"DELETE", "/dapp/application/authorization", "", 200, "", ""},
	{"GET", "/dapp/application", "", 401, "", ""},
}

// TestVendorRoutes calls every route of the vendor in both dialects: below both prefixes, with the payload in both places.
func TestVendorRoutes(t *testing.T) {
	t.Parallel()
	called, routes := map[string]bool{}, edge.Routes() // which builds the whole document
	for _, prefix := range []string{"/iso", "/api"} {
		h := open(t, nil)
		admin := h.token(h.admin)
		h.json(admin, "POST", "/api/v1/templates", 200, `{"name":"push","executor":"ssh","kind":"Secret Management Automation","content":"exec store"}`)
		tok := h.token(h.authorize(admin, "team", `{"name":"all","modules":["PAM Core","Application","Secrets Management","CI/CD","Users","Dashboards"],"write":true,
			"rights":["secret.read","credential.write","route.write","operation.run"],"filter":{"all":true}}`))
		for _, c := range vendorCalls {
			path := c.path
			if !strings.HasPrefix(path, "/api/") {
				path = prefix + path
			}
			kind := formType
			if strings.HasPrefix(c.body, "{") {
				kind = "application/json"
			}
			a := h.send(h.request(c.method, path, tok, kind, c.body))
			if diff := c.wrong(a); diff != "" {
				t.Errorf("%s %s %s: %s\n%s\n%s", c.method, path, c.body, diff, a.raw, h.failures())
			}
			for _, r := range routes {
				if r.Method == c.method && slices.ContainsFunc(r.Paths(), func(p string) bool { return fits(p, path) }) {
					called[r.Method+" "+r.Path] = true
				}
			}
		}
	}
	for _, r := range routes {
		if name := r.Method + " " + r.Path; r.Dialect == compat.Vendor && !called[name] {
			t.Errorf("no call of %s", name)
		}
	}
}

// wrong compares an answer with what a client of either dialect needs.
func (c vendorCall) wrong(a answer) string {
	if a.status != c.status {
		return "status " + http.StatusText(a.status)
	}
	envelope := map[string]any{"code": float64(c.status), "status": float64(c.status), "error": c.status >= 400, "erro": c.status >= 400}
	got := map[string]any{"code": a.at("code"), "status": a.at("response.status"), "error": a.at("response.error"), "erro": a.at("response.erro")}
	if diff := cmp.Diff(envelope, got); diff != "" {
		return diff
	}
	for _, name := range []string{"message", "mensagem"} {
		if _, ok := a.at("response." + name).(string); !ok {
			return "no " + name
		}
	}
	if c.code != "" && !strings.HasPrefix(a.text("exception.message"), c.code+": ") {
		return "exception " + a.text("exception.message")
	}
	name, value, valued := strings.Cut(c.payload, "=")
	for _, at := range []string{name, "response." + name} {
		switch {
		case name == "":
		case a.at(at) == nil:
			return "no " + at
		case valued && a.text(at) != value:
			return at + " is another"
		}
	}
	return ""
}

// fits tells whether a path is one of a declared path.
func fits(declared, path string) bool {
	path, _, _ = strings.Cut(path, "?")
	want, got := strings.Split(declared, "/"), strings.Split(path, "/")
	return len(want) == len(got) && !slices.ContainsFunc(want, func(s string) bool {
		i := slices.Index(want, s)
		return !strings.HasPrefix(s, "{") && !strings.EqualFold(s, got[i])
	})
}
