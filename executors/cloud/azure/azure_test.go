package azure_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/cloud/azure"
	"cofre/executors/executortest"
	"cofre/executors/executortest/cloudtest"
	"cofre/vault/secret"
)

var engine = azure.Executor{Patience: cloud.Patience{Whole: 2 * time.Second, Pause: 10 * time.Millisecond}}

const (
	account  = "aaaaaaaa-0000-0000-0000-000000000001"
	password = "account~secret.of-40-characters-00000001"
	object   = "bbbbbbbb-0000-0000-0000-000000000002"
	appID    = "cccccccc-0000-0000-0000-000000000003"
	tenant   = "contoso.example"
	name     = "app_260101120000_0a1b2c3d"
)

// double plays the token endpoint and the application of Graph: it knows tokens, names of secrets, and lets new ones be unknown for a while.
type double struct {
	cloudtest.Double
	secrets []made
	issued  int
}

type made struct {
	key, name, text string
	from            time.Time
}

func newDouble(t testing.TB) *double {
	t.Helper()
	d := &double{secrets: []made{{key: "k0", name: "somebody's", text: "theirs"}}}
	d.Values = map[string]string{"USERNAME": name, "AUTH_USER": account, "AUTH_PASSWORD": password, "AUTH_DOMAIN": tenant, "ADD_INFO": object}
	d.Start(t, d)
	return d
}

var kit = cloudtest.Cloud{Engine: engine, Catalogue: azure.Catalogue(), Create: azure.CreateTemplate, Remove: azure.RemoveTemplate,
	Open: func(t testing.TB) *cloudtest.Double { return &newDouble(t).Double }, Uncertain: 2, Asked: 2}

// Answer plays a request.
func (d *double) Answer(r *http.Request, body []byte) (int, []byte) {
	status, out := d.answer(r, body)
	doc, _ := json.Marshal(out)
	return status, doc
}

// Left counts the secrets with the user's name; somebody else's is left alone.
func (d *double) Left() (n int) {
	for _, s := range d.secrets {
		if s.name == name {
			n++
		}
	}
	return n
}

type object1 = map[string]any

func (d *double) answer(r *http.Request, body []byte) (int, any) {
	if r.URL.Path == "/"+tenant+"/oauth2/v2.0/token" {
		return d.token(body)
	}
	refuse := func(status int, code string) (int, any) {
		return status, object1{"error": object1{"code": code, "message": code + " of the double"}}
	}
	switch {
	case r.Header.Get("Authorization") != "Bearer token-of-"+account:
		return refuse(401, "InvalidAuthenticationToken")
	case !strings.HasPrefix(r.URL.Path, "/v1.0/applications/"+object):
		return refuse(404, "Request_ResourceNotFound")
	case r.Method == http.MethodGet:
		list := []object1{}
		for _, s := range d.secrets {
			list = append(list, object1{"keyId": s.key, "displayName": s.name, "hint": s.text[:3]})
		}
		return 200, object1{"appId": appID, "passwordCredentials": list}
	case d.Denied["change"]:
		return refuse(403, "Authorization_RequestDenied")
	}
	var in struct {
		Key string `json:"keyId"`
		New struct {
			Name string `json:"displayName"`
		} `json:"passwordCredential"`
	}
	if json.Unmarshal(body, &in) != nil {
		return refuse(400, "Request_BadRequest")
	}
	switch strings.TrimPrefix(r.URL.Path, "/v1.0/applications/"+object) {
	case "/addPassword":
		d.issued++
		s := made{fmt.Sprintf("k%d", d.issued), in.New.Name, fmt.Sprintf("Ab1~secret.of.the.double-%d", d.issued), time.Now().Add(d.Lag)}
		d.secrets = append(d.secrets, s)
		return 200, object1{"keyId": s.key, "displayName": s.name, "secretText": s.text}
	case "/removePassword":
		for i, s := range d.secrets {
			if s.key == in.Key {
				d.secrets = append(d.secrets[:i:i], d.secrets[i+1:]...)
				return 204, nil
			}
		}
	}
	return refuse(400, "Request_BadRequest")
}

