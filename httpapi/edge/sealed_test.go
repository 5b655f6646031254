package edge_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // what the known client decrypts with
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"cofre/httpapi/compat"
)

func publicPEM(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// An authorization with a public key gets every secret encrypted to it, on every route, and can give nobody less.
func TestSecretsAreEncryptedToAKey(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	private, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	h.json(admin, "POST", "/api/v1/applications", 201, `{"name":"shop"}`)
	body := func(key string) string {
		b, _ := json.Marshal(map[string]any{"name": "prod", "modules": []string{"PAM Core", "A2A", "Application", "Secrets Management"}, "write": true, "public_key": key, "creates": true,
			"rights": []string{"secret.read", "credential.write", "authorization.write"}, "filter": map[string]any{"all": true}})
		return string(b)
	}
	for _, bad := range []string{"x", publicPEM(t, &small.PublicKey), publicPEM(t, &private.PublicKey) + "tail"} {
		h.json(admin, "POST", "/api/v1/applications/shop/authorizations", 400, body(bad))
	}
	secretHalf := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
	if a := h.json(admin, "POST", "/api/v1/applications/shop/authorizations", 400, body(secretHalf)); !strings.Contains(a.raw, "this is a private key") {
		t.Error(a.raw)
	}
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&private.PublicKey)}))
	a := h.json(admin, "POST", "/api/v1/applications/shop/authorizations", 201, body(pkcs1))
	if a.text("authorization.public_key") != publicPEM(t, &private.PublicKey) {
		t.Error("the key is not shown")
	}
	tok := h.token(keys{a.text("client_id"), a.text("client_secret")}) // keys that Cofre issues are for use at once

	decrypted := func(text string) string {
		t.Helper()
		box, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatalf("not base64: %s", text)
		}
		plain, err := rsa.DecryptOAEP(sha1.New(), nil, private, box, nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(plain)
	}
	long := strings.Repeat("long ", 200)
	h.json(tok, "POST", "/iso/sctm/secret", 201, `{"identity":"db","data":{"A":"short","B":"`+long+`","C":"`+strings.Repeat("x", 470)+`","D":""}}`)
	h.json(tok, "POST", "/iso/pam/info", 201, `{"identifier":"note","content":"text"}`)
	for path, want := range map[string]map[string]string{
		"/iso/pam/credential/1":        {"credential.password": "s3cret", "response.credential.content": "s3cret"},
		"/iso/coe/senha/1":             {"senha.senha": "s3cret", "response.credential.password": "s3cret"},
		"/api/v1/credentials/1/secret": {"secret": "s3cret"},
		"/iso/pam/info/note":           {"info.content": "text"},
		"/iso/dapp/application":        {"application.secrets.0.data.0.A": "short", "application.secrets.0.data.0.C": strings.Repeat("x", 470)},
		"/api/dsm/secret/db":           {"secret.data.A": "short"},
		"/api/v1/secrets/db/data":      {"data.0.A": "short"},
	} {
		a := h.json(tok, "GET", path, 200, "")
		for field, value := range want {
			if got := decrypted(a.text(field)); got != value {
				t.Errorf("%s %s: %q", path, field, got)
			}
		}
		if how := a.header.Get(compat.EncryptionHeader); !strings.HasPrefix(how, "RSA-OAEP") || strings.Contains(a.raw, "s3cret") || strings.Contains(a.raw, "short") {
			t.Errorf("%s: encryption %q\n%s", path, how, a.raw)
		}
	}
	// A value above 470 bytes is a JWE, and the header says so, also where nothing else is in the answer.
	h.json(tok, "POST", "/iso/pam/info", 201, `{"identifier":"long","content":"`+long+`"}`)
	if a := h.json(tok, "GET", "/iso/pam/info/long", 200, ""); a.header.Get(compat.EncryptionHeader) != "JWE" {
		t.Error(a.header)
	}
	a = h.json(tok, "GET", "/iso/sctm/secret", 200, "")
	if a.header.Get(compat.EncryptionHeader) != "RSA-OAEP, JWE" {
		t.Error(a.header)
	}
	box, err := jose.ParseEncryptedCompact(a.text("secrets.0.data.0.B"), []jose.KeyAlgorithm{jose.RSA_OAEP}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := box.Decrypt(private); err != nil || string(plain) != long {
		t.Error("the long value is another", err)
	}
	// Another authorization reads as before.
	if a := h.json(admin, "GET", "/iso/pam/credential/1", 200, ""); a.text("credential.password") != "s3cret" || a.header.Get(compat.EncryptionHeader) != "" {
		t.Error(a.raw)
	}
	// The holder can neither take its key off nor make others without it; what it registers has the same.
	h.json(tok, "PUT", "/api/v1/applications/shop/authorizations/prod", 403, `{"public_key":""}`)
	h.json(tok, "POST", "/api/v1/applications/shop/authorizations", 403, `{"name":"plain","modules":["PAM Core"],"rights":["secret.read"]}`)
	a = h.form(tok, "POST", "/iso/dapp/application", 200, "application", "ci", "system", "s", "environment", "e")
	if strings.HasPrefix(a.text("signature"), "ey") || len(a.text("signature")) > 100 {
		t.Error("the issued key is encrypted")
	}
	child := h.token(keys{a.text("id"), a.text("signature")})
	if a := h.json(child, "POST", "/iso/sctm/secret", 201, `{"identity":"own","data":{"K":"v"}}`); decrypted(a.text("application.secrets.0.data.0.K")) != "v" {
		t.Error(a.raw)
	}
	h.form(admin, "POST", "/iso/dapp/application", 400, "application", "ci2", "system", "s", "environment", "e", "encryption_enabled", "true")
	if strings.Contains(h.logs.String(), "s3cret") {
		t.Error("the log holds a secret")
	}
}
