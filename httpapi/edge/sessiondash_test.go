package edge_test

import (
	"testing"
)

// TestSessionDashboard: the vendor's dashboard counts sessions by kind, those that are going on and those that are over.
func TestSessionDashboard(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.authorize(h.token(h.admin), "team", `{"name":"all","modules":["PAM Core","Dashboards"],"write":true,"rights":["secret.read","credential.write","route.write","operation.run"],"filter":{"all":true}}`))
	for _, host := range []string{"db1", "db2"} {
		h.json(tok, "POST", "/api/v1/devices", 201, `{"hostname":"`+host+`","ip":"192.0.2.1"}`)
		h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"`+host+`-sys","hostname":"`+host+`","username":"sys","secret":"s","tags":["`+host+`"]}`)
	}
	for _, body := range []string{`{"credential":"db1-sys","user":"ana","protocol":"SSH"}`, `{"credential":"db1-sys","user":"ana","protocol":"RDP","proxy":"rdpgate"}`, `{"credential":"db2-sys","user":"bia","protocol":"ssh"}`, `{"credential":"db2-sys","user":"bia","protocol":"VNC"}`} {
		h.json(tok, "POST", "/api/v1/sessions", 201, body)
	}
	h.json(tok, "DELETE", "/api/v1/sessions/3", 200, "")
	own := h.token(h.authorize(h.token(h.admin), "own", `{"name":"db2","modules":["PAM Core","Dashboards"],"rights":[],"filter":{"tags":["db2"]}}`))
	for _, c := range []struct {
		token, path string
		want        map[string]string
	}{
		{tok, "all", map[string]string{"sessions.enabled.ssh": "1", "sessions.enabled.rdpgate": "1", "sessions.enabled.rdp": "0", "sessions.historic.ssh": "1", "sessoes.ativas.ssh": "1", "sessoes.historico.ssh": "1"}},
		{tok, "ssh", map[string]string{"sessions.enabled.ssh": "1", "sessions.enabled.rdpgate": "", "sessions.historic.ssh": "1"}},
		{tok, "ssh?ativo=1", map[string]string{"sessions.enabled.ssh": "1", "sessions.historic.ssh": ""}},
		{tok, "all?hostname=db2", map[string]string{"sessions.enabled.ssh": "0", "sessions.historic.ssh": "1"}},
		{tok, "all?username=ana", map[string]string{"sessions.enabled.ssh": "1", "sessions.historic.ssh": "0"}},
		{tok, "all?userCredencial=root", map[string]string{"sessions.enabled.ssh": "0"}},
		{tok, "all?data1=2099-01-01", map[string]string{"sessions.enabled.ssh": "0", "sessions.historic.ssh": "0"}},
		{tok, "all?data1=2020-01-01&data2=2099-01-01", map[string]string{"sessions.enabled.ssh": "1", "sessions.historic.ssh": "1"}},
		{tok, "all?data2=2020-01-01", map[string]string{"sessions.enabled.ssh": "0"}},
		{own, "all", map[string]string{"sessions.enabled.ssh": "0", "sessions.enabled.rdpgate": "0", "sessions.historic.ssh": "1"}},
	} {
		a := h.json(c.token, "GET", "/api/dash/sessions/"+c.path, 200, "")
		for at, want := range c.want {
			if got, _ := a.at(at).(string); got != want {
				t.Errorf("%s: %s is %q, not %q: %s", c.path, at, got, want, a.raw)
			}
		}
	}
	pam := h.token(h.authorize(h.token(h.admin), "pam", `{"name":"pam","modules":["PAM Core"],"rights":[],"filter":{"all":true}}`))
	h.json(pam, "GET", "/iso/coge/sessoes/all", 403, "")
}
