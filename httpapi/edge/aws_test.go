package edge_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"cofre/httpapi/edge"
	"cofre/httpapi/sts"
)

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// stsDouble answers like AWS STS for identities that it knows. It proves a signature as AWS's own signer makes it, over
// exactly what arrives.
type stsDouble struct {
	*httptest.Server
	asked    atomic.Int32
	redirect atomic.Bool
}

type awsIdentity struct{ access, secret, session, arn string }

var (
	webRole   = awsIdentity{"ASIAWEB", "web-secret", "FwoGZX-session", "arn:aws:sts::123456789012:assumed-role/web/i-0123456789"}
	otherRole = awsIdentity{"ASIAOTHER", "other-secret", "FwoGZX-other", "arn:aws:sts::123456789012:assumed-role/other/i-0123456789"}
	ciUser    = awsIdentity{"AKIACI", "ci-secret", "", "arn:aws:iam::123456789012:user/ci"}
	rootUser  = awsIdentity{"AKIAROOT", "root-secret", "", "arn:aws:iam::123456789012:root"}
)

func newSTSDouble(t *testing.T) (*stsDouble, *sts.Client) {
	d := &stsDouble{}
	d.Server = httptest.NewTLSServer(http.HandlerFunc(d.serve))
	t.Cleanup(d.Close)
	transport := d.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.ServerName = "example.com" // of the double's certificate
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, d.Listener.Addr().String())
	}
	return d, sts.New(transport, nil)
}

func (d *stsDouble) serve(w http.ResponseWriter, r *http.Request) {
	d.asked.Add(1)
	body, _ := io.ReadAll(r.Body)
	if d.redirect.Load() {
		http.Redirect(w, r, "https://"+r.Host+"/elsewhere", http.StatusTemporaryRedirect)
		return
	}
	for _, i := range []awsIdentity{webRole, otherRole, ciUser, rootUser} {
		if !strings.Contains(r.Header.Get("Authorization"), "Credential="+i.access+"/") {
			continue
		}
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || r.Method != http.MethodPost || r.URL.String() != "/" || string(body) != "Action=GetCallerIdentity&Version=2011-06-15" {
			break
		}
		again, _ := http.NewRequest(http.MethodPost, "https://"+r.Host+"/", strings.NewReader(string(body)))
		again.Header.Set("Content-Type", r.Header.Get("Content-Type"))
		again.Header.Set("X-Cofre-Server", r.Header.Get("X-Cofre-Server"))
		region := strings.Split(r.Header.Get("Authorization"), "/")[2]
		_ = v4.NewSigner().SignHTTP(r.Context(), aws.Credentials{AccessKeyID: i.access, SecretAccessKey: i.secret, SessionToken: i.session}, again, hexSum(string(body)), "sts", region, at)
		if again.Header.Get("Authorization") == r.Header.Get("Authorization") && again.Header.Get("X-Amz-Security-Token") == r.Header.Get("X-Amz-Security-Token") {
			_, _ = fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>%s</Arn><UserId>X</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, i.arn)
			return
		}
	}
	w.WriteHeader(http.StatusForbidden)
	_, _ = fmt.Fprint(w, `<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>`)
}

// proof signs as an application on AWS does, with the official signer.
func proof(t testing.TB, i awsIdentity, unique, server, host string, at time.Time) url.Values {
	t.Helper()
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	r, err := http.NewRequest(http.MethodPost, "https://"+host+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Cofre-Server", server)
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: i.access, SecretAccessKey: i.secret, SessionToken: i.session}, r, hexSum(body), "sts", "eu-central-1", at); err != nil {
		t.Fatal(err)
	}
	return url.Values{"unique_key": {unique}, "host": {host}, "authorization": {r.Header.Get("Authorization")}, "date": {r.Header.Get("X-Amz-Date")}, "session_token": {i.session}}
}

func (h *house) prove(v url.Values, status int) answer {
	h.t.Helper()
	return h.want(h.send(h.request("POST", "/iso/oauth2/aws", "", formType, v.Encode())), status)
}

