package edge_test

import (
	"strings"
	"testing"
)

// SSH keys are made or sent, shown with their public half, changed on request or by a period, and read like passwords.
func TestSSHKeys(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	for _, name := range []string{"web1", "web2"} {
		h.json(tok, "POST", "/api/v1/devices", 201, `{"hostname":"`+name+`","ip":"192.0.2.1"}`)
	}
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"SSH key (authorized_keys)","executor":"ssh-key","content":"authorized-keys \".ssh/authorized_keys\""}`)
	a := h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"made","hostname":"web1","username":"deploy","key":{"name":"ci","generate":true,"devices":["web2"]},"execution":{"template":"SSH key (authorized_keys)"}}`)
	if public := a.text("key.public_key"); !strings.HasPrefix(public, "ssh-ed25519 ") || a.text("key.algorithm") != "ed25519" || a.text("key.devices.0") != "web2" || a.text("type") != "SSH Key" || strings.Contains(a.raw, "PRIVATE") {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/credentials/made/secret", 200, ""); !strings.HasPrefix(a.text("secret"), "-----BEGIN OPENSSH PRIVATE KEY-----") {
		t.Error("the secret is not the private key")
	}
	if a = h.json(tok, "PUT", "/api/v1/credentials/made", 200, `{"key":{"algorithm":"rsa-3072","devices":[]}}`); a.text("key.algorithm") != "rsa-3072" || !strings.HasPrefix(a.text("key.public_key"), "ssh-ed25519 ") {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/api/v1/credentials/made", 400, `{"key":{"algorithm":"dsa"}}`)
	h.json(tok, "POST", "/api/v1/credentials", 400, `{"identifier":"both","hostname":"web1","username":"x","secret":"s","key":{"generate":true}}`)
	h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"password","hostname":"web1","username":"deploy","secret":"s"}`)
	h.json(tok, "PUT", "/api/v1/credentials/password", 400, `{"key":{"name":"no"}}`)

	// By a period: the policy is made once, and the change is somebody's wish at first.
	a = h.json(tok, "POST", "/api/pam/sshkey", 201, `{"identifier":"seed","hostname":"web1","username":"deploy","private_key":`+privateKey+`,"auto_rotate":true,"rotation_days":30}`)
	if a.text("key.identifier") != "seed" || strings.Contains(a.raw, "PRIVATE") {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/api/pam/sshkey/seed", 200, `{"auto_rotate":true,"rotation_days":"30"}`)
	if a = h.json(tok, "PUT", "/api/pam/sshkey/seed", 400, `{"auto_rotate":true,"rotation_days":0}`); !strings.Contains(a.raw, "rotation_days") {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/credentials/seed", 200, ""); a.text("policy") != "ssh-key-30-days" || a.at("execution.automatic") != true || a.text("execution.executor") != "ssh-key" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/policies/ssh-key-30-days", 200, ""); a.text("max_age") != "720h" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "POST", "/api/pam/sshkey/seed/rotate", 201, ""); a.text("operation.id") != "1" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/operations/1", 200, ""); a.text("executor") != "ssh-key" || a.text("credential.identifier") != "seed" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/pam/sshkey", 200, ""); len(a.at("keys").([]any)) != 2 || strings.Contains(a.raw, "PRIVATE") {
		t.Error(a.raw)
	}
}
