package edge_test

import (
	"strings"
	"testing"

	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/access"
	"cofre/vault/secret"
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
	if a = h.json(tok, "GET", "/api/v1/credentials/seed", 200, ""); a.text("policy") != "ssh-key-30-days" || a.at("execution.automatic") != true || a.text("execution.executor") != "ssh-key" || a.text("execution.template") != "SSH key (authorized_keys)" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/policies/ssh-key-30-days", 200, ""); a.text("max_age") != "720h" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "PUT", "/api/pam/sshkey/seed", 200, `{"rotation_days":45}`); a.text("key.identifier") != "seed" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/credentials/seed", 200, ""); a.text("policy") != "ssh-key-45-days" {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/api/pam/sshkey/seed", 200, `{"rotation_days":30}`)
	h.json(tok, "PUT", "/api/pam/sshkey/seed", 200, `{"auto_rotate":true}`) // keeps the period
	h.json(h.token(h.authorize(tok, "reads", `{"name":"reads","modules":["PAM Core"],"write":true,"rights":["secret.read"],"filter":{"all":true}}`)), "POST", "/api/pam/sshkey/seed/rotate", 403, "")
	if a = h.json(tok, "POST", "/api/pam/sshkey/seed/rotate", 201, ""); a.text("operation.id") != "1" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/operations/1", 200, ""); a.text("executor") != "ssh-key" || a.text("credential.identifier") != "seed" {
		t.Error(a.raw)
	}
	// The first change was asked for: from now on the period is kept.
	if a = h.json(tok, "GET", "/api/v1/credentials/seed", 200, ""); a.text("rotate_at") != "" {
		t.Errorf("planned before the first change: %s", a.raw)
	}
	h.changeKey(1)
	if a = h.json(tok, "GET", "/api/v1/credentials/seed", 200, ""); a.text("rotate_at") == "" {
		t.Errorf("not planned after the first change: %s", a.raw)
	}
	// Devices that are not known are told, and the others taken; a key that is out of use says so.
	a = h.json(tok, "POST", "/iso/pam/key", 201, `{"identifier":"seed","hostname":"web1","devices":[{"hostname":"web2"},{"hostname":"gone"}]}`)
	if a.text("key.devices.0.hostname") != "web2" || a.text("key.devices.0.ip") != "192.0.2.1" || a.text("key.devices_error.0.hostname") != "gone" || len(a.at("response.key.devices").([]any)) != 1 {
		t.Error(a.raw)
	}
	for _, method := range []string{"PUT", "DELETE"} {
		if a = h.json(tok, method, "/iso/pam/credential/seed", 400, ""); a.at("exception.code") != 1010.0 {
			t.Error(a.raw)
		}
	}
	if a = h.json(tok, "POST", "/iso/pam/key", 400, `{"identifier":"seed","hostname":"web1","devices":["gone"`+strings.Repeat(`,"gone"`, model.MaxKeyDevices)+`]}`); !strings.Contains(a.raw, "at most 1000") {
		t.Error(a.raw)
	}
	h.json(tok, "DELETE", "/iso/pam/key/seed", 200, "")
	if a = h.json(tok, "GET", "/iso/pam/key/seed", 400, ""); a.at("exception.code") != 1017.0 {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/iso/pam/key/seed", 200, "")
	// Putting a key and switching it is one command, and a refused one does neither.
	for _, on := range []string{"false", "true"} {
		before := h.fsm.Applied()
		if a = h.json(tok, "POST", "/iso/pam/key", 201, `{"identifier":"seed","hostname":"web1","tags":"`+on+`","enabled":`+on+`}`); jsonOf(a.at("key.enabled")) != on || a.text("key.tags.0") != on {
			t.Error(a.raw)
		}
		if n := h.fsm.Applied() - before; n != 1 {
			t.Errorf("it was %d commands", n)
		}
		h.json(tok, "POST", "/iso/pam/key", 400, `{"identifier":"seed","hostname":"web1","enabled":`+map[string]string{"false": "true", "true": "false"}[on]+`,"private_key":`+privateKey+`}`)
		if a = h.json(tok, "GET", "/api/v1/credentials/seed", 200, ""); jsonOf(a.at("enabled")) != on {
			t.Error(a.raw)
		}
	}
	if a = h.json(tok, "GET", "/api/pam/sshkey", 200, ""); len(a.at("keys").([]any)) != 2 || !strings.HasPrefix(a.text("keys.0.public_key"), "ssh-") || strings.Contains(a.raw, "PRIVATE") {
		t.Error(a.raw)
	}
}