const frankfurt = "sts.eu-central-1.amazonaws.com"

// A role of AWS gets a token by a signature that a double of STS confirms, once; everybody else gets none.
func TestAWSProofAtADoubleOfSTS(t *testing.T) {
	t.Parallel()
	double, client := newSTSDouble(t)
	h := open(t, func(d *edge.Deps) { d.STS = client })
	admin := h.token(h.admin)
	h.stock(admin)
	h.authorize(admin, "web", `{"name":"prod","rights":["secret.read"],"filter":{"all":true}}`)
	unique := h.json(admin, "GET", "/api/v1/applications/web/authorizations/prod", 200, "").text("id")
	now := time.Now()
	// Nobody is asked before the application lists somebody.
	h.prove(proof(t, webRole, unique, "cluster1", frankfurt, now), 401)
	if n := double.asked.Load(); n != 0 {
		t.Errorf("AWS was asked %d times for an application that lists nobody", n)
	}
	for _, bad := range []string{`["*"]`, `["arn:aws:iam::123456789012:role/path/web"]`, `["arn:aws:iam::123456789012:root"]`, `["arn:aws:sts::123456789012:assumed-role/web/x"]`} {
		h.json(admin, "PUT", "/api/v1/applications/web/arns", 400, `{"arns":`+bad+`}`)
	}
	h.json(admin, "PUT", "/api/v1/applications/web/arns", 400, `{}`)
	listed := h.json(admin, "PUT", "/api/v1/applications/web/arns", 200, `{"arns":["arn:aws:iam::123456789012:user/ci","arn:aws:iam::123456789012:role/web"]}`)
	if listed.text("server") != "cluster1" || listed.text("arns.0") != "arn:aws:iam::123456789012:role/web" {
		t.Error(listed.raw)
	}
	good := proof(t, webRole, unique, "cluster1", frankfurt, now)
	tok := h.prove(good, 200).text("access_token")
	if a := h.json(tok, "GET", "/iso/pam/credential/web1-root", 200, ""); a.text("credential.password") != "s3cret" {
		t.Error(a.raw)
	}
	h.prove(good, 401) // again
	h.json(admin, "POST", "/api/v1/applications/web/authorizations", 201, `{"name":"more","filter":{"all":true}}`)
	other := h.json(admin, "GET", "/api/v1/applications/web/authorizations/more", 200, "").text("id")
	good.Set("unique_key", other) // which the proof does not name
	h.prove(good, 401)
	h.prove(proof(t, ciUser, unique, "cluster1", frankfurt, now), 200)
	asked := double.asked.Load()
	for name, c := range map[string]struct {
		values url.Values
		want   int
		asks   int32
	}{
		"another role":        {proof(t, otherRole, unique, "cluster1", frankfurt, now), 401, 1},
		"root of the account": {proof(t, rootUser, unique, "cluster1", frankfurt, now), 401, 1},
		"another secret":      {proof(t, awsIdentity{webRole.access, "x", webRole.session, ""}, unique, "cluster1", frankfurt, now.Add(time.Second)), 401, 1},
		"another cluster":     {proof(t, webRole, unique, "cluster2", frankfurt, now.Add(time.Second)), 401, 1},
		"another host":        {with(proof(t, webRole, unique, "cluster1", frankfurt, now.Add(time.Second)), "host", "sts.us-east-1.amazonaws.com"), 401, 1},
		"a host of nobody":    {proof(t, webRole, unique, "cluster1", "sts.example.com", now), 400, 0},
		"old":                 {proof(t, webRole, unique, "cluster1", frankfurt, now.Add(-302*time.Second)), 401, 0},
		"ahead":               {proof(t, webRole, unique, "cluster1", frankfurt, now.Add(302*time.Second)), 401, 0},
		"no such key":         {proof(t, webRole, "none", "cluster1", frankfurt, now), 401, 0},
		"no key":              {with(good, "unique_key", ""), 400, 0},
		"rubbish":             {with(good, "authorization", "AWS4-HMAC-SHA256 x"), 400, 0},
		"a header dropped":    {with(good, "authorization", strings.Replace(good.Get("authorization"), ";x-cofre-server", "", 1)), 400, 0},
		"a header more":       {with(good, "authorization", strings.Replace(good.Get("authorization"), ";x-cofre-server", ";x-cofre-server;x-forwarded-host", 1)), 400, 0},
		"the token dropped":   {with(good, "session_token", ""), 400, 0},
		"a broken token":      {with(good, "session_token", "a\r\nHost: x"), 400, 0},
		"a secret key":        {with(good, "secret_access_key", "wJalr"), 400, 0},
		"ttl":                 {with(good, "ttl", "0"), 400, 0},
	} {
		before := double.asked.Load()
		h.prove(c.values, c.want)
		if n := double.asked.Load() - before; n != c.asks {
			t.Errorf("%s: AWS was asked %d times instead of %d", name, n, c.asks)
		}
	}
	if double.asked.Load() == asked {
		t.Error("the double was not asked")
	}
	double.redirect.Store(true)
	before := double.asked.Load()
	h.prove(proof(t, webRole, unique, "cluster1", frankfurt, now.Add(2*time.Second)), 503)
	if n := double.asked.Load() - before; n != 1 {
		t.Errorf("a redirect was followed: %d requests", n)
	}
	double.redirect.Store(false)
	// A disabled authorization, and an application that lists nobody any more.
	h.json(admin, "PUT", "/api/v1/applications/web/authorizations/prod", 200, `{"enabled":false}`)
	h.prove(proof(t, webRole, unique, "cluster1", frankfurt, now.Add(3*time.Second)), 401)
	h.json(admin, "PUT", "/api/v1/applications/web/authorizations/prod", 200, `{"enabled":true}`)
	h.prove(proof(t, webRole, unique, "cluster1", frankfurt, now.Add(4*time.Second)), 200)
	h.json(admin, "PUT", "/api/v1/applications/web/arns", 200, `{"arns":[]}`)
	h.prove(proof(t, webRole, unique, "cluster1", frankfurt, now.Add(5*time.Second)), 401)
	if n := h.events(admin, "arn.proven"); n != 3 {
		t.Errorf("%d proofs are in the trail instead of 3", n)
	}
	for _, secret := range []string{webRole.session, "Signature=", "wJalr"} {
		if strings.Contains(h.logs.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// Who is taken off the list is out at once with the tokens that he has, and for good; others notice nothing.
func TestUnlistedIdentityLosesItsTokens(t *testing.T) {
	t.Parallel()
	_, client := newSTSDouble(t)
	h := open(t, func(d *edge.Deps) { d.STS = client })
	admin := h.token(h.admin)
	h.stock(admin)
	own := h.token(h.authorize(admin, "web", `{"name":"prod","rights":["secret.read"],"filter":{"all":true}}`))
	unique := h.json(admin, "GET", "/api/v1/applications/web/authorizations/prod", 200, "").text("id")
	list := func(arns string) {
		t.Helper()
		h.json(admin, "PUT", "/api/v1/applications/web/arns", 200, `{"arns":[`+arns+`]}`)
	}
	const role, user = `"arn:aws:iam::123456789012:role/web"`, `"arn:aws:iam::123456789012:user/ci"`
	list(role + "," + user)
	web := h.prove(proof(t, webRole, unique, "cluster1", frankfurt, time.Now()), 200).text("access_token")
	ci := h.prove(proof(t, ciUser, unique, "cluster1", frankfurt, time.Now()), 200).text("access_token")
	can := func(token string, status int) {
		t.Helper()
		h.json(token, "GET", "/iso/pam/credential/web1-root", status, "")
	}
	can(web, 200)
	list(user)
	can(web, 401)
	can(ci, 200)
	can(own, 200)
	list(role + "," + user)
	can(web, 401)
	can(ci, 200)
	can(h.prove(proof(t, webRole, unique, "cluster1", frankfurt, time.Now().Add(time.Second)), 200).text("access_token"), 200)
}

func with(v url.Values, name, value string) url.Values {
	out := url.Values{}
	for k, all := range v {
		out[k] = all
	}
	out.Set(name, value)
	return out
}

// Whoever could not grant what an application's authorizations hold lists no identities for it.
func TestAWSIdentitiesAreGrants(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.authorize(admin, "strong", `{"name":"prod","rights":["secret.read","policy.write"],"filter":{"all":true}}`)
	part := h.token(h.authorize(admin, "part", `{"name":"m","modules":["A2A","PAM Core"],"write":true,"rights":["authorization.write","secret.read"],"filter":{"all":true}}`))
	const body = `{"arns":["arn:aws:iam::123456789012:role/mine"]}`
	h.json(part, "PUT", "/api/v1/applications/strong/arns", 403, body)
	h.json(part, "PUT", "/api/v1/applications/part/arns", 200, body)
	h.json(part, "POST", "/api/v1/applications/strong/authorizations/prod/aws", 403, "")
	reader := h.token(h.authorize(admin, "reader", `{"name":"r","filter":{"all":true}}`))
	h.json(reader, "GET", "/api/v1/applications/part/arns", 403, "")
	h.json(admin, "GET", "/api/v1/applications/nobody/arns", 404, "")
}

func (h *house) awsPair(admin, app, name string) (access, secret string) {
	h.t.Helper()
	a := h.json(admin, "POST", "/api/v1/applications/"+app+"/authorizations/"+name+"/aws", 200, "")
	return a.text("access_key_id"), a.text("secret_access_key")
}

// signAWS signs a request with AWS's own signer.
func (h *house) signAWS(access, secret, method, path, contentType, body string, at time.Time, headers ...string) *http.Request {
	h.t.Helper()
	r := h.request(method, path, "", contentType, body)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if err := v4.NewSigner().SignHTTP(h.t.Context(), aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}, r, hexSum(body), "cofre", "any", at); err != nil {
		h.t.Fatal(err)
	}
	return r
}

// Requests that AWS's own signer signs with a pair of Cofre's: reads, forms, JSON; each signature once.
func TestAWS4OfficialSigner(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.authorize(admin, "jobs", strings.Replace(legacyClient, "legacy", "prod", 1))
	access, secret := h.awsPair(admin, "jobs", "prod")
	now := time.Now()
	get := func(path string, at time.Time, headers ...string) answer {
		return h.send(h.signAWS(access, secret, "GET", path, "", "", at, headers...))
	}
	if a := h.want(get("/iso/pam/credential/web1-root?x=a%20b%26c&a=%C3%BC", now), 200); a.text("credential.password") != "s3cret" {
		t.Error(a.raw)
	}
	h.want(h.send(h.signAWS(access, secret, "POST", "/iso/pam/credential", formType, "username=a+b&hostname=web1&ip=192.0.2.1&content=%C3%BC&identifier=by-form", now)), 201)
	h.want(h.send(h.signAWS(access, secret, "POST", "/iso/pam/credential", "application/json", `{"username":"c","hostname":"web1","ip":"192.0.2.1","content":"x","identifier":"by-json"}`, now)), 201)
	// The same signature again, and again with something more that is signed.
	h.want(get("/iso/pam/device", now), 200)
	h.want(get("/iso/pam/device", now), 401)
	h.want(get("/iso/pam/device", now, "X-Cofre-Nonce", "2"), 200)
	h.want(get("/iso/pam/device", now.Add(-302*time.Second)), 401)
	h.want(get("/iso/pam/device", now.Add(302*time.Second)), 401)
	for name, change := range map[string]func(*http.Request){
		"body":    func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("username=z")); r.ContentLength = 10 },
		"path":    func(r *http.Request) { r.URL.Path = "/iso/pam/device" },
		"rubbish": func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") },
	} {
		r := h.signAWS(access, secret, "POST", "/iso/pam/credential", formType, "username=y", now.Add(time.Second))
		change(r)
		if a := h.send(r); a.status != 401 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	h.want(h.send(h.signAWS(access, "x", "GET", "/iso/pam/device", "", "", now.Add(2*time.Second))), 401)
	h.want(h.send(h.signAWS("COFRENONE", secret, "GET", "/iso/pam/device", "", "", now)), 401)
	// Keys end by a new pair, a new client secret, removal, and with the authorization.
	at := now.Add(3 * time.Second)
	ended := func() {
		t.Helper()
		h.want(get("/iso/pam/device", at), 401)
		access, secret = h.awsPair(admin, "jobs", "prod")
		at = at.Add(time.Second)
		h.want(get("/iso/pam/device", at), 200)
		at = at.Add(time.Second)
	}
	old := []string{access, secret}
	access, secret = h.awsPair(admin, "jobs", "prod")
	h.want(h.send(h.signAWS(old[0], old[1], "GET", "/iso/pam/device", "", "", at)), 401)
	h.json(admin, "POST", "/api/v1/applications/jobs/authorizations/prod/rekey", 200, "")
	ended()
	h.json(admin, "DELETE", "/api/v1/applications/jobs/authorizations/prod/aws", 200, "")
	ended()
	h.json(admin, "PUT", "/api/v1/applications/jobs/authorizations/prod", 200, `{"ips":["192.0.2.0/24"]}`)
	h.want(get("/iso/pam/device", at), 403)
	h.json(admin, "PUT", "/api/v1/applications/jobs/authorizations/prod", 200, `{"ips":[],"enabled":false}`)
	h.want(get("/iso/pam/device", at), 401)
	if strings.Contains(h.logs.String(), secret) || strings.Contains(h.logs.String(), old[1]) {
		t.Error("the log holds a secret")
	}
}

// A client that others wrote.
func TestAWS4Curl(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.authorize(admin, "jobs", strings.Replace(legacyClient, "legacy", "prod", 1))
	access, secret := h.awsPair(admin, "jobs", "prod")
	for _, args := range [][]string{{h.server.URL + "/iso/pam/credential/web1-root"}, {"-d", "username=curl&hostname=web1&ip=192.0.2.1&content=y", h.server.URL + "/iso/pam/credential"},
		{h.server.URL + "/iso/pam/credential/root@web1"}, {h.server.URL + "/iso/pam/credential?b=2&a=%20x&a"}} {
		c := exec.CommandContext(t.Context(), "curl", append([]string{"-sSk", "--fail-with-body", "--config", "-", "--aws-sigv4", "aws:amz:any:cofre"}, args...)...)
		c.Stdin = strings.NewReader("user = \"" + access + ":" + secret + "\"\n")
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), `"erro":false`) {
			t.Errorf("curl: %v: %s", err, out)
		}
	}
}

