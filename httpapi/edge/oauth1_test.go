package edge_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dghubble/oauth1"

	"cofre/httpapi/authn"
	"cofre/httpapi/edge"
)

const legacyClient = `{"name":"legacy","modules":["PAM Core"],"write":true,"rights":["secret.read","credential.write"],"filter":{"all":true}}`

type oauth1Keys struct{ consumer, consumerSecret, token, tokenSecret string }

// signing makes an authorization with keys of OAuth 1.0.
func (h *house) signing(admin, app, body string) oauth1Keys {
	h.t.Helper()
	h.authorize(admin, app, body)
	return h.newKeys(admin, app)
}

func (h *house) newKeys(admin, app string) oauth1Keys {
	h.t.Helper()
	a := h.json(admin, "POST", "/api/v1/applications/"+app+"/authorizations/legacy/oauth1", 200, "")
	return oauth1Keys{a.text("consumer_key"), a.text("consumer_secret"), a.text("token_key"), a.text("token_secret")}
}

// client is a stock library that signs.
func (h *house) signer(k oauth1Keys, s oauth1.Signer) *http.Client {
	c := oauth1.NewConfig(k.consumer, k.consumerSecret)
	c.Signer = s
	return c.Client(context.WithValue(context.Background(), oauth1.HTTPClient, h.server.Client()), oauth1.NewToken(k.token, k.tokenSecret))
}

func (h *house) asked(res *http.Response, err error, want int) string {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if res.StatusCode != want {
		h.t.Errorf("%s %s: %d instead of %d: %s", res.Request.Method, res.Request.URL, res.StatusCode, want, b)
	}
	return string(b)
}

