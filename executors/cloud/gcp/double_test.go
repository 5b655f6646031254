package gcp_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/executors/cloud/gcp"
	"cofre/executors/executortest/cloudtest"
)

// double plays the token endpoint, IAM and Resource Manager: it verifies the signature of every assertion, knows who may do what, gives an
// account ten keys at most, takes policies by their etag only, and lets new accounts and keys be unknown for a while.
type double struct {
	cloudtest.Double
	accounts map[string]time.Time // known from
	keys     map[string]*issued   // by id
	policies map[string]*granted  // by resource
	meddle   int                  // how often somebody else changes a policy after it was read
	made     int
}

type issued struct {
	account string
	key     *rsa.PrivateKey
	from    time.Time
}

type granted struct {
	etag int
	doc  map[string]any
}

const (
	project = "shop-prod"
	account = "cofre@shop-prod.iam.gserviceaccount.com"
	name    = "app-tk9x2c0a1b2c3d"
	other   = "serviceAccount:other@shop-prod.iam.gserviceaccount.com"
	asked   = "project=shop-prod,role=roles/pubsub.publisher,role=projects/shop-prod/roles/queue,organization=1234,organization-role=roles/browser"
)

// pool are keys that the double gives out in turn, since making one takes long.
var pool = sync.OnceValue(func() (out []*rsa.PrivateKey) {
	for range 3 {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		out = append(out, k)
	}
	return out
})