// Guessing is throttled before any cryptography, and delays nobody elsewhere.
func TestAWS4Throttled(t *testing.T) {
	t.Parallel()
	h := open(t, func(d *edge.Deps) { d.TrustedProxies = []string{"127.0.0.0/8"} })
	admin := h.token(h.admin)
	h.stock(admin)
	h.authorize(admin, "jobs", strings.Replace(legacyClient, "legacy", "prod", 1))
	access, secret := h.awsPair(admin, "jobs", "prod")
	ask := func(from, with, query string) int {
		r := h.signAWS(access, with, "GET", "/iso/pam/device?"+query, "", "", time.Now())
		r.Header.Set("X-Forwarded-For", from)
		return h.send(r).status
	}
	guesses := 0
	for held := false; !held && guesses < 1000; guesses++ { // on a busy machine a guess is free again by the time the holder asks
		held = ask("198.51.100.1", "guess", fmt.Sprint("guess=", guesses)) == 429 && ask("198.51.100.1", secret, fmt.Sprint("held=", guesses)) == 429
	}
	if guesses == 1000 {
		t.Error("a source that guesses is never throttled")
	}
	if status := ask("198.51.100.2", secret, "elsewhere=1"); status != 200 {
		t.Errorf("a guesser elsewhere makes it %d", status)
	}
}