// TestSSHKeyPatterns: the host name of a key may stand for many; the first that fits is its own.
func TestSSHKeyPatterns(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"SSH key (authorized_keys)","executor":"ssh-key","content":"authorized-keys \".ssh/authorized_keys\""}`)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"ours","executor":"ssh-key","content":"authorized-keys \".ssh/authorized_keys2\""}`)
	if a := h.json(tok, "POST", "/api/pam/sshkey", 400, `{"identifier":"many","hostname":"*.prod.example.com","username":"deploy","private_key":`+privateKey+`}`); !strings.Contains(a.raw, "1011") {
		t.Error(a.raw)
	}
	for _, name := range []string{"db.dev.example.com", "web1.prod.example.com", "web2.prod.example.com"} {
		h.json(tok, "POST", "/api/v1/devices", 201, `{"hostname":"`+name+`","ip":"192.0.2.1"}`)
	}
	a := h.json(tok, "POST", "/api/pam/sshkey", 201, `{"identifier":"many","hostname":"*.PROD.example.com","username":"deploy","private_key":`+privateKey+`,"auto_rotate":true,"rotation_days":90}`)
	if a.text("key.hostname") != "web1.prod.example.com" || a.text("key.host_pattern") != "*.PROD.example.com" {
		t.Error(a.raw)
	}
	for _, wrong := range []string{"*", "*.*", "web[12]*", "a b*"} {
		h.json(tok, "PUT", "/api/pam/sshkey/many", 400, `{"hostname":"`+wrong+`"}`)
	}
	if a = h.json(tok, "PUT", "/api/pam/sshkey/many", 200, `{"hostname":"web?.prod.example.com"}`); a.text("key.hostname") != "web1.prod.example.com" || a.text("key.host_pattern") != "web?.prod.example.com" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/credentials/many", 200, ""); a.text("key.pattern") != "web?.prod.example.com" {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/api/v1/credentials/many", 200, `{"execution":{"template":"ours"}}`)
	h.json(tok, "PUT", "/api/pam/sshkey/many", 200, `{"auto_rotate":true,"rotation_days":30}`)
	if a = h.json(tok, "GET", "/api/v1/credentials/many", 200, ""); a.text("execution.template") != "ours" || a.text("policy") != "ssh-key-30-days" {
		t.Error(a.raw)
	}
	if a = h.json(tok, "PUT", "/api/pam/sshkey/many", 200, `{"hostname":"db.dev.example.com"}`); a.text("key.hostname") != "db.dev.example.com" || strings.Contains(a.raw, "host_pattern") {
		t.Error(a.raw)
	}
	// A pattern is a route: who may not change routes cannot set one on a key that is there.
	team := h.token(h.authorize(tok, "team", `{"name":"all","modules":["PAM Core"],"write":true,"rights":["secret.read","credential.write"],"filter":{"all":true}}`))
	h.json(team, "PUT", "/api/pam/sshkey/many", 403, `{"hostname":"web?.prod.example.com"}`)
}

// changeKey plays the runner of the change with a number.
func (h *house) changeKey(number uint64) {
	h.t.Helper()
	v := h.fsm.View()
	o, ok := state.Operations.First(v, "number", table.NumberKey(number))
	v.Close()
	if !ok {
		h.t.Fatalf("there is no operation %d", number)
	}
	row := strings.Repeat("c", 32)
	sealed, err := h.holder.Encrypt(access.Place(row), secret.New([]byte("another private key")))
	if err != nil {
		h.t.Fatal(err)
	}
	propose(h, fsmnode.Announce, fsmnode.AnnounceArgs{Announced: model.Announcement{Slots: 1, Version: "test", Level: 1}})
	token := propose(h, operation.Grant, operation.GrantArgs{Operation: o.ID, Node: "n1"}).Token
	begun := propose(h, operation.Begin, operation.BeginArgs{Operation: o.ID, Token: token, Row: row, Candidate: sealed, Public: "ssh-ed25519 AAAAnew"})
	propose(h, operation.Finish, operation.FinishArgs{Operation: o.ID, Token: token, Outcome: model.OutcomeApplied, Proven: begun.Version})
}
