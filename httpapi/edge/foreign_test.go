package edge_test

import (
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
