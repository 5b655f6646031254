package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// The dsm client (contract/clients.md 1.1) decodes into these types and fails on any other.
type dsmToken struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
	Error       string `json:"error"`
	Message     string `json:"message"`
	Response    struct {
		Status    int    `json:"status"`
		Message   string `json:"message"`
		Error     bool   `json:"error"`
		ErrorCode int    `json:"error_code"`
	} `json:"response"`
}

func TestDsmClient(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {h.admin.id}, "client_secret": {h.admin.secret}}.Encode()
	var first dsmToken
	for _, path := range []string{"/iso/oauth2/token", "/api/oauth2/token", "/ISO/OAuth2/Token", "//iso/oauth2/token/"} {
		r := h.request("POST", path, first.AccessToken, formType, form) // a stray Bearer from the second time on
		a := h.want(h.send(r), 200)
		var tok dsmToken
		if err := json.Unmarshal([]byte(a.raw), &tok); err != nil || tok.AccessToken == "" || tok.ExpiresIn != 3600 || tok.TokenType != "Bearer" || tok.Error != "" {
			t.Errorf("%s: %v %+v", path, err, tok)
		}
		first = tok
	}
	// A stray Bearer that is no token does not fail client authentication either.
	h.want(h.send(h.request("POST", "/iso/oauth2/token", "rubbish", formType, form)), 200)
	for name, f := range map[string]string{
		"wrong secret":   url.Values{"grant_type": {"client_credentials"}, "client_id": {h.admin.id}, "client_secret": {"x"}}.Encode(),
		"unknown client": url.Values{"grant_type": {"client_credentials"}, "client_id": {"x"}, "client_secret": {"x"}}.Encode(),
		"no client":      "grant_type=client_credentials",
	} {
		a := h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, f)), 401)
		var tok dsmToken
		if err := json.Unmarshal([]byte(a.raw), &tok); err != nil || tok.Error != "invalid_client" || tok.Message == "" || a.text("error_description") == "" || !tok.Response.Error {
			t.Errorf("%s: %v %s", name, err, a.raw)
		}
	}
	// Unknown routes and bad tokens are JSON objects with the envelope and no top-level error.
	for path, want := range map[string]int{"/iso/sctm/nothing": 404, "/nothing": 404, "/iso/pam/credential": 401} {
		a := h.want(h.send(h.request("GET", path, "x", formType, "")), want)
		var tok dsmToken
		if err := json.Unmarshal([]byte(a.raw), &tok); err != nil || !tok.Response.Error || tok.Response.Status != want || tok.Error != "" {
			t.Errorf("%s: %v %s", path, err, a.raw)
		}
	}
	for _, path := range []string{"/iso/remote/session", "/api/Remote/Session", "/iso/coge/risco/all", "/api/coge/risco", "/api/system/nc/agent", "/iso/system/nc/agent/7"} {
		for _, method := range []string{"GET", "POST"} {
			if a := h.want(h.send(h.request(method, path, "", "", "")), 404); !strings.HasPrefix(a.text("response.message"), "Resource sub not found: ") || !strings.Contains(a.text("exception.message"), " is not offered: ") || a.at("response.error_code") != 4.0 {
				t.Error(a.raw)
			}
		}
	}
	if a := h.send(h.request("GET", "/iso/remote/sessions", "", "", "")); a.text("response.message") != "Resource sub not found" {
		t.Error("another path: " + a.raw)
	}
	if a := h.send(h.request("GET", "/iso/nothing", "", "", "")); a.text("response.message") != "Resource sub not found" || a.at("response.error_code") != 4.0 {
		t.Error(a.raw)
	}
}

