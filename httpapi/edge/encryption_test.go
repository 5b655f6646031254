package edge_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"cofre/fsm/state"
)

// Below /iso a key is written as in the vendor's former releases, below /api as in the newer ones; and it is changed and switched in one
// command.
func TestEncryptionKeysOfReleases(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.form(admin, "POST", "/iso/sctm/encryption/key", 201, "name", "orders", "algorithm", "aes256-gcm96", "expiration_date", "01/31/2099 12:30:00")
	for _, on := range []string{"false", "true"} {
		before := h.fsm.Applied()
		h.json(admin, "PUT", "/iso/sctm/encryption/key/1", 200, `{"description":"`+on+`","enabled":`+on+`}`)
		if n := h.fsm.Applied() - before; n != 1 {
			t.Errorf("it was %d commands", n)
		}
		h.json(admin, "PUT", "/api/sctm/encryption/key/1", 400, `{"enabled":`+map[string]string{"false": "true", "true": "false"}[on]+`,"description":"`+strings.Repeat("x", 5000)+`"}`)
		former := map[string]string{"false": `"0"`, "true": `"1"`}[on]
		for path, want := range map[string][2]string{"/iso": {`"01/31/2099 12:30:00"`, former}, "/ISO": {`"01/31/2099 12:30:00"`, former}, "/api": {`"2099-01-31T12:30:00Z"`, on}} {
			for from, path := range map[string]string{"encryption_keys.0.": path + "/sctm/encryption/key", "encryption_key.": path + "/sctm/encryption/key/orders"} {
				a := h.json(admin, "GET", path, 200, "")
				if got := [2]string{jsonOf(a.at(from + "expiration_date")), jsonOf(a.at(from + "enabled"))}; got != want {
					t.Errorf("%s: %v, want %v", path, got, want)
				}
			}
		}
	}
}

// People name keys as freely as applications, and nobody comes before another by a name that looks like its id.
func TestEncryptionKeyNames(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	first := h.form(admin, "POST", "/iso/sctm/encryption/key", 201, "name", "Chave de produção (new)", "algorithm", "aes256-gcm96")
	id := h.json(admin, "GET", "/api/v1/encryption-keys/Chave%20de%20produ%C3%A7%C3%A3o%20%28new%29", 200, "").text("id")
	h.form(admin, "POST", "/iso/sctm/encryption/key", 201, "name", id, "algorithm", "aes128-gcm96")
	box := h.form(admin, "POST", "/iso/sctm/encryption/encrypt", 200, "key", id, "value", "x").text("encrypted_value")
	if a := h.form(admin, "POST", "/api/sctm/encryption/decrypt", 200, "key", "Chave de produção (new)", "value", box); a.text("encrypted_value") != "x" || first.text("encryption_key.name") != "Chave de produção (new)" {
		t.Error(a.raw)
	}
	for _, bad := range []string{"17", " x", "a/b", "a*", "a\u202eb"} {
		if a := h.form(admin, "POST", "/iso/sctm/encryption/key", 400, "name", bad, "algorithm", "aes128-gcm96"); a.text("response.detail") != "field name" {
			t.Errorf("%q: %s", bad, a.raw)
		}
	}
}

