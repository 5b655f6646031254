package azure_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/cloud/azure"
	"cofre/executors/executortest"
	"cofre/executors/mask"
	"cofre/fsm/model"
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
	*httptest.Server
	mu       sync.Mutex // guards what follows
	secrets  []made
	denied   bool // the account may not change the application
	lag      time.Duration
	cut      int // the request at which the connection breaks ...
	after    bool
	requests int
	issued   int
}

type made struct {
	key, name, text string
	from            time.Time
}

func newDouble(t *testing.T) *double {
	t.Helper()
	d := &double{secrets: []made{{key: "k0", name: "somebody's", text: "theirs"}}}
	d.Server = httptest.NewUnstartedServer(d)
	d.Config.ErrorLog = log.New(io.Discard, "", 0)
	d.StartTLS()
	t.Cleanup(d.Close)
	return d
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	if d.requests == d.cut && !d.after {
		panic(http.ErrAbortHandler)
	}
	body, _ := io.ReadAll(r.Body)
	status, out := d.answer(r, body)
	if d.requests == d.cut {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
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
	case d.denied:
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
		s := made{fmt.Sprintf("k%d", d.issued), in.New.Name, fmt.Sprintf("Ab1~secret.of.the.double-%d", d.issued), time.Now().Add(d.lag)}
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

func (d *double) ours() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.secrets {
		if s.name == name {
			n++
		}
	}
	return n
}

func (d *double) breakAt(n int, after bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests, d.cut, d.after = 0, n, after
}

// attempt is a session with what became of it.
type attempt struct {
	executors.Session
	steps  string
	kept   string
	refuse error // of Keep
}

func (a *attempt) Step(s model.Step) { a.steps += s.Text + " " + s.Error + "\n" }

func (d *double) try(t *testing.T, values map[string]string) *attempt {
	t.Helper()
	at, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort(at.Host)
	all := map[string]string{"USERNAME": name, "AUTH_USER": account, "AUTH_PASSWORD": password, "AUTH_DOMAIN": tenant, "ADD_INFO": object}
	for n, v := range values {
		all[n] = v
	}
	a := &attempt{}
	a.Session = executors.Session{
		Target: model.Endpoint{Hostname: "example.com", Address: to.Addr().String(), Port: to.Port(), CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}))},
		Resolve: func(n mask.Name) (secret.Value, error) {
			if v := all[string(n)]; v != "" {
				return secret.New([]byte(v)), nil
			}
			return secret.Value{}, mask.ErrNoValue
		},
		Dial: new(net.Dialer).DialContext, Trace: a,
		Keep: func(_ context.Context, v secret.Value) error {
			if a.refuse == nil {
				_ = v.Reveal(func(b []byte) error { a.kept = string(b); return nil })
			}
			return a.refuse
		},
	}
	return a
}