// golang.org/x/oauth2 (1.8) in all its ways, also with a secret that must be percent-encoded.
func TestOAuthLibrary(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, h.server.Client())
	for name, style := range map[string]oauth2.AuthStyle{"parameters": oauth2.AuthStyleInParams, "basic": oauth2.AuthStyleInHeader, "detected": oauth2.AuthStyleAutoDetect} {
		c := clientcredentials.Config{ClientID: h.admin.id, ClientSecret: h.admin.secret, TokenURL: h.server.URL + "/iso/oauth2/token", AuthStyle: style, EndpointParams: url.Values{"ttl": {"5"}}}
		tok, err := c.Token(ctx)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if left := time.Until(tok.Expiry); left > 6*time.Minute || left < 4*time.Minute {
			t.Errorf("%s: expires in %s", name, left)
		}
		if res, err := c.Client(ctx).Get(h.server.URL + "/api/v1/whoami"); err != nil || res.StatusCode != 200 {
			t.Errorf("%s: %v %v", name, res, err)
		} else {
			_ = res.Body.Close()
		}
	}
	c := clientcredentials.Config{ClientID: h.admin.id, ClientSecret: "wrong", TokenURL: h.server.URL + "/iso/oauth2/token", AuthStyle: oauth2.AuthStyleInHeader}
	_, err := c.Token(ctx)
	var e *oauth2.RetrieveError
	if !errors.As(err, &e) || e.ErrorCode != "invalid_client" || e.Response.StatusCode != 401 {
		t.Errorf("%v", err)
	}
	for form, want := range map[string]string{
		"grant_type=password&client_id=a&client_secret=b":                                         "unsupported_grant_type",
		"client_id=a&client_secret=b":                                                             "invalid_request",
		"grant_type=client_credentials&ttl=0&client_id=" + h.admin.id:                             "invalid_request",
		"grant_type=client_credentials&ttl=1441&client_id=" + h.admin.id:                          "invalid_request",
		`{"grant_type":"client_credentials","client_id":"` + h.admin.id + `","client_secret":"b"`: "invalid_request",
	} {
		if a := h.want(h.send(h.request("POST", "/iso/oauth2/token", "", formType, form)), 400); a.text("error") != want {
			t.Errorf("%s: %s", form, a.raw)
		}
	}
	a := h.json("", "POST", "/api/oauth2/token", 200, `{"grant_type":"client_credentials","client_id":"`+h.admin.id+`","client_secret":"`+h.admin.secret+`","ttl":1}`)
	if a.at("expires_in") != 60.0 || a.header.Get("Cache-Control") != "no-store" {
		t.Error(a.raw)
	}
}

// External Secrets Operator (1.2): exactly 200, a JSON number, never 201.
func TestEsoToken(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	res, err := h.server.Client().PostForm(h.server.URL+"/iso/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {h.admin.id}, "client_secret": {h.admin.secret}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var tok struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
		TokenType   string  `json:"token_type"`
	}
	if err := json.NewDecoder(res.Body).Decode(&tok); err != nil || res.StatusCode != http.StatusOK || tok.ExpiresIn != 3600 {
		t.Errorf("%d %+v %v", res.StatusCode, tok, err)
	}
}

// The Ansible collection (1.3): forms, host names and identifiers as ids, 400 for what is not there.
func TestAnsibleCollection(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	changed := func(a answer) {
		t.Helper()
		response, ok := a.at("response").(map[string]any)
		if c, there := response["changed"]; !ok || there && c != "true" && c != "false" {
			t.Errorf("response must be an object, and changed a string: %s", a.raw)
		}
	}
	dev := []string{"ip", "192.0.2.7", "hostname", "db7", "type", "Server", "vendor", "Debian", "model", "12", "site", "main", "device_tags", "a,b", "connectivities", "SSH:22,HTTPS:443"}
	a := h.form(tok, "POST", "/iso/pam/device", 201, dev...)
	changed(a)
	if a.text("device.id") != "1" || a.text("device.connectivities") != "SSH:22,HTTPS:443" {
		t.Error(a.raw)
	}
	changed(h.form(tok, "POST", "/iso/pam/device", 201, dev...))
	cred := []string{"ip", "192.0.2.7", "hostname", "db7", "type", "Domain user", "username", "svc", "identifier", "db7-svc", "content", "p'w\"d&", "domain", "corp", "tags", "a,b", "additional", "x"}
	changed(h.form(tok, "POST", "/iso/pam/credential", 201, cred...))
	info := h.want(h.send(h.request("GET", "/iso/pam/credential/db7-svc?credential=db7-svc", tok, "", "")), 200)
	if info.text("credential.password") != "p'w\"d&" || info.text("credential.username") != "svc" || info.text("credential.type") != "Domain user" || info.text("credential.port") != "22" {
		t.Error(info.raw)
	}
	absent := func(path, body string, want int) answer {
		t.Helper()
		return h.want(h.send(h.request("DELETE", path, tok, "application/json", body)), want)
	}
	changed(absent("/iso/pam/credential/db7-svc", "identifier=db7-svc", 200))
	if a := absent("/iso/pam/credential/db7-svc", "identifier=db7-svc", 400); a.at("exception.code") != 1008.0 {
		t.Error(a.raw)
	}
	absent("/iso/pam/credential/never-was", "identifier=never-was", 400)
	changed(absent("/iso/pam/device/db7", "device=db7", 200))
	if a := absent("/iso/pam/device/db7", "device=db7", 400); a.at("exception.code") != 1011.0 {
		t.Error(a.raw)
	}
	absent("/iso/pam/device/never-was", "{broken", 400)
}

