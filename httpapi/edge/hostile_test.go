package edge_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cofre/fsm/table"
	"cofre/httpapi/authn"
	"cofre/httpapi/edge"
	"cofre/httpapi/route"
)

// Bad input gets a 4xx in its dialect that names the field.
func TestBadInput(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		method, path, contentType, body string
		status                          int
		field                           string
	}{
		{"POST", "/iso/pam/credential", "application/json", `{"username":`, 400, "body"},
		{"POST", "/iso/pam/credential", formType, "hostname=web1&username=%zz", 400, "username"},
		{"POST", "/iso/pam/credential", formType, "hostname=web1&username=%ff", 400, "username"},
		{"POST", "/iso/pam/credential", formType, "hostname=web1&username=" + long, 400, "username"},
		{"POST", "/iso/pam/credential", formType, "username=x", 400, "hostname"},
		{"POST", "/iso/pam/credential", formType, "username=x&hostname=unknown", 400, "ip"},
		{"POST", "/iso/pam/credential", formType, "username=x&hostname=unknown&ip=192.0.2.250", 400, "hostname"},
		{"POST", "/iso/pam/credential", formType, "username=x&hostname=web1&ip=192.0.2.250", 400, "ip"},
		{"POST", "/iso/pam/credential", formType, "username=x&hostname=web1&identifier=12345", 400, "identifier"},
		{"POST", "/iso/pam/credential", formType, "username=x&hostname=web1&identifier=a%20b", 400, "identifier"},
		{"POST", "/iso/pam/credential", "application/json", `{"username":"x","hostname":"web1","tags":{"a":1}}`, 400, "tags"},
		{"POST", "/iso/pam/credential", "application/json", `{"username":"x","hostname":"web1","execution_settings":"no"}`, 400, "execution_settings"},
		{"POST", "/iso/pam/credential", "application/json", `{"username":"x","hostname":"web1","execution_settings":{"automatic_change":"perhaps"}}`, 400, "automatic_change"},
		{"POST", "/iso/pam/credential", "application/json", `{"username":"x","hostname":"web1","execution_settings":{"change_template":"none"}}`, 400, "template"},
		{"POST", "/iso/pam/credential", "", strings.Repeat("a", 10<<20), 413, "body"},
		{"POST", "/iso/pam/credential", "application/json", `{"username":"x","hostname":"web1","content":{"value":"lost"}}`, 400, "content"},
		{"POST", "/iso/pam/credential", "application/json", `{"username":"x","hostname":"web1","password":["lost"]}`, 400, "password"},
		{"POST", "/iso/pam/credential", "application/json", `{"username":"x","hostname":"web1","additional_settings":{"secret_key":{}}}`, 400, "secret_key"},
		{"PUT", "/api/pam/credential/web1-root", "application/json", `{"username":{"name":"x"}}`, 400, "username"},
		{"POST", "/iso/sctm/secret", formType, "identity=x&data={}&renew_credential_time=5", 400, "renew_credential_time"},
		{"POST", "/iso/pam/key", "application/json", `{"hostname":"web1","private_key":{"pem":"lost"}}`, 400, "private_key"},
		{"POST", "/iso/pam/info", "application/json", `{"content":{"a":"lost"}}`, 400, "content"},
		{"POST", "/iso/sctm/secret", "application/json", `{"identity":{"a":1},"data":{}}`, 400, "identity"},
		{"POST", "/iso/sctm/secret", "application/json", `{"identity":"12","data":{"a":"b"}}`, 400, "identity"},
		{"POST", "/iso/sctm/encryption/encrypt", "application/json", `{"key":"k","value":{"a":1}}`, 400, "value"},
		{"POST", "/iso/pam/device", formType, "ip=192.0.2.3", 400, "hostname"},
		{"POST", "/iso/pam/device", formType, "hostname=17&ip=192.0.2.3", 400, "hostname"},
		{"POST", "/iso/pam/device", formType, "hostname=new&ip=not%20an%20address", 400, "ip"},
		{"POST", "/iso/pam/device", "application/json", `{"hostname":["new"],"ip":"192.0.2.3"}`, 400, "hostname"},
		{"POST", "/iso/pam/device", formType, "hostname=new", 400, "ip"},
		{"POST", "/iso/pam/device", formType, "hostname=new&ip=192.0.2.3&connectivities=SSH", 400, "connectivities"},
		{"GET", "/iso/coe/senha", "", "", 400, "credentialId"},
		{"GET", "/iso/pam/credential/%ff", "", "", 400, "id"},
		{"GET", "/iso/pam/credential/" + strings.Repeat("y", 600), "", "", 400, "id"},
		{"POST", "/api/v1/credentials", "", `{"hostname":"web1","user":"x"}`, 400, "user"},
		{"POST", "/api/v1/credentials", "", `{"hostname":7}`, 400, "hostname"},
		{"POST", "/api/v1/credentials", "", `{"hostname":"web1","execution":{"templat":"x"}}`, 400, "execution.templat"},
		{"POST", "/api/v1/credentials", "", `{"hostname":"web1","hostname":"web1"}`, 400, "body"},
		{"POST", "/api/v1/credentials", "", `{} {}`, 400, "body"},
		{"POST", "/api/v1/credentials", "", `hostname=web1`, 400, "body"},
		{"POST", "/api/v1/credentials", "", strings.Repeat(" ", 2<<20), 413, "body"},
		{"POST", "/api/v1/devices/web1/trust", "", `{"keys":[{"key":"ssh-rsa AAAA"}]}`, 400, "keys[0].key"},
		{"POST", "/api/v1/devices/web1/trust", "", `{"keys":[{"fingerprint":"MD5:00"}]}`, 400, "keys[0]"},
		{"POST", "/api/v1/applications", "", `{"name":"a/b"}`, 400, "name"},
		{"POST", "/api/v1/applications/admin/authorizations", "", `{"name":"b","rights":["root"]}`, 400, "rights"},
		{"POST", "/api/v1/applications/admin/authorizations", "", `{"name":"b","ips":["all"]}`, 400, "ips"},
		{"POST", "/api/v1/applications/admin/authorizations", "", `{"name":"b","expires_at":"soon"}`, 400, "expires_at"},
		{"POST", "/api/v1/applications/admin/authorizations", "", `{"name":"b","filter":{"credentials":["none"]}}`, 400, "filter.credentials[0]"},
		{"POST", "/api/v1/secrets/none/rollback", "", `{}`, 400, "version"},
		{"POST", "/api/v1/policies", "", `{"name":"p","max_age":"7 days"}`, 400, "max_age"},
		{"POST", "/api/v1/policies", "", `{"name":"p","strength":{"length":4}}`, 400, "strength.length"},
		{"POST", "/api/v1/operations", "", `{"kind":"verify"}`, 400, "credential"},
		{"POST", "/api/v1/operations", "", `{"credential":"web1-root","kind":"format"}`, 400, "kind"},
		{"GET", "/api/v1/audit?limit=many", "", "", 400, "limit"},
		{"GET", "/api/v1/audit?kind=nothing", "", "", 400, "kind"},
		{"GET", "/api/v1/audit?since=1", "", "", 400, "since"},
		{"GET", "/api/v1/audit?sort=newest", "", "", 400, "sort"},
		{"GET", "/api/v1/operations/1?wait=soon", "", "", 400, "wait"},
		{"GET", "/api/v1/credentials?disabled=perhaps", "", "", 400, "disabled"},
		{"GET", "/api/v1/operations/none", "", "", 404, ""},
		{"GET", "/api/v1/credentials/none", "", "", 404, ""},
		{"GET", "/api/v1/devices/none", "", "", 404, ""},
		{"GET", "/api/v1/policies/none", "", "", 404, ""},
		{"GET", "/api/v1/templates/none", "", "", 404, ""},
		{"GET", "/api/v1/nothing", "", "", 404, ""},
		{"DELETE", "/api/v1/credentials", "", "", 405, ""},
		{"TRACE", "/iso/pam/credential", "", "", 405, ""},
	} {
		name := c.method + " " + c.path[:min(len(c.path), 60)] + " " + c.body[:min(len(c.body), 60)]
		a := h.send(h.request(c.method, c.path, tok, c.contentType, c.body))
		field := a.text("field")
		if detail, ok := strings.CutPrefix(a.text("response.detail"), "field "); ok {
			field = detail
		}
		if a.status != c.status || field != c.field {
			t.Errorf("%s: %d, field %q: %s", name, a.status, field, a.raw)
		}
		management := strings.HasPrefix(c.path, "/api/v1")
		if want := "application/problem+json"; (a.header.Get("Content-Type") == want) != management {
			t.Errorf("%s: %s", name, a.header.Get("Content-Type"))
		}
	}
	if a := h.json(tok, "GET", "/api/v1/audit?kind=session.*", 400, ""); !strings.Contains(a.raw, "about session there are session.active, session.debt, session.ended, session.started") {
		t.Error(a.raw)
	}
	if strings.Contains(h.logs.String(), "level=error") {
		t.Error("bad input was an internal error:\n" + h.failures())
	}
}

