package edge_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestRegisteredNeedsWhatItsMakerNeeds: what a pipeline registers answers where the pipeline may ask itself only, with its client certificate,
// and encrypted to its key; the pipeline need not say so.
func TestRegisteredNeedsWhatItsMakerNeeds(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	private, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	own := clientCert(t)
	sum := sha256.Sum256(own.Certificate[0])
	bounds := map[string]any{"certificate": hex.EncodeToString(sum[:]), "public_key": publicPEM(t, &private.PublicKey), "referrers": []any{"portal"}}
	body := map[string]any{}
	if err := json.Unmarshal([]byte(strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true`, 1)), &body); err != nil {
		t.Fatal(err)
	}
	for name, v := range bounds {
		body[name] = v
	}
	k := h.authorize(admin, "ci", jsonOf(body))

	s := httptest.NewUnstartedServer(h.server.Config.Handler)
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	defer s.Close()
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.Certificates = []tls.Certificate{own}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	post := func(path, token string, form url.Values) (out map[string]any) {
		r, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {formType}, "Referer": {"https://portal/"}, "Authorization": {"Bearer " + token}}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v, %v", path, res.StatusCode, out, err)
		}
		return out
	}
	token := post("/iso/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {k.id}, "client_secret": {k.secret}})["access_token"].(string)
	post("/iso/dapp/application", token, url.Values{"application": {"shop"}, "system": {"erp"}, "environment": {"prod"}})
	made := h.json(admin, "GET", "/api/v1/applications/shop/authorizations/erp-prod", 200, "")
	for name, want := range bounds {
		if got := jsonOf(made.at(name)); got != jsonOf(want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