func publicHalf(t *testing.T, text string) any {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("no PEM: " + text)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// Applications encrypt and sign with keys that they never hold: versions, both dialects, public halves, and one event for
// each use.
func TestEncryptionKeys(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.json(tok, "POST", "/api/v1/encryption-keys", 201, `{"name":"orders","algorithm":"aes256-gcm96","tags":["shop"]}`)
	first := h.json(tok, "POST", "/api/sctm/encryption/encrypt", 200, `{"key":"orders","value":"caf\u00e9"}`).text("encrypted_value")
	if a := h.json(tok, "POST", "/api/v1/encryption-keys/orders/rotate", 200, ""); a.at("version") != 2.0 || len(a.at("versions").([]any)) != 2 || strings.Contains(a.raw, "secret") {
		t.Error(a.raw)
	}
	second := h.form(tok, "POST", "/iso/sctm/encryption/encrypt", 200, "key", "1", "value", "other")
	if second.text("version") != "2" {
		t.Error(second.raw)
	}
	for _, c := range []struct{ value, version, want string }{{first, "", "café"}, {first, "1", "café"}, {second.text("encrypted_value"), "", "other"}} {
		if a := h.form(tok, "POST", "/iso/sctm/encryption/decrypt", 200, "key", "orders", "value", c.value, "version", c.version); a.text("encrypted_value") != c.want || a.text("response.encrypted_value") != c.want {
			t.Error(a.raw)
		}
	}
	for _, sent := range []string{strings.ReplaceAll(first, "+", " "), strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(first)} { // as forms and other libraries leave it
		if a := h.form(tok, "POST", "/iso/sctm/encryption/decrypt", 200, "key", "orders", "value", sent); a.text("encrypted_value") != "café" {
			t.Error(a.raw)
		}
	}
	h.form(tok, "POST", "/iso/sctm/encryption/decrypt", 400, "key", "orders", "value", first, "version", "2")
	h.form(tok, "POST", "/iso/sctm/encryption/encrypt", 400, "key", "orders", "value", "x", "version", "1")

	// Bytes that are no text go through management only.
	raw := base64.StdEncoding.EncodeToString([]byte{0, 0xff, 1})
	box := h.json(tok, "POST", "/api/v1/encryption-keys/orders/encrypt", 200, `{"plaintext":"`+raw+`"}`).text("ciphertext")
	if a := h.json(tok, "POST", "/api/v1/encryption-keys/orders/decrypt", 200, `{"ciphertext":"`+box+`"}`); a.text("plaintext") != raw || a.at("version") != 2.0 {
		t.Error(a.raw)
	}
	h.form(tok, "POST", "/iso/sctm/encryption/decrypt", 400, "key", "orders", "value", box)
	h.json(tok, "POST", "/api/v1/encryption-keys/orders/encrypt", 400, `{"plaintext":"not base64!"}`)
	h.json(tok, "POST", "/api/v1/encryption-keys/orders/encrypt", 400, `{"plaintext":"`+b64(strings.Repeat("x", 64<<10+1))+`"}`)
	h.json(tok, "POST", "/api/v1/encryption-keys/orders/encrypt", 400, `{}`)
	h.json(tok, "POST", "/api/v1/encryption-keys/orders/sign", 400, `{"message":"`+raw+`"}`)

	// The least version rules older ones out, and lets them in again.
	h.json(tok, "PUT", "/api/v1/encryption-keys/orders", 200, `{"least":2}`)
	h.form(tok, "POST", "/iso/sctm/encryption/decrypt", 400, "key", "orders", "value", first)
	h.json(tok, "PUT", "/api/v1/encryption-keys/orders", 200, `{"least":1}`)
	h.form(tok, "POST", "/iso/sctm/encryption/decrypt", 200, "key", "orders", "value", first)

	// What somebody encrypted to the public half, without asking.
	h.json(tok, "POST", "/api/v1/encryption-keys", 201, `{"name":"inbox","algorithm":"rsa-2048"}`)
	public := publicHalf(t, h.json(tok, "GET", "/api/v1/encryption-keys/inbox", 200, "").text("versions.0.public_key")).(*rsa.PublicKey)
	outside, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, []byte("from outside"), nil)
	if err != nil {
		t.Fatal(err)
	}
	h.json(tok, "POST", "/api/v1/encryption-keys/inbox/rotate", 200, "")
	if a := h.json(tok, "POST", "/api/v1/encryption-keys/inbox/decrypt", 200, `{"version":1,"ciphertext":"`+base64.StdEncoding.EncodeToString(outside)+`"}`); a.text("plaintext") != b64("from outside") {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/api/v1/encryption-keys/inbox/encrypt", 400, `{"plaintext":"`+b64(strings.Repeat("x", 191))+`"}`)

	// A signature verifies outside, and here also after the next version.
	h.json(tok, "POST", "/api/v1/encryption-keys", 201, `{"name":"release","algorithm":"ecdsa-p256"}`)
	signed := h.json(tok, "POST", "/api/v1/encryption-keys/release/sign", 200, `{"message":"`+b64("v1.2")+`"}`).text("signature")
	der, err := base64.StdEncoding.DecodeString(signed)
	sum := sha256.Sum256([]byte("v1.2"))
	if err != nil || !ecdsa.VerifyASN1(publicHalf(t, h.json(tok, "GET", "/api/v1/encryption-keys/release", 200, "").text("versions.0.public_key")).(*ecdsa.PublicKey), sum[:], der) {
		t.Error("the signature does not verify outside")
	}
	h.json(tok, "POST", "/api/v1/encryption-keys/release/rotate", 200, "")
	for body, want := range map[string]bool{
		`{"message":"` + b64("v1.2") + `","signature":"` + signed + `"}`:             true,
		`{"message":"` + b64("v1.2") + `","signature":"` + signed + `","version":2}`: false,
		`{"message":"` + b64("v1.3") + `","signature":"` + signed + `"}`:             false,
	} {
		if a := h.json(tok, "POST", "/api/v1/encryption-keys/release/verify", 200, body); a.at("valid") != want {
			t.Error(body, a.raw)
		}
	}
	// By a version that is not used any more it is wrong, as any other one.
	h.json(tok, "PUT", "/api/v1/encryption-keys/release", 200, `{"least":2}`)
	if a := h.json(tok, "POST", "/api/v1/encryption-keys/release/verify", 200, `{"message":"`+b64("v1.2")+`","signature":"`+signed+`"}`); a.at("valid") != false {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/api/v1/encryption-keys/release/verify", 400, `{"version":1,"message":"`+b64("v1.2")+`","signature":"`+signed+`"}`)
	h.json(tok, "PUT", "/api/v1/encryption-keys/release", 200, `{"least":1}`)
	h.json(tok, "POST", "/api/v1/encryption-keys/release/encrypt", 400, `{"plaintext":"`+raw+`"}`)
	if a := h.json(tok, "GET", "/api/v1/encryption-keys?limit=2", 200, ""); len(a.at("items").([]any)) != 2 || a.text("next") != "2" || strings.Contains(a.raw, "PUBLIC KEY") {
		t.Error(a.raw)
	}
	if n := h.events(tok, "encryption.used"); n != 20 {
		t.Errorf("%d uses are in the trail", n)
	}
	if strings.Contains(h.logs.String(), "from outside") || strings.Contains(h.logs.String(), b64("from outside")) {
		t.Error("a plaintext is in the log")
	}
	v := h.fsm.View() // what is at rest opens with the vault's keys only
	defer v.Close()
	for k := range state.EncryptionKeys.Range(v, "number", "", "\xff") {
		for _, version := range k.Versions {
			if _, err := x509.ParsePKCS8PrivateKey(version.Secret.Box); err == nil || bytes.Equal(version.Secret.Box, version.Public) || len(version.Secret.Box) < 32 {
				t.Error("key material is readable at rest")
			}
		}
	}
}

// Every way to somebody else's key is refused and audited; a key that is shared is used and nothing more.
func TestEncryptionKeysForeign(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.json(admin, "POST", "/api/v1/encryption-keys", 201, `{"name":"orders","algorithm":"aes256-gcm96"}`)
	box := h.json(admin, "POST", "/api/v1/encryption-keys/orders/encrypt", 200, `{"plaintext":"`+b64("x")+`"}`).text("ciphertext")
	tok := h.token(h.authorize(admin, "team", `{"name":"prod","modules":["Secrets Management"],"write":true,"rights":["secret.read","credential.write"],"filter":{"tags":["team"]}}`))
	blind := h.token(h.authorize(admin, "blind", `{"name":"prod","modules":["Secrets Management"],"write":true,"rights":["credential.write"],"filter":{"all":true}}`))
	managed := []struct {
		method, path, body string
	}{
		{"PUT", "/api/v1/encryption-keys/orders", `{"tags":["team"]}`},
		{"PUT", "/api/v1/encryption-keys/1", `{"users":[{"application":"team"}]}`},
		{"PUT", "/api/v1/encryption-keys/orders", `{"least":1}`},
		{"PUT", "/api/v1/encryption-keys/orders/status", `{"enabled":false}`},
		{"POST", "/api/v1/encryption-keys/orders/rotate", ``},
		{"PUT", "/iso/sctm/encryption/key/1", `{"description":"mine"}`},
		{"DELETE", "/iso/sctm/encryption/key/1", ``},
	}
	used := []struct {
		method, path, body string
	}{
		{"POST", "/api/v1/encryption-keys/orders/encrypt", `{"plaintext":"` + b64("x") + `"}`},
		{"POST", "/api/v1/encryption-keys/1/decrypt", `{"ciphertext":"` + box + `"}`},
		{"POST", "/iso/sctm/encryption/encrypt", `{"key":"orders","value":"x"}`},
		{"POST", "/iso/sctm/encryption/decrypt", `{"key":"1","value":"` + box + `"}`},
	}
	denied := h.events(admin, "command.denied")
	for _, c := range append(managed, used...) {
		h.json(tok, c.method, c.path, 403, c.body)
	}
	for _, c := range used { // without secret.read, whatever it reaches
		h.json(blind, c.method, c.path, 403, c.body)
	}
	h.json(blind, "PUT", "/api/v1/encryption-keys/orders", 403, `{"tags":["team"]}`) // nor may it let others use the key
	if n := h.events(admin, "command.denied") - denied; n != len(managed)+2*len(used)+1 {
		t.Errorf("%d refusals are in the trail", n)
	}
	h.json(tok, "GET", "/api/v1/encryption-keys/orders", 403, "")
	if a := h.json(tok, "GET", "/api/v1/encryption-keys", 200, ""); len(a.at("items").([]any)) != 0 {
		t.Error(a.raw)
	}
	h.json(admin, "PUT", "/api/v1/encryption-keys/orders", 200, `{"users":[{"application":"team","authorization":"prod"}]}`)
	for _, c := range used {
		h.json(tok, c.method, c.path, 200, c.body)
	}
	for _, c := range managed {
		h.json(tok, c.method, c.path, 403, c.body)
	}
	if a := h.json(tok, "GET", "/api/v1/encryption-keys/orders", 200, ""); a.text("owner") != "admin/admin" || a.text("users.0") != "team/prod" {
		t.Error(a.raw)
	}
	h.json(admin, "PUT", "/api/v1/encryption-keys/orders", 200, `{"users":[]}`)
	h.json(tok, "POST", "/api/v1/encryption-keys/orders/encrypt", 403, `{"plaintext":"`+b64("x")+`"}`)
}