// A canary that goes through every way in appears in answers only where a secret is read.
func TestNoSecretLeaks(t *testing.T) {
	t.Parallel()
	const canary = "cAnArY-7f3a9e-sEcReT"
	h := open(t, func(d *edge.Deps) { d.SecretsInURL = true })
	tok := h.token(h.admin)
	h.stock(tok)
	esc := url.QueryEscape
	var seen []string
	try := func(method, path, contentType, body string) {
		a := h.send(h.request(method, path, tok, contentType, body))
		for k, v := range a.header {
			seen = append(seen, fmt.Sprint(k, v))
		}
		seen = append(seen, a.raw)
	}
	try("POST", "/iso/pam/credential", formType, "hostname=web1&username=a&content="+canary)
	try("POST", "/iso/pam/credential?hostname=web1&username=b&password="+canary, "", "")
	try("POST", "/iso/pam/credential?hostname=web1&username=b&password="+canary+"%zz", "", "")
	try("POST", "/iso/pam/credential", formType, canary)
	try("POST", "/iso/pam/credential", formType, "content="+canary+"%zz")
	try("POST", "/iso/pam/credential", "application/json", `{"content":"`+canary+`","username":`)
	try("POST", "/iso/pam/credential", "application/json", `{"content":"`+canary+`\q"}`)
	try("POST", "/iso/pam/credential", "application/json", `["`+canary+`"]`)
	try("POST", "/iso/pam/credential", "application/json", `{"content":{"x":"`+canary+`"},"username":"q","hostname":"web1"}`)
	try("POST", "/iso/pam/credential", "multipart/form-data; boundary="+canary, canary)
	try("POST", "/iso/pam/credential/", formType, "hostname="+esc("none")+"&username=x&content="+canary)
	try("PUT", "/iso/pam/credential/web1-root", "application/json", `{"content":"`+canary+`","tags":7}`)
	try("PUT", "/iso/pam/credential/none", "application/json", `{"content":"`+canary+`"}`)
	try("POST", "/iso/oauth2/token", formType, "grant_type=client_credentials&client_id=x&client_secret="+canary)
	try("GET", "/iso/oauth2/token?grant_type=client_credentials&client_id=x&client_secret="+canary, "", "")
	try("POST", "/iso/oauth2/token", formType, "grant_type="+canary)
	try("POST", "/iso/oauth2/revoke", formType, "token="+canary)
	try("POST", "/api/v1/credentials", "", `{"hostname":"web1","username":"c","secret":"`+canary+`"}`)
	try("POST", "/api/v1/credentials", "", `{"hostname":"web1","secret":["`+canary+`"]}`)
	try("POST", "/api/v1/credentials", "", `{"secret":"`+canary+`"`)
	try("GET", "/iso/pam/device?password="+canary, "", "")
	try("GET", "/api/v1/whoami?token="+canary, "", "")
	try("GET", "/iso/nothing/"+canary, "", "")
	try("GET", "/iso/pam/device/"+canary, "", "")
	all := strings.ToLower(strings.Join(seen, "\n") + h.logs.String()) // names of fields are lower-cased
	if i := strings.Index(all, strings.ToLower(canary)); i >= 0 {
		t.Errorf("the canary leaks: ...%s...", all[max(0, i-200):min(len(all), i+60)])
	}
	v := h.fsm.View()
	defer v.Close()
	var rows []string
	v.Rows(func(_ table.Erased, key, value []byte) bool {
		rows = append(rows, string(key)+string(value))
		return true
	})
	if strings.Contains(strings.Join(rows, ""), canary) {
		t.Error("the state holds the canary in the clear")
	}
	// Positive control: the search finds the canary where it belongs, and tokens never stand in the log.
	if a := h.json(tok, "GET", "/iso/pam/credential/a@web1", 200, ""); !strings.Contains(a.raw, canary) {
		t.Error("the canary was not stored")
	}
	if strings.Contains(h.logs.String(), tok) || strings.Contains(h.logs.String(), h.admin.secret) {
		t.Error("the log holds a token or client secret")
	}
	if !strings.Contains(h.logs.String(), "/iso/pam/credential/{id}") || !strings.Contains(h.logs.String(), "parameters=") {
		t.Error("the access log does not hold what it should")
	}
}

