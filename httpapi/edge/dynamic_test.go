package edge_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"cofre/fsm/command"
	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/access"
	"cofre/vault/secret"
)

// dynamicHouse has a device with a credential, templates, and the profile app.
func dynamicHouse(t *testing.T) (*house, string) {
	t.Helper()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.json(tok, "POST", "/api/v1/devices", 201, `{"hostname":"db1","ip":"192.0.2.1","connectivities":[{"protocol":"postgresql","port":5432}]}`)
	h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"db1-root","hostname":"db1","username":"postgres","secret":"s3cret"}`)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"add","executor":"ssh","kind":"Secret Management Automation","content":"exec [#USERNAME#]"}`)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"drop","executor":"ssh","kind":"Secret Management Automation","content":"exec [#USERNAME#]"}`)
	propose(h, fsmnode.Announce, fsmnode.AnnounceArgs{Announced: model.Announcement{Slots: 2, Version: "test", Level: 1}})
	h.json(tok, "POST", "/api/v1/dynamic-profiles", 201, `{"identifier":"app","executor":"ssh","create":"add","remove":"drop","authentication":"db1-root","ttl":"10m","life":"20m"}`)
	return h, tok
}

var nodes = model.Actor{Kind: model.ActorSystem, Name: "test"}

func propose[A, R any](h *house, d command.Def[A, R], args A) R {
	h.t.Helper()
	r, err := command.Propose(context.Background(), h, d, nodes, args)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// create plays the runner: the operation creates its user with a password.
func (h *house) create(number, password string) {
	h.t.Helper()
	row := strings.Repeat("0", 31) + number[len(number)-1:]
	sealed, err := h.holder.Encrypt(access.Place(row), secret.New([]byte(password)))
	if err != nil {
		h.t.Fatal(err)
	}
	id := h.leaseOperation(number)
	token := propose(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"}).Token
	propose(h, operation.Begin, operation.BeginArgs{Operation: id, Token: token, Row: row, Candidate: sealed})
	propose(h, operation.Finish, operation.FinishArgs{Operation: id, Token: token, Outcome: model.OutcomeApplied, Proven: 1})
}

// leaseOperation finds the open operation of a dynamic user.
func (h *house) leaseOperation(number string) model.OperationID {
	h.t.Helper()
	v := h.fsm.View()
	defer v.Close()
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		h.t.Fatal(err)
	}
	u, ok := state.DynamicUsers.First(v, "number", table.NumberKey(n))
	if !ok {
		h.t.Fatalf("there is no dynamic user %s", number)
	}
	o, ok := state.Operations.First(v, "open", string(u.ID))
	if !ok {
		h.t.Fatalf("dynamic user %s has no open operation", number)
	}
	return o.ID
}

func TestDynamicProfiles(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	if a := h.json(tok, "GET", "/api/v1/dynamic-profiles/app", 200, ""); a.text("create") != "add" || a.text("authentication") != "db1-root" || a.text("ttl") != "10m" || a.text("life") != "20m" {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/api/v1/dynamic-profiles", 409, `{"identifier":"app","executor":"ssh","create":"add","remove":"drop","authentication":"db1-root"}`)
	for body, field := range map[string]string{
		`{"identifier":"Big","executor":"ssh","create":"add","remove":"drop","authentication":"db1-root"}`:                     "identifier",
		`{"identifier":"b","executor":"ssh","create":"none","remove":"drop","authentication":"db1-root"}`:                      "create",
		`{"identifier":"b","executor":"ssh","create":"add","remove":"drop","authentication":"none"}`:                           "authentication",
		`{"identifier":"b","executor":"ssh","create":"add","remove":"drop"}`:                                                   "authentication",
		`{"identifier":"b","executor":"ssh","create":"add","remove":"drop","auth_user":"postgres","devices":["db1","none"]}`:   "devices[1]",
		`{"identifier":"b","executor":"ssh","create":"add","remove":"drop","auth_user":"postgres","ttl":"1s"}`:                 "ttl",
		`{"identifier":"b","executor":"ssh","create":"add","remove":"drop","auth_user":"postgres","holders":["none/at-all"]}`:  "holders[0]",
		`{"identifier":"b","executor":"ssh","create":"add","remove":"drop","auth_user":"postgres","policy":"none","ttl":"1h"}`: "policy",
	} {
		if a := h.json(tok, "POST", "/api/v1/dynamic-profiles", 400, body); a.text("field") != field {
			t.Errorf("%s: %s", body, a.raw)
		}
	}
	h.json(tok, "PUT", "/api/v1/dynamic-profiles/app", 200, `{"auth_user":"postgres","devices":["db1"],"holders":["admin/admin"]}`)
	if a := h.json(tok, "GET", "/api/v1/dynamic-profiles?executor=ssh&device=db1&search=ap", 200, ""); a.text("items.0.auth_user") != "postgres" || a.text("items.0.authentication") != "" || a.text("items.0.holders.0") != "admin/admin" {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v1/dynamic-profiles?executor=telnet", 200, ""); len(a.at("items").([]any)) != 0 {
		t.Error(a.raw)
	}
	h.json(tok, "PUT", "/api/v1/dynamic-profiles/app", 409, `{"ttl":"5m","revision":1}`)
	h.json(tok, "PUT", "/api/v1/dynamic-profiles/app/status", 200, `{"enabled":false}`)
	if a := h.json(tok, "POST", "/api/v1/leases", 400, `{"profile":"app"}`); a.text("field") != "profile" {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v1/dynamic-profiles", 200, ""); len(a.at("items").([]any)) != 0 {
		t.Error(a.raw)
	}
	h.json(tok, "DELETE", "/api/v1/dynamic-profiles/app", 200, "")
	h.json(tok, "GET", "/api/v1/dynamic-profiles/app", 404, "")
}

func TestLeases(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	h.json(tok, "POST", "/api/v1/devices", 201, `{"hostname":"db2","ip":"192.0.2.2"}`)
	for body, field := range map[string]string{
		`{"pairs":[{"device":"db1","profile":"app"},{"device":"db1","profile":"app"}]}`:  "pairs[1]",
		`{"pairs":[{"device":"db1","profile":"app"},{"device":"db1","profile":"none"}]}`: "pairs[1].profile",
		`{"pairs":[{"device":"none","profile":"app"}]}`:                                  "pairs[0].device",
		`{"pairs":[{"device":"db2","profile":"app"}]}`:                                   "pairs[0].device", // it is there, and the profile does not work on it
	} {
		if a := h.json(tok, "PUT", "/api/v1/applications/admin/provisioning", 400, body); a.text("field") != field {
			t.Errorf("%s: %s", body, a.raw)
		}
	}
	if a := h.json(tok, "PUT", "/api/v1/applications/admin/provisioning", 200, `{"pairs":[{"device":"db1","profile":"app"}],"quota":2}`); a.text("pairs.0.device") != "db1" || a.text("pairs.0.profile") != "app" || a.at("quota") != 2.0 {
		t.Error(a.raw)
	}
	if a := h.json(tok, "POST", "/api/v1/leases", 201, `{"profile":"app","ttl":"2m"}`); a.text("state") != "requested" || !strings.HasPrefix(a.text("username"), "app_") || a.text("hostname") != "db1" {
		t.Error(a.raw)
	}
	h.json(tok, "GET", "/api/v1/leases/1/secret", 409, "")
	h.create("1", "Their-Password-1")
	a := h.json(tok, "GET", "/api/v1/leases/1?wait=30s", 200, "")
	if a.text("state") != "active" || a.text("operations.0.kind") != "provision" || a.text("operations.0.state") != "succeeded" || a.text("owner") != "" {
		t.Error(a.raw)
	}
	if s := h.json(tok, "GET", "/api/v1/leases/1/secret", 200, ""); s.text("password") != "Their-Password-1" || s.text("username") != a.text("username") || s.header.Get("Cache-Control") != "no-store" {
		t.Error(s.raw)
	}
	if b := h.json(tok, "POST", "/api/v1/leases/1/renew", 200, `{"ttl":"20m"}`); b.text("expires_at") <= a.text("expires_at") {
		t.Error(b.raw)
	}
	h.json(tok, "POST", "/api/v1/leases", 201, `{"profile":"app"}`)
	if a := h.json(tok, "POST", "/api/v1/leases", 429, `{"profile":"app"}`); a.header.Get("Retry-After") != "60" {
		t.Error(a.header)
	}
	if a := h.json(tok, "GET", "/api/v1/leases?state=active&application=admin&device=db1&profile=app", 200, ""); len(a.at("items").([]any)) != 1 || strings.Contains(a.raw, "Their-Password") {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v1/leases?limit=1", 200, ""); a.text("next") != "1" {
		t.Error(a.raw)
	}
	h.json(tok, "GET", "/api/v1/leases?state=old", 400, "")
	h.json(tok, "GET", "/api/v1/leases/9", 404, "")
	if a := h.json(tok, "DELETE", "/api/v1/leases/2", 200, ""); a.text("state") != "removed" || a.text("reason") != "revoked" {
		t.Error("never sent, yet: " + a.raw)
	}
	if a := h.json(tok, "DELETE", "/api/v1/leases/1", 200, ""); a.text("state") != "removing" {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v1/leases/1", 200, ""); a.text("operations.1.kind") != "deprovision" {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v1/operations?kind=deprovision", 200, ""); a.text("items.0.credential.hostname") != "db1" || !strings.HasPrefix(a.text("items.0.credential.username"), "app_") {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v1/leases?debt=true", 200, ""); len(a.at("items").([]any)) != 0 {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/api/v1/applications/admin/provisioning/revoke", 200, `{}`)
	h.json(tok, "POST", "/api/v1/applications/none/provisioning/revoke", 404, `{}`)
	if a := h.json(tok, "POST", "/api/v1/applications/admin/provisioning/revoke", 404, `{"authorization":"none"}`); a.text("field") != "authorization" {
		t.Error(a.raw)
	}
}

// Another application sees and ends nothing of this one.
func TestForeignLeases(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	h.json(tok, "POST", "/api/v1/leases", 201, `{"profile":"app"}`)
	h.json(tok, "POST", "/api/v1/applications", 201, `{"name":"other"}`)
	k := h.json(tok, "POST", "/api/v1/applications/other/authorizations", 201, `{"name":"prod","write":true,"filter":{"tags":["none"]}}`)
	other := h.token(keys{k.text("client_id"), k.text("client_secret")})
	if a := h.json(other, "GET", "/api/v1/leases", 200, ""); len(a.at("items").([]any)) != 0 {
		t.Error(a.raw)
	}
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/api/v1/leases/1", ""}, {"GET", "/api/v1/leases/1/secret", ""}, {"DELETE", "/api/v1/leases/1", ""}, {"POST", "/api/v1/leases/1/renew", `{}`},
		{"POST", "/api/v1/leases", `{"profile":"app"}`}, {"GET", "/api/v1/dynamic-profiles/app", ""},
	} {
		h.json(other, c.method, c.path, 404, c.body)
	}
	h.json(other, "PUT", "/api/v1/dynamic-profiles/app", 403, `{"ttl":"5m"}`)
	h.json(other, "POST", "/api/v1/applications/admin/provisioning/revoke", 403, `{}`)
	h.json(other, "GET", "/api/v1/applications/admin/provisioning", 403, "")
	h.json(other, "GET", "/api/v1/applications/other/provisioning", 200, "")
	h.json(other, "PUT", "/api/v1/applications/other/provisioning", 403, `{"automatic":true}`)
}