func template(t *testing.T, name string) executors.Program {
	t.Helper()
	for _, e := range azure.Catalogue() {
		if e.Name == name {
			p, err := executors.Compile(engine, e.Kind, e.Content)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	t.Fatalf("the catalogue has no %s", name)
	return nil
}

// TestDoubleLife: a secret is made, logs in although Entra learns of it late, and is gone in the end; somebody else's is left alone.
func TestDoubleLife(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	d.lag = 200 * time.Millisecond
	create, remove := template(t, azure.CreateTemplate), template(t, azure.RemoveTemplate)
	a := d.try(t, nil)
	if outcome, err := create.Run(t.Context(), a.Session); outcome != executors.Applied {
		t.Fatalf("%s: %v", outcome, err)
	}
	var pair map[string]string
	if json.Unmarshal([]byte(a.kept), &pair) != nil || pair["access_key_id"] != appID || pair["tenant_id"] != tenant || strings.Contains(a.steps, pair["secret_access_key"]) || strings.Contains(a.steps, password) {
		t.Fatalf("%v\n%s", pair["access_key_id"], a.steps)
	}
	key, stand := secret.New([]byte(a.kept)), secret.New([]byte("a-stand-in"))
	if in, err := engine.Verify(t.Context(), a.Session, key); !in || err != nil {
		t.Fatalf("the new secret: %v, %v", in, err)
	}
	if in, err := engine.Verify(t.Context(), a.Session, stand); in || err != nil {
		t.Errorf("a stand-in: %v, %v", in, err)
	}
	gone := remove.(executors.Verifier)
	if there, err := gone.Verify(t.Context(), a.Session, stand); !there || err != nil {
		t.Errorf("before the removal: %v, %v", there, err)
	}
	for range 2 {
		if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied {
			t.Fatalf("%s: %v", outcome, err)
		}
	}
	for _, v := range []secret.Value{key, stand} {
		if there, err := gone.Verify(t.Context(), a.Session, v); there || err != nil {
			t.Errorf("after the removal: %v, %v", there, err)
		}
	}
	if len(d.secrets) != 1 {
		t.Errorf("left: %+v", len(d.secrets))
	}
}

// TestDoubleCuts breaks the connection at every request, before and after its effect: what is claimed is true, and the next attempt leaves
// one secret, which is known.
func TestDoubleCuts(t *testing.T) {
	t.Parallel()
	create, remove := template(t, azure.CreateTemplate), template(t, azure.RemoveTemplate)
	seen := map[executors.Outcome]int{}
	for n, whole := 1, false; !whole; n++ {
		for _, after := range []bool{false, true} {
			d := newDouble(t)
			d.breakAt(n, after)
			a := d.try(t, nil)
			outcome, err := create.Run(t.Context(), a.Session)
			seen[outcome]++
			whole = outcome == executors.Applied
			if !whole && executortest.ClassOf(err) != executors.ClassNetwork || outcome == executors.NotStarted && d.ours() != 0 || (a.kept != "") != whole {
				t.Errorf("request %d, after %v: %s, %v, %d secrets", n, after, outcome, err, d.ours())
			}
			d.breakAt(0, false)
			if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied || d.ours() != 0 {
				t.Fatalf("request %d, after %v: the removal: %s, %v, %d secrets", n, after, outcome, err, d.ours())
			}
			again := d.try(t, nil)
			if outcome, err := create.Run(t.Context(), again.Session); outcome != executors.Applied || d.ours() != 1 {
				t.Fatalf("request %d, after %v: the next attempt: %s, %v, %d secrets", n, after, outcome, err, d.ours())
			}
			if in, err := engine.Verify(t.Context(), again.Session, secret.New([]byte(again.kept))); !in || err != nil {
				t.Errorf("the next attempt's secret: %v, %v", in, err)
			}
		}
	}
	if seen[executors.Uncertain] != 2 || seen[executors.NotStarted] != 4 {
		t.Errorf("the cuts did not reach all requests: %v", seen)
	}
}

// TestDoubleRefusals: what is refused is told by its class, and never claimed to be something else.
func TestDoubleRefusals(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		values  map[string]string
		denied  bool
		keep    error
		outcome executors.Outcome
		class   executors.Class
		says    string
	}{
		"wrong secret":        {values: map[string]string{"AUTH_PASSWORD": "wrong-secret"}, outcome: executors.NotStarted, class: executors.ClassAuth, says: "AADSTS7000215"},
		"unknown client":      {values: map[string]string{"AUTH_USER": object}, outcome: executors.NotStarted, class: executors.ClassAuth, says: "AADSTS700016"},
		"may not":             {denied: true, outcome: executors.Rejected, class: executors.ClassPolicy, says: "Authorization_RequestDenied"},
		"no such application": {values: map[string]string{"ADD_INFO": account}, outcome: executors.NotStarted, class: executors.ClassPolicy, says: "ResourceNotFound"},
		"no id":               {values: map[string]string{"ADD_INFO": "../users"}, outcome: executors.NotStarted, class: executors.ClassTemplate, says: "id of an application"},
		"no tenant":           {values: map[string]string{"AUTH_DOMAIN": "../x"}, outcome: executors.NotStarted, class: executors.ClassTemplate, says: "tenant"},
		"no client id":        {values: map[string]string{"AUTH_USER": "root"}, outcome: executors.NotStarted, class: executors.ClassTemplate, says: "client id"},
		"nobody commits it":   {keep: errors.New("no majority"), outcome: executors.Uncertain, class: executors.ClassRefused, says: "no majority"},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			d := newDouble(t)
			d.denied = c.denied
			a := d.try(t, c.values)
			a.refuse = c.keep
			outcome, err := template(t, azure.CreateTemplate).Run(t.Context(), a.Session)
			if outcome != c.outcome || executortest.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, %v", outcome, err)
			}
			if outcome != executors.Uncertain && d.ours() != 0 || c.class == executors.ClassTemplate && d.requests != 0 {
				t.Errorf("%d secrets, %d requests", d.ours(), d.requests)
			}
		})
	}
}

// TestDoubleAccount: the account's own secret is proven once, and permission is asked for before the login and before the change.
func TestDoubleAccount(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	a := d.try(t, map[string]string{"USERNAME": account})
	for text, want := range map[string]bool{password: true, "wrong": false} {
		if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte(text))); in != want || err != nil {
			t.Errorf("%v, %v", in, err)
		}
	}
	if d.requests != 2 {
		t.Errorf("%d requests", d.requests)
	}
	for allowed, sent := range []int{0, 1} {
		d, left := newDouble(t), allowed
		a := d.try(t, nil)
		a.Before = func(string) error {
			if left--; left < 0 {
				return errors.New("the lease is lost")
			}
			return nil
		}
		if outcome, err := template(t, azure.CreateTemplate).Run(t.Context(), a.Session); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassRefused || d.requests != sent {
			t.Errorf("%s, %v, %d requests", outcome, err, d.requests)
		}
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