// A stock library (RFC 5849), in header and with forms, with both hashes.
func TestOAuth1Library(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	k := h.signing(admin, "old", legacyClient)
	for name, signer := range map[string]oauth1.Signer{"sha1": &oauth1.HMACSigner{ConsumerSecret: k.consumerSecret}, "sha256": &oauth1.HMAC256Signer{ConsumerSecret: k.consumerSecret}} {
		c := h.signer(k, signer)
		res, err := c.Get(h.server.URL + "/iso/pam/credential/web1-root?credential=web1-root&x=a%20b%26c")
		if out := h.asked(res, err, 200); !strings.Contains(out, `"s3cret"`) {
			t.Errorf("%s: %s", name, out)
		}
		res, err = c.PostForm(h.server.URL+"/iso/pam/credential", url.Values{"username": {"a b"}, "hostname": {"web1"}, "ip": {"192.0.2.1"}, "content": {"ü&=%"}, "identifier": {"by-" + name}})
		h.asked(res, err, 201)
		if a := h.json(admin, "GET", "/iso/pam/credential/by-"+name, 200, ""); a.text("credential.password") != "ü&=%" {
			t.Error(a.raw)
		}
		res, err = c.Get(h.server.URL + "/ISO/coe/Senha/by-" + name)
		h.asked(res, err, 200)
	}
	bad := k
	bad.tokenSecret = "x"
	res, err := h.signer(bad, &oauth1.HMACSigner{ConsumerSecret: k.consumerSecret}).Get(h.server.URL + "/iso/pam/credential")
	h.asked(res, err, 401)
	// Keys that were taken away, and an authorization that was disabled, sign nothing any more.
	h.json(admin, "PUT", "/api/v1/applications/old/authorizations/legacy", 200, `{"enabled":false}`)
	good := h.signer(k, &oauth1.HMACSigner{ConsumerSecret: k.consumerSecret})
	res, err = good.Get(h.server.URL + "/iso/pam/credential")
	h.asked(res, err, 401)
	h.json(admin, "PUT", "/api/v1/applications/old/authorizations/legacy", 200, `{"enabled":true}`)
	res, err = good.Get(h.server.URL + "/iso/pam/credential")
	h.asked(res, err, 200)
	h.json(admin, "DELETE", "/api/v1/applications/old/authorizations/legacy/oauth1", 200, "")
	res, err = good.Get(h.server.URL + "/iso/pam/credential")
	h.asked(res, err, 401)
	for _, secret := range []string{k.consumerSecret, k.tokenSecret} {
		if strings.Contains(h.logs.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
}

// sign makes the Authorization header as an old client does: a realm, a blank after oauth_signature=, and what the base
// string is over.
func (k oauth1Keys) sign(method, address, nonce string, at time.Time) string {
	base, query, _ := strings.Cut(address, "?")
	pairs := []string{"oauth_consumer_key=" + k.consumer, "oauth_nonce=" + nonce, "oauth_signature_method=HMAC-SHA1", fmt.Sprintf("oauth_timestamp=%d", at.Unix()), "oauth_token=" + k.token, "oauth_version=1.0"}
	if query != "" {
		pairs = append(pairs, query) // sorts last
	}
	m := hmac.New(sha1.New, []byte(k.consumerSecret+"&"+k.tokenSecret))
	m.Write([]byte(method + "&" + url.QueryEscape(base) + "&" + url.QueryEscape(strings.Join(pairs, "&"))))
	return fmt.Sprintf(`OAuth realm="",oauth_consumer_key="%s",oauth_nonce="%s",oauth_signature_method="HMAC-SHA1",oauth_timestamp="%d",oauth_token="%s",oauth_version="1.0",oauth_signature= "%s"`,
		k.consumer, nonce, at.Unix(), k.token, url.QueryEscape(base64.StdEncoding.EncodeToString(m.Sum(nil))))
}

func (h *house) signed(authorization, method, path string, want int) {
	h.t.Helper()
	r := h.request(method, path, "", "", "")
	r.Header.Set("Authorization", authorization)
	h.want(h.send(r), want)
}

// A signature is good once; a known client signs the lower-cased URL and uses a nonce for all requests of a second.
func TestOAuth1Once(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	k, now := h.signing(admin, "old", legacyClient), time.Now()
	one := k.sign("GET", h.server.URL+"/iso/pam/credential", "n1", now)
	h.signed(one, "GET", "/iso/pam/credential", 200)
	h.signed(one, "GET", "/iso/pam/credential", 401)
	h.signed(k.sign("GET", strings.ToLower(h.server.URL+"/iso/coe/Senha/web1-root"), "n1", now), "GET", "/iso/coe/Senha/web1-root", 200)
	h.signed(k.sign("GET", h.server.URL+"/iso/pam/device", "n1", now), "GET", "/iso/pam/device", 200)
	h.signed(strings.Replace(k.sign("GET", h.server.URL+"/iso/pam/device", "n0", now), "OAuth ", "oauth  ", 1), "GET", "/iso/pam/device", 200)
	// Something else than what was signed.
	h.signed(k.sign("GET", h.server.URL+"/iso/pam/credential", "n2", now), "GET", "/iso/pam/device", 401)
	h.signed(k.sign("GET", h.server.URL+"/iso/pam/credential", "n3", now), "GET", "/iso/pam/credential?x=1", 401)
	h.signed(k.sign("DELETE", h.server.URL+"/iso/pam/credential/web1-root", "n4", now), "GET", "/iso/pam/credential/web1-root", 401)
	h.signed(k.sign("GET", h.server.URL+"/iso/pam/credential", "n5", now.Add(-301*time.Second)), "GET", "/iso/pam/credential", 401)
	h.signed(k.sign("GET", h.server.URL+"/iso/pam/credential", "n6", now.Add(302*time.Second)), "GET", "/iso/pam/credential", 401)
	h.signed(k.sign("GET", h.server.URL+"/iso/pam/credential", "n7", now.Add(200*time.Second)), "GET", "/iso/pam/credential", 200)
	for _, rubbish := range []string{"OAuth ", "OAuth a=b", `OAuth oauth_consumer_key="x"`, `OAuth oauth_consumer_key="a",oauth_consumer_key="b"`, strings.Replace(one, `"1.0"`, `"2.0"`, 1), "OAuth %zz"} {
		h.signed(rubbish, "GET", "/iso/pam/credential", 401)
	}
	// New keys end the old ones.
	h.json(admin, "POST", "/api/v1/applications/old/authorizations/legacy/oauth1", 200, "")
	h.signed(k.sign("GET", h.server.URL+"/iso/pam/credential", "n8", now), "GET", "/iso/pam/credential", 401)
	// So does a new client secret.
	k = h.newKeys(admin, "old")
	h.signed(k.sign("GET", h.server.URL+"/iso/pam/credential", "n9", now), "GET", "/iso/pam/credential", 200)
	h.json(admin, "POST", "/api/v1/applications/old/authorizations/legacy/rekey", 200, "")
	h.signed(k.sign("GET", h.server.URL+"/iso/pam/credential", "n10", now), "GET", "/iso/pam/credential", 401)
}

// The secrets themselves instead of a signature, only where the setting allows it, and in the URL only where secrets may stand there;
// never without a signature.
func TestOAuth1Plaintext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allowed, inURL bool
		header, query  int
	}{{false, false, 401, 400}, {false, true, 401, 401}, {true, false, 200, 400}, {true, true, 200, 200}} {
		h := open(t, func(d *edge.Deps) { d.PlaintextOAuth1, d.SecretsInURL = c.allowed, c.inURL })
		admin := h.token(h.admin)
		h.stock(admin)
		k := h.signing(admin, "old", legacyClient)
		params := func(nonce, signature string) url.Values {
			return url.Values{"oauth_consumer_key": {k.consumer}, "oauth_token": {k.token}, "oauth_signature_method": {"PLAINTEXT"}, "oauth_timestamp": {fmt.Sprint(time.Now().Unix())},
				"oauth_nonce": {nonce}, "oauth_version": {"1.0"}, "oauth_signature": {signature}}
		}
		query := func(nonce, signature string) *http.Request {
			return h.request("GET", "/iso/pam/credential?"+params(nonce, signature).Encode(), "", "", "")
		}
		header := h.request("GET", "/iso/pam/credential", "", "", "")
		var pairs []string
		for name, value := range params("n1", k.consumerSecret+"&"+k.tokenSecret) {
			pairs = append(pairs, fmt.Sprintf("%s=%q", name, url.PathEscape(value[0])))
		}
		header.Header.Set("Authorization", "OAuth "+strings.Join(pairs, ", "))
		h.want(h.send(header), c.header)
		h.want(h.send(query("n2", k.consumerSecret+"&"+k.tokenSecret)), c.query)
		wrong := map[bool]int{false: 400, true: 401}[c.inURL]
		h.want(h.send(query("n3", "-")), wrong)
		h.want(h.send(h.request("GET", "/iso/pam/credential?oauth_consumer_key="+k.consumer+"&oauth_token="+k.token+"&oauth_signature=-", "", "", "")), 401)
	}
}

