package edge_test

import (
	"strings"
	"testing"
)

// An application that is deleted has no access from that moment, neither by its tokens nor by its keys; what it owned is gone, and who
// gets its name next gets nothing of it.
func TestDeletedApplication(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	const own = `{"name":"prod","modules":["Application","Secrets Management"],"write":true,"rights":["secret.read","credential.write"]}`
	k := h.authorize(admin, "shop", own)
	tok := h.token(k)
	h.json(tok, "POST", "/api/dsm/secret", 201, `{"identifier":"db","data":{"PASS":"s3cret-db"}}`)
	h.json(admin, "POST", "/api/v1/encryption-keys", 201, `{"name":"orders","algorithm":"aes256-gcm96","users":[{"application":"shop","authorization":"prod"}]}`)
	if a := h.json(admin, "DELETE", "/api/v1/applications/shop", 200, ""); a.at("gone") != true || a.at("users") != 0. {
		t.Error(a.raw)
	}
	h.json(tok, "GET", "/iso/dapp/application", 401, "")
	if a := h.form("", "POST", "/iso/oauth2/token", 401, "grant_type", "client_credentials", "client_id", k.id, "client_secret", k.secret); a.text("error") != "invalid_client" {
		t.Error(a.raw)
	}
	h.json(admin, "GET", "/api/v1/applications/shop", 404, "")
	h.json(admin, "DELETE", "/api/v1/applications/shop", 404, "")
	h.json(admin, "GET", "/api/dsm/secret/db", 404, "")
	if a := h.json(admin, "GET", "/api/v1/encryption-keys/orders", 200, ""); strings.Contains(a.raw, "shop") {
		t.Error(a.raw)
	}
	again := h.token(h.authorize(admin, "shop", own))
	if a := h.json(again, "GET", "/iso/dapp/application", 200, ""); strings.Contains(a.raw, "s3cret") {
		t.Error(a.raw)
	}
	h.json(tok, "GET", "/iso/dapp/application", 401, "")
}