func TestSecretsInURLRefused(t *testing.T) {
	t.Parallel()
	h := open(t, func(d *edge.Deps) { d.SecretsInURL = false })
	tok := h.token(h.admin)
	h.stock(tok)
	if a := h.want(h.send(h.request("POST", "/iso/pam/credential?username=x&hostname=web1&content=x", tok, "", "")), 400); a.text("response.detail") != "field content" {
		t.Error(a.raw)
	}
	h.want(h.send(h.request("GET", "/iso/oauth2/token?grant_type=client_credentials&client_id="+h.admin.id+"&client_secret="+h.admin.secret, "", "", "")), 400)
	h.want(h.send(h.request("POST", "/iso/pam/credential?username=x&hostname=web1", tok, formType, "content=x")), 201)
	for path, field := range map[string]string{
		"/iso/sctm/secret?identity=db&data=e30": "data", "/iso/cicd/variables?env=QT0x": "env", "/iso/pam/key?hostname=web1&passphrase=x": "passphrase",
		"/iso/pam/credential?hostname=web1&username=x&additional_settings[secret_key]=x": "secret_key",
	} {
		if a := h.want(h.send(h.request("POST", path, tok, "", "")), 400); a.text("response.detail") != "field "+field {
			t.Error(a.raw)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	slow := authn.Rate{PerSecond: 0.001, Burst: 3}
	fast := authn.Rate{PerSecond: 1e6, Burst: 1e6}
	for name, c := range map[string]struct {
		limits edge.Limits
		ids    bool // a new client id each time
		path   string
	}{
		"source":       {edge.Limits{Source: slow, TokenSource: fast, TokenClient: fast}, true, "/iso/oauth2/token"},
		"bad tokens":   {edge.Limits{Source: slow, TokenSource: fast, TokenClient: fast}, true, "/iso/pam/credential"},
		"any route":    {edge.Limits{Source: slow, TokenSource: fast, TokenClient: fast}, true, "/iso/nothing"},
		"token source": {edge.Limits{Source: fast, TokenSource: slow, TokenClient: fast}, true, "/iso/oauth2/token"},
		"revocations":  {edge.Limits{Source: fast, TokenSource: slow, TokenClient: fast}, true, "/iso/oauth2/revoke"},
		"token client": {edge.Limits{Source: fast, TokenSource: fast, TokenClient: slow}, false, "/iso/oauth2/token"},
		"AWS":          {edge.Limits{Source: fast, TokenSource: slow, TokenClient: fast}, true, "/iso/oauth2/aws"},
	} {
		c.limits.Concurrent, c.limits.Connections, c.limits.Remembered = 8, 8, 16
		h := open(t, func(d *edge.Deps) { d.Limits = c.limits })
		var last answer
		for i := range 4 {
			id := "same"
			if c.ids {
				id = fmt.Sprint("client", i)
			}
			if last.status == 429 {
				t.Errorf("%s: limited too early", name)
			}
			last = h.send(h.request("POST", c.path, "no.valid.token", formType, "grant_type=client_credentials&client_id="+id+"&client_secret=x&token=x&unique_key=x&host=sts.amazonaws.com&authorization=x&date=x"))
		}
		if last.status != 429 || last.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", name, last.status, last.raw)
		}
		h.mu.Lock()
		notes := strings.Join(h.notes, ",")
		h.mu.Unlock()
		if !strings.Contains(notes, "429 limited") {
			t.Errorf("%s: the denial was not noted: %s", name, notes)
		}
	}
}

// TestOthersDoNotDelayTheHolder: who asks in the name of a client that he is not, as often as he may and with the right key or not, is held
// up himself; the client gets its tokens from where it is.
func TestOthersDoNotDelayTheHolder(t *testing.T) {
	t.Parallel()
	slow, fast := authn.Rate{PerSecond: 0.001, Burst: 3}, authn.Rate{PerSecond: 1e6, Burst: 1e6}
	h := open(t, func(d *edge.Deps) {
		d.TrustedProxies = []string{"127.0.0.0/8"}
		d.Limits = edge.Limits{Source: fast, TokenSource: fast, TokenClient: slow, Refused: fast, Concurrent: 8, Connections: 8, Remembered: 64}
	})
	k := h.authorize(h.token(h.admin), "shop", `{"name":"a"}`)
	ask := func(from, secret string) int {
		r := h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+k.id+"&client_secret="+secret)
		r.Header.Set("X-Forwarded-For", from)
		return h.send(r).status
	}
	for i, want := range []int{401, 401, 401, 429} {
		if got := ask("198.51.100.1", "guess"); got != want {
			t.Errorf("guess %d: %d", i+1, got)
		}
	}
	if got := ask("198.51.100.1", k.secret); got != 429 {
		t.Errorf("the source of the guesses, with the secret: %d", got)
	}
	if got := ask("198.51.100.2", k.secret); got != 200 {
		t.Errorf("the holder: %d", got)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if notes := strings.Join(h.notes, ","); strings.Count(notes, "401 unauthenticated") != 3 {
		t.Errorf("three guesses were noted as %s", notes)
	}
}

// X-Forwarded-For is believed from trusted proxies only: a forged one does not get past an address restriction.
func TestForgedSource(t *testing.T) {
	t.Parallel()
	for _, trusted := range [][]string{nil, {"127.0.0.0/8"}} {
		h := open(t, func(d *edge.Deps) { d.TrustedProxies = trusted })
		k := h.authorize(h.token(h.admin), "far", `{"name":"a","ips":["10.0.0.0/8"]}`)
		r := h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+k.id+"&client_secret="+k.secret)
		r.Header.Set("X-Forwarded-For", "6.6.6.6, 10.1.2.3")
		want := 403
		if trusted != nil {
			want = 200
		}
		h.want(h.send(r), want)
	}
}