// file is a key as Google gives it.
func file(id, email string, k *rsa.PrivateKey) string {
	der, _ := x509.MarshalPKCS8PrivateKey(k)
	doc, _ := json.Marshal(map[string]string{"type": "service_account", "project_id": project, "private_key_id": id, "client_email": email,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": "https://evil.example/token"})
	return string(doc)
}

// theirs is a binding that nobody may lose.
func theirs() map[string]any {
	return map[string]any{"role": "roles/pubsub.publisher", "members": []any{other}, "condition": map[string]any{"title": "until noon", "expression": "true"}}
}

func newDouble(t testing.TB) *double {
	t.Helper()
	d := &double{accounts: map[string]time.Time{account: {}}, policies: map[string]*granted{}}
	d.keys = map[string]*issued{"aa00": {account: account, key: pool()[0]}}
	for _, r := range []string{"projects/" + project, "organizations/1234"} {
		d.policies[r] = &granted{doc: map[string]any{"auditConfigs": []any{"theirs"}, "bindings": []any{theirs()}}}
	}
	d.Values = map[string]string{"USERNAME": name, "AUTH_USER": account, "AUTH_PASSWORD": file("aa00", account, pool()[0]), "ADD_INFO": asked}
	d.Start(t, d)
	return d
}

var kit = cloudtest.Cloud{Engine: engine, Catalogue: gcp.Catalogue(), Create: gcp.CreateTemplate, Remove: gcp.RemoveTemplate,
	Open: func(t testing.TB) *cloudtest.Double { return &newDouble(t).Double }, Uncertain: 10, Asked: 5}

// Left counts accounts and keys besides those that Cofre works with, and bindings that name others than it should.
func (d *double) Left() int {
	n := len(d.accounts) + len(d.keys) - 2
	for _, p := range d.policies {
		doc, _ := json.Marshal(p.doc)
		n += strings.Count(string(doc), name)
	}
	return n
}

// Answer plays a request.
func (d *double) Answer(r *http.Request, body []byte) (int, []byte) {
	status, out := d.answer(r, body)
	doc, _ := json.Marshal(out)
	return status, doc
}

type doc = map[string]any

func refuse(status int, word, message string) (int, any) {
	return status, doc{"error": doc{"code": status, "status": word, "message": message}}
}

// needed is the permission of a request.
func needed(method, path string) string {
	for _, p := range []struct{ method, part, needs string }{
		{"POST", ":getIamPolicy", "getIamPolicy"}, {"POST", ":setIamPolicy", "setIamPolicy"}, {"POST", "/keys", "serviceAccountKeys.create"}, {"GET", "/keys", "serviceAccountKeys.list"},
		{"DELETE", "/keys/", "serviceAccountKeys.delete"}, {"POST", "/serviceAccounts", "serviceAccounts.create"}, {"GET", "/serviceAccounts/", "serviceAccounts.get"}, {"GET", "/serviceAccounts", "serviceAccounts.list"},
		{"DELETE", "/serviceAccounts/", "serviceAccounts.delete"},
	} {
		if method == p.method && strings.Contains(path, p.part) {
			return p.needs
		}
	}
	return ""
}

func (d *double) answer(r *http.Request, body []byte) (int, any) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	if r.URL.Path == "/token" {
		return d.token(body)
	}
	var in doc
	if len(body) > 0 && json.Unmarshal(body, &in) != nil {
		return refuse(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
	}
	switch {
	case r.Header.Get("Authorization") != "Bearer "+tokenOf(account):
		return refuse(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
	case d.Denied[needed(r.Method, path)]:
		return refuse(403, "PERMISSION_DENIED", "Permission '"+needed(r.Method, path)+"' denied on resource (or it may not exist).")
	case strings.HasSuffix(path, ":testIamPermissions"):
		return d.may(in)
	case strings.HasSuffix(path, "etIamPolicy"):
		return d.policy(path, in)
	case r.Method == http.MethodGet && path == "projects/"+project+"/serviceAccounts":
		return d.list(r.URL.Query().Get("pageToken"))
	case path == "projects/"+project+"/serviceAccounts":
		return d.create(in)
	}
	email, rest, _ := strings.Cut(strings.TrimPrefix(path, "projects/"+project+"/serviceAccounts/"), "/")
	if at, ok := d.accounts[email]; !ok || time.Now().Before(at) {
		return refuse(404, "NOT_FOUND", "Service account "+path+" does not exist.")
	}
	return d.onAccount(r, email, rest, in)
}

func (d *double) create(in doc) (int, any) {
	email := fmt.Sprint(in["accountId"]) + "@" + project + ".iam.gserviceaccount.com"
	if _, ok := d.accounts[email]; ok {
		return refuse(409, "ALREADY_EXISTS", "Service account "+email+" already exists within project.")
	}
	d.accounts[email] = time.Now().Add(d.Lag)
	return 200, doc{"email": email}
}

// list shows one account on a page.
func (d *double) list(after string) (int, any) {
	all := slices.Sorted(maps.Keys(d.accounts))
	i := slices.Index(all, after) + 1
	out := doc{"accounts": []doc{{"email": all[i]}}}
	if i+1 < len(all) {
		out["nextPageToken"] = all[i]
	}
	return 200, out
}

func (d *double) keysOf(email string) (ids []string) {
	for id, k := range d.keys {
		if k.account == email {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (d *double) onAccount(r *http.Request, email, rest string, in doc) (int, any) {
	switch {
	case r.Method == http.MethodGet && rest == "":
		return 200, doc{"email": email}
	case r.Method == http.MethodDelete && rest == "":
		for _, id := range d.keysOf(email) {
			delete(d.keys, id)
		}
		delete(d.accounts, email)
		for _, p := range d.policies { // what it still has is kept under another name
			text, _ := json.Marshal(p.doc)
			text = []byte(strings.ReplaceAll(string(text), `"serviceAccount:`+email+`"`, `"deleted:serviceAccount:`+email+`?uid=1"`))
			_ = json.Unmarshal(text, &p.doc)
		}
	case r.Method == http.MethodGet && r.URL.Query().Get("keyTypes") == "USER_MANAGED":
		list := []doc{}
		for _, id := range d.keysOf(email) {
			list = append(list, doc{"name": "projects/" + project + "/serviceAccounts/" + email + "/keys/" + id})
		}
		return 200, doc{"keys": list}
	case r.Method == http.MethodPost && in["privateKeyType"] == "TYPE_GOOGLE_CREDENTIALS_FILE":
		if len(d.keysOf(email)) == 10 {
			return refuse(400, "FAILED_PRECONDITION", "Precondition check failed.")
		}
		d.made++
		id := fmt.Sprintf("bb%02d", d.made)
		k := &issued{email, pool()[1+d.made%2], time.Now().Add(d.Lag)}
		d.keys[id] = k
		return 200, doc{"name": "keys/" + id, "privateKeyData": base64.StdEncoding.EncodeToString([]byte(file(id, email, k.key)))}
	case r.Method == http.MethodDelete:
		id := strings.TrimPrefix(rest, "keys/")
		if d.keys[id] == nil || d.keys[id].account != email {
			return refuse(404, "NOT_FOUND", "Service account key does not exist.")
		}
		delete(d.keys, id)
	default:
		return refuse(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
	}
	return 200, doc{}
}

// policy reads or replaces one. Conditions are shown to those who ask for version 3, and taken with version 3.
func (d *double) policy(path string, in doc) (int, any) {
	resource, verb, _ := strings.Cut(path, ":")
	p := d.policies[resource]
	if p == nil {
		return refuse(403, "PERMISSION_DENIED", "The caller does not have permission")
	}
	etag := base64.StdEncoding.EncodeToString(fmt.Append(nil, p.etag))
	if verb == "getIamPolicy" {
		if options, _ := in["options"].(doc); options["requestedPolicyVersion"] != 3.0 {
			return refuse(400, "INVALID_ARGUMENT", "the double has conditions")
		}
		out := doc{"etag": etag, "version": 3}
		for k, v := range p.doc {
			out[k] = v
		}
		if d.meddle > 0 {
			d.meddle--
			p.etag++
			p.doc = doc{"auditConfigs": p.doc["auditConfigs"], "bindings": append(slices.Clone(p.doc["bindings"].([]any)), doc{"role": fmt.Sprintf("roles/meddled%d", d.meddle), "members": []any{other}})}
		}
		return 200, out
	}
	next, _ := in["policy"].(doc)
	switch text, _ := json.Marshal(next["bindings"]); {
	case next["etag"] != etag:
		return refuse(409, "ABORTED", "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
	case next["version"] != 3.0:
		return refuse(400, "INVALID_ARGUMENT", "Conditional bindings need version 3.")
	case strings.Contains(string(text), `"serviceAccount:`+name) && !d.known(name+"@"+project+".iam.gserviceaccount.com"):
		return refuse(400, "INVALID_ARGUMENT", "Service account "+name+" does not exist.")
	}
	p.etag++
	p.doc = doc{"auditConfigs": next["auditConfigs"], "bindings": next["bindings"]}
	return 200, next
}

func (d *double) known(email string) bool {
	at, ok := d.accounts[email]
	return ok && !time.Now().Before(at)
}

func (d *double) may(in doc) (int, any) {
	granted := []any{}
	list, _ := in["permissions"].([]any)
	for _, p := range list {
		if !d.Denied[fmt.Sprint(p)] {
			granted = append(granted, p)
		}
	}
	return 200, doc{"permissions": granted}
}

func tokenOf(email string) string { return fmt.Sprintf("ya29.%x", sha256.Sum256([]byte(email))) }

// token takes an assertion that a known key has signed.
func (d *double) token(body []byte) (int, any) {
	no := func(why string) (int, any) { return 400, doc{"error": "invalid_grant", "error_description": why} }
	form, _ := url.ParseQuery(string(body))
	parts := strings.Split(form.Get("assertion"), ".")
	if form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || len(parts) != 3 {
		return 400, doc{"error": "invalid_request"}
	}
	var head struct{ Alg, Kid, Typ string }
	var claims struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	for i, into := range []any{&head, &claims} {
		raw, no := base64.RawURLEncoding.DecodeString(parts[i])
		if no != nil || json.Unmarshal(raw, into) != nil || err != nil {
			return 400, doc{"error": "invalid_request"}
		}
	}
	now := time.Now().Unix()
	switch k := d.keys[head.Kid]; {
	case !d.known(claims.Iss):
		return no("Invalid grant: account not found")
	case k == nil || k.account != claims.Iss || time.Now().Before(k.from) || head.Alg != "RS256" || head.Typ != "JWT":
		return no("Invalid JWT Signature.")
	default:
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		if rsa.VerifyPKCS1v15(&k.key.PublicKey, crypto.SHA256, sum[:], sig) != nil {
			return no("Invalid JWT Signature.")
		}
	}
	if claims.Exp-claims.Iat > 3600 || claims.Iat > now+60 || claims.Exp < now {
		return no("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")
	}
	if claims.Aud != "https://oauth2.googleapis.com/token" || claims.Scope != "https://www.googleapis.com/auth/cloud-platform" {
		return 400, doc{"error": "invalid_scope", "error_description": "Invalid OAuth scope or ID token audience provided."}
	}
	return 200, doc{"access_token": tokenOf(claims.Iss), "expires_in": 3599, "token_type": "Bearer"}
}