// Guessing is throttled before any cryptography; whoever guesses delays nobody elsewhere, neither the holder of the key.
func TestOAuth1Throttled(t *testing.T) {
	t.Parallel()
	h := open(t, func(d *edge.Deps) { d.TrustedProxies = []string{"127.0.0.0/8"} })
	admin := h.token(h.admin)
	h.stock(admin)
	k := h.signing(admin, "old", legacyClient)
	bad := k
	bad.tokenSecret = "guess"
	last := 0
	for i := range 200 {
		r := h.request("GET", "/iso/pam/credential", "", "", "")
		r.Header.Set("Authorization", bad.sign("GET", h.server.URL+"/iso/pam/credential", fmt.Sprint("g", i), time.Now()))
		r.Header.Set("X-Forwarded-For", "198.51.100.1")
		if last = h.send(r).status; last == 429 {
			break
		}
	}
	if last != 429 {
		t.Errorf("200 guesses end with %d", last)
	}
	for from, want := range map[string]int{"198.51.100.1": 429, "198.51.100.2": 200} {
		r := h.request("GET", "/iso/pam/credential", "", "", "")
		r.Header.Set("Authorization", k.sign("GET", h.server.URL+"/iso/pam/credential", from, time.Now()))
		r.Header.Set("X-Forwarded-For", from)
		h.want(h.send(r), want)
	}
}