func (d *double) token(body []byte) (int, any) {
	f, _ := url.ParseQuery(string(body))
	good := f.Get("client_id") == account && f.Get("client_secret") == password
	for _, s := range d.secrets {
		good = good || f.Get("client_id") == appID && f.Get("client_secret") == s.text && !time.Now().Before(s.from)
	}
	switch {
	case f.Get("grant_type") != "client_credentials" || f.Get("scope") != "https://graph.microsoft.com/.default":
		return 400, object1{"error": "invalid_request", "error_description": "AADSTS900144"}
	case f.Get("client_id") != account && f.Get("client_id") != appID:
		return 400, object1{"error": "unauthorized_client", "error_description": "AADSTS700016: Application was not found in the directory."}
	case !good:
		return 401, object1{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
	}
	return 200, object1{"token_type": "Bearer", "expires_in": 3599, "access_token": "token-of-" + f.Get("client_id")}
}

// TestDoubleLife: a secret is made, logs in although Entra learns of it late, and is gone in the end; somebody else's is left alone.
func TestDoubleLife(t *testing.T) {
	t.Parallel()
	kit.Life(t, func(d *cloudtest.Double, a *cloudtest.Attempt, parts map[string]string) {
		if parts["access_key_id"] != appID || parts["tenant_id"] != tenant || strings.Contains(a.Steps, password) || d.Left() != 1 {
			t.Errorf("%s: %s", parts["access_key_id"], a.Steps)
		}
	})
}

// TestDoubleCuts breaks the connection at every request.
func TestDoubleCuts(t *testing.T) {
	t.Parallel()
	kit.Cuts(t)
}

// TestDoublePermission: permission is asked for before the login and before the change.
func TestDoublePermission(t *testing.T) {
	t.Parallel()
	kit.Permission(t)
}

// TestDoubleOthers: a removal leaves secrets with other names alone.
func TestDoubleOthers(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	a := d.Try(t, nil)
	kit.Made(t, a)
	if outcome, err := kit.Template(t, azure.RemoveTemplate).Run(t.Context(), a.Session); outcome != executors.Applied || len(d.secrets) != 1 {
		t.Errorf("%s, %v, %d secrets", outcome, err, len(d.secrets))
	}
}

// TestDoubleAccounts: the client secrets of a profile are listed; others and unnamed ones are not.
func TestDoubleAccounts(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	for _, n := range []string{"app_1", "APP_2", "apple", ""} {
		d.secrets = append(d.secrets, made{key: "k" + n, name: n, text: "text-of-" + n})
	}
	a := d.Try(t, nil)
	for _, program := range []executors.Program{nil, kit.Template(t, azure.RemoveTemplate)} {
		l, _ := executors.ListerOf(engine, program)
		names, more, err := l.Accounts(t.Context(), a.Session, "app_")
		if fmt.Sprint(names) != "[app_1 APP_2]" || more || err != nil || strings.Contains(a.Steps, "text-of") {
			t.Errorf("%v, %v, %v", names, more, err)
		}
	}
	a = d.Try(t, map[string]string{"AUTH_PASSWORD": "wrong-secret"})
	if _, _, err := engine.Accounts(t.Context(), a.Session, "app_"); executortest.ClassOf(err) != executors.ClassAuth {
		t.Error(err)
	}
}

// TestDoubleRefusals: what is refused is told by its class.
func TestDoubleRefusals(t *testing.T) {
	t.Parallel()
	kit.Refusals(t, map[string]cloudtest.Case{
		"wrong secret":        {Values: map[string]string{"AUTH_PASSWORD": "wrong-secret"}, Outcome: executors.NotStarted, Class: executors.ClassAuth, Says: "AADSTS7000215"},
		"unknown client":      {Values: map[string]string{"AUTH_USER": object}, Outcome: executors.NotStarted, Class: executors.ClassAuth, Says: "AADSTS700016"},
		"may not":             {Denied: "change", Outcome: executors.Rejected, Class: executors.ClassPolicy, Says: "Authorization_RequestDenied"},
		"no such application": {Values: map[string]string{"ADD_INFO": account}, Outcome: executors.NotStarted, Class: executors.ClassPolicy, Says: "ResourceNotFound"},
		"no id":               {Values: map[string]string{"ADD_INFO": "../users"}, Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "id of an application"},
		"no tenant":           {Values: map[string]string{"AUTH_DOMAIN": "../x"}, Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "tenant"},
		"no client id":        {Values: map[string]string{"AUTH_USER": "root"}, Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "client id"},
		"nobody commits it":   {Keep: errors.New("no majority"), Outcome: executors.Uncertain, Class: executors.ClassRefused, Says: "no majority"},
	})
}

// TestDoubleAccount: the account's own secret is proven once.
func TestDoubleAccount(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	a := d.Try(t, map[string]string{"USERNAME": account})
	for text, want := range map[string]bool{password: true, "wrong": false} {
		if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte(text))); in != want || err != nil {
			t.Errorf("%v, %v", in, err)
		}
	}
	if d.Requests() != 2 {
		t.Errorf("%d requests", d.Requests())
	}
}

// TestCompile: what a template may say; TestPolicy: one permission.
func TestCompile(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", "add-password", "add-password a\nremove-password a", "remove", `add-password "[#PASSWORD#]"`} {
		if _, err := engine.Compile(source); err == nil {
			t.Errorf("%q compiles", source)
		}
	}
	if !engine.Belongs("graph.microsoft.com", "login.microsoftonline.com") || engine.Belongs("graph.lab.example", "login.microsoftonline.com") || engine.Belongs("graph.microsoft.com", "login.evil.example") {
		t.Error("hosts of the service")
	}
	var policy []any
	if json.Unmarshal([]byte(azure.Policy()), &policy) != nil || len(policy) != 1 {
		t.Error("the policy is no JSON")
	}
}

func TestDoubleSilent(t *testing.T) {
	t.Parallel()
	kit.Silent(t)
}