// Slow and endless clients are cut off by the server's limits; a peer does not get all connections.
func TestServerLimits(t *testing.T) {
	t.Parallel()
	s := route.Server(http.NotFoundHandler(), nil)
	if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("%+v", s)
	}
	h := open(t, nil)
	conn, err := tls.Dial("tcp", h.server.Listener.Addr().String(), &tls.Config{RootCAs: h.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A body that ends before its announced length is a 4xx in the envelope, not a hang.
	tok := h.token(h.admin)
	_, _ = fmt.Fprintf(conn, "POST /iso/pam/credential HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nuser", tok)
	_ = conn.CloseWrite()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 408 || !strings.Contains(string(body), `"error":true`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// A misspelt field of a put is told, as far as it is a plain name: a password that was put as pasword is not there. So is a filter that
// a list does not have.
func TestUnknownFieldsAreTold(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/iso/pam/credential", "hostname=web1&username=new&pasword=x&Tag=a&tags=b&p w=hunter2", "not known here: pasword, tag"},
		{"POST", "/iso/pam/credential?credential=x", `{"hostname":"web1","username":"new","pasword":"x","pasword2":null}`, "not known here: pasword, credential"},
		{"PUT", "/api/pam/credential/web1-root", `{"nonsense":1,"tags":["a"]}`, "not known here: nonsense"},
		{"POST", "/api/pam/device", "hostname=web1&oauth_token=x&session_remote_config=SSH:a:b&typ=x", "not kept: session_remote_config; not known here: typ"},
		{"POST", "/iso/sctm/secret", "identity=old&expiration_date=2020-01-01&data={}", "nobody reads it"},
		{"PUT", "/api/dsm/secret/old", `{"engine":"x"}`, "nobody reads it"},
		{"GET", "/iso/pam/credential?Hostname=other&consistency=strong", "", "not known here: hostname"},
		{"GET", "/iso/pam/credential/web1-root?credential=web1-root", "", ""},
		{"GET", "/iso/pam/info?oauth_consumer_key=x", "", ""},
		{"POST", "/iso/pam/credential", "hostname=web1&username=new&type=Server&vendor=v&model=m&site=s&device_domain=d", ""},
	} {
		a := h.send(h.request(c.method, c.path, admin, "", c.body))
		if a.status >= 300 || !strings.HasSuffix(a.text("response.detail"), c.want) || c.want == "" && strings.Contains(a.raw, "not known") || strings.Contains(a.text("response.detail"), "hunter") {
			t.Errorf("%s: %s", c.body, a.raw)
		}
	}
}

// A program that repeats what it may not do neither fills the trail nor holds up what else its application does: the same request is
// refused by the reducer at a rate, and from then on without it.
func TestRepeatedRefusals(t *testing.T) {
	t.Parallel()
	h := open(t, func(d *edge.Deps) {
		d.Limits = edge.DefaultLimits
		d.Limits.Refused = authn.Rate{PerSecond: 0.001, Burst: 5}
	})
	admin := h.token(h.admin)
	h.stock(admin)
	h.json(admin, "POST", "/api/v1/credentials", 201, `{"identifier":"own","hostname":"web1","username":"own","secret":"s","tags":["team"]}`)
	k := h.authorize(admin, "team", `{"name":"prod","modules":["PAM Core"],"rights":["secret.read"],"filter":{"tags":["team"]}}`)
	tok := h.token(k)
	var by []int
	for range 20 {
		a := h.send(h.request("GET", "/api/v1/credentials/web1-root/secret", tok, "", ""))
		if by = append(by, a.status); a.status == 429 && a.header.Get("Retry-After") == "" {
			t.Error("it is not said when to come back")
		}
	}
	if by[4] == 429 || by[5] != 429 || by[19] != 429 {
		t.Errorf("answers: %v", by)
	}
	if n := len(h.json(admin, "GET", "/api/v1/audit?kind=command.denied&limit=1000", 200, "").at("items").([]any)); n != 5 {
		t.Errorf("%d events of 20 refusals, want 5", n)
	}
	h.json(tok, "GET", "/api/v1/credentials/own/secret", 200, "")              // another request of the same client
	h.json(h.token(k), "GET", "/api/v1/credentials/web1-root/secret", 429, "") // a new token is the same client
	h.json(admin, "GET", "/api/v1/credentials/web1-root/secret", 200, "")
}