// TestEachGuessLimit: guesses are limited for a source, whatever keys it tries, and for a key at a source, however much the source may.
func TestEachGuessLimit(t *testing.T) {
	t.Parallel()
	slow, fast := authn.Rate{PerSecond: 0.001, Burst: 3}, authn.Rate{PerSecond: 1e6, Burst: 1e6}
	for name, c := range map[string]struct {
		source, key authn.Rate
		keys        int // that are tried in turn
		last        int
	}{
		"many keys of a source": {slow, fast, 10, 429},
		"one key":               {fast, slow, 1, 429},
		"many keys, few each":   {fast, slow, 10, 401},
	} {
		h := open(t, func(d *edge.Deps) {
			d.Limits = edge.Limits{Source: fast, TokenSource: c.source, TokenClient: c.key, Refused: fast, Concurrent: 8, Connections: 8, Remembered: 64}
		})
		for i := range 4 {
			r := h.request("GET", "/iso/pam/credential", "", "", "")
			r.Header.Set("Authorization", oauth1Keys{fmt.Sprint("key", i%c.keys), "x", "token", "x"}.sign("GET", h.server.URL+"/iso/pam/credential", fmt.Sprint("g", i), time.Now()))
			want := 401
			if i == 3 {
				want = c.last
			}
			if a := h.send(r); a.status != want {
				t.Errorf("%s: guess %d: %d %s", name, i+1, a.status, a.raw)
			}
		}
	}
}

// Referrers and a client certificate limit an authorization at every request, and already the token.
func TestReferrerAndCertificate(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	web := h.authorize(admin, "web", `{"name":"web","referrers":["portal.example.com"],"filter":{"all":true}}`)
	get := func(client *http.Client, base, token, referrer string) int {
		r, err := http.NewRequest(http.MethodGet, base+"/iso/pam/credential/web1-root", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Referer", referrer)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	r := h.request("POST", "/iso/oauth2/token", "", formType, url.Values{"grant_type": {"client_credentials"}, "client_id": {web.id}, "client_secret": {web.secret}}.Encode())
	h.want(h.send(r), 403)
	r = h.request("POST", "/iso/oauth2/token", "", formType, url.Values{"grant_type": {"client_credentials"}, "client_id": {web.id}, "client_secret": {web.secret}}.Encode())
	r.Header.Set("Referer", "https://Portal.example.com/login")
	tok := h.want(h.send(r), 200).text("access_token")
	for referrer, want := range map[string]int{"https://portal.example.com/x": 200, "": 403, "https://evil.example.com/portal.example.com": 403} {
		if got := get(h.server.Client(), h.server.URL, tok, referrer); got != want {
			t.Errorf("%q: %d", referrer, got)
		}
	}
	h.mu.Lock()
	if n := strings.Count(strings.Join(h.notes, ","), "403 denied"); n != 3 {
		t.Errorf("3 refusals were noted %d times: %q", n, h.notes)
	}
	h.mu.Unlock()

	// The same handler behind a TLS that asks for certificates, as the daemon does.
	s := httptest.NewUnstartedServer(h.server.Config.Handler)
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	defer s.Close()
	own, other := clientCert(t), clientCert(t)
	sum := sha256.Sum256(own.Certificate[0])
	pinned := h.authorize(admin, "pinned", `{"name":"pinned","certificate":"`+strings.ToUpper(hex.EncodeToString(sum[:]))+`","filter":{"all":true}}`)
	with := func(c *tls.Certificate) *http.Client {
		config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		if c != nil {
			config.Certificates = []tls.Certificate{*c}
		}
		return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	}
	grant := func(c *http.Client) (int, string) {
		res, err := c.PostForm(s.URL+"/iso/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {pinned.id}, "client_secret": {pinned.secret}})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	if status, _ := grant(with(nil)); status != 403 {
		t.Errorf("a token without a certificate: %d", status)
	}
	status, out := grant(with(&own))
	if status != 200 {
		t.Fatalf("%d %s", status, out)
	}
	tok = strings.Split(strings.Split(out, `"access_token":"`)[1], `"`)[0]
	for name, c := range map[string]struct {
		cert *tls.Certificate
		want int
	}{"its own": {&own, 200}, "another": {&other, 403}, "none": {nil, 403}} {
		if got := get(with(c.cert), s.URL, tok, ""); got != c.want {
			t.Errorf("%s: %d", name, got)
		}
	}
}

func clientCert(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