// The sample clients of the specification (1.5): everything inside response, JSON bodies, ip absent.
func TestSpecificationDialect(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	a := h.json(tok, "POST", "/api/pam/credential", 201, `{"identifier":"app-db","username":"app","password":"pä\"ss","hostname":"web1","type":"Local User","additional_info":"db=x","tags":["one","two"]}`)
	id := a.text("response.credential.id")
	for _, f := range []string{"id", "identifier", "username", "hostname"} {
		if a.text("response.credential."+f) == "" || a.text("credential."+f) != a.text("response.credential."+f) {
			t.Errorf("%s is missing on one side: %s", f, a.raw)
		}
	}
	if a := h.json(tok, "GET", "/api/pam/credential", 200, ""); len(a.at("response.credentials").([]any)) != 2 || a.text("response.credentials.1.identifier") != "app-db" || a.text("credentials.1.management_ip") != "192.0.2.1" || a.text("credentials.1.id") != id {
		t.Error(a.raw)
	}
	a = h.json(tok, "PUT", "/api/pam/credential/"+id, 200, `{"additional_info":"new","username":null,"tags":["three"]}`)
	if a.text("response.credential.username") != "app" || a.text("response.credential.additional_info") != "new" || a.text("response.credential.tags.0") != "three" {
		t.Error(a.raw)
	}
	for _, r := range []*http.Request{
		h.request("GET", "/iso/coe/senha?credentialId="+id, tok, "", ""),
		h.request("GET", "/iso/coe/senha", tok, formType, "credentialId="+id), // a GET with a form body
		h.request("GET", "/iso/coe/senha/"+id, tok, "", ""),
		h.request("GET", "/iso/coe/senha/app@web1", tok, "", ""),
		h.request("GET", "/API/COE/Senha/app-db", tok, "", ""),
	} {
		a := h.want(h.send(r), 200)
		at, err := time.Parse(time.RFC3339, a.text("response.credential.expiration"))
		if err != nil || at.Before(time.Now()) || a.text("response.credential.password") != `pä"ss` || a.text("response.credential.id") != id {
			t.Errorf("%v %s", err, a.raw)
		}
		if a.text("senha.senha") != `pä"ss` || a.text("senha.username") != "app" { // the third dialect (1.6)
			t.Error(a.raw)
		}
	}
	if a := h.json(tok, "DELETE", "/iso/pam/credential/custody/"+id, 200, ""); !strings.Contains(a.raw, "custody "+id+" released") {
		t.Error(a.raw)
	}
	if a := h.json(tok, "DELETE", "/iso/pam/credential/custody/"+id, 400, ""); a.at("exception.code") != 1018.0 || a.text("response.message") != "1018: The credential is not in the user custody" {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/api/pam/credential/"+id, 400, `{}`) // activating an active one
	h.json(tok, "DELETE", "/api/pam/credential/"+id, 200, "")
	h.json(tok, "GET", "/api/pam/credential/"+id, 400, "")
	h.json(tok, "PUT", "/api/pam/credential/"+id, 200, `{}`)
	h.json(tok, "GET", "/api/pam/credential/"+id, 200, "")
}

// The envelope that senhasegura-rs (1.4) demands in every answer, also in errors.
func TestEveryAnswerHasTheWholeEnvelope(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	for _, c := range []struct {
		method, path, body string
	}{
		{"GET", "/iso/pam/credential", ""}, {"GET", "/iso/pam/credential/1", ""}, {"GET", "/iso/pam/credential/none", ""}, {"GET", "/iso/pam/device", ""}, {"GET", "/iso/pam/device/web1", ""},
		{"POST", "/iso/pam/credential", `{"username":null}`}, {"POST", "/iso/pam/credential", "{"}, {"PATCH", "/iso/pam/credential", ""}, {"GET", "/iso/nowhere", ""}, {"DELETE", "/iso/pam/device/none", ""},
	} {
		a := h.send(h.request(c.method, c.path, tok, "", c.body))
		var e struct {
			Response struct {
				Status    *uint16 `json:"status"`
				Message   *string `json:"message"`
				Error     *bool   `json:"error"`
				ErrorCode *int32  `json:"error_code"`
			} `json:"response"`
			Exception *struct {
				Code    uint16 `json:"code"`
				Message string `json:"message"`
			} `json:"exception"`
		}
		if err := json.Unmarshal([]byte(a.raw), &e); err != nil {
			t.Fatalf("%s: %v", a.raw, err)
		}
		r := e.Response
		if r.Status == nil || r.Message == nil || r.Error == nil || r.ErrorCode == nil || int(*r.Status) != a.status || *r.Error != (a.status >= 300) || (a.status >= 300) != (e.Exception != nil) {
			t.Errorf("%s %s: %s", c.method, c.path, a.raw)
		}
	}
}

// Clients that send everything in the query of an empty POST (1.6), and the switch that forbids it.
func TestQueryOfAnEmptyPost(t *testing.T) {
	t.Parallel()
	query := "?" + url.Values{"username": {"php"}, "content": {"x y"}, "type": {"Local User"}, "hostname": {"web1"}, "ip": {"192.0.2.1"}}.Encode()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	h.want(h.send(h.request("POST", "/iso/pam/credential"+query, tok, "", "")), 201)
	if a := h.json(tok, "GET", "/iso/pam/credential/php@web1", 200, ""); a.text("credential.content") != "x y" {
		t.Error(a.raw)
	}
}
