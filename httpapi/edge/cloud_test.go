package edge_test

import (
	"strings"
	"testing"

	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/vault/access"
	"cofre/vault/secret"
)

// TestCloudKeys: the user of a cloud is handed out as an access key, in the application's secret and alone; the runner is played here.
func TestCloudKeys(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.json(tok, "POST", "/api/v1/devices", 201, `{"hostname":"iam.amazonaws.com"}`)
	h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"prod","hostname":"iam.amazonaws.com","username":"AKIAACCOUNT000000001","secret":"s3cret","execution":{"executor":"aws"}}`)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"add","executor":"aws","kind":"Secret Management Automation","content":"exec [#USERNAME#]"}`)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"drop","executor":"aws","kind":"Secret Management Automation","content":"exec [#USERNAME#]"}`)
	propose(h, fsmnode.Announce, fsmnode.AnnounceArgs{Announced: model.Announcement{Slots: 2, Version: "test", Level: 1}})
	h.json(tok, "POST", "/api/v1/dynamic-profiles", 201, `{"identifier":"shop","executor":"aws","create":"add","remove":"drop","authentication":"prod","ttl":"10m"}`)
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"queue","ephemerals":[{"device":"iam.amazonaws.com","profile":"shop"}]}`)
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"named","ephemerals":[{"device":"iam.amazonaws.com","profile":"shop","secret_access_key":"AWS_SECRET_ACCESS_KEY","username":"WHO"}]}`)
	go func() {
		h.keep(h.await(0), `{"access_key_id":"AKIAUSER000000000001","secret_access_key":"se/cret+1"}`)
		h.keep(h.await(1), `{"access_key_id":"AKIAUSER000000000002","secret_access_key":"se/cret+2"}`)
	}()
	a := h.json(tok, "GET", "/iso/dapp/application", 200, "")
	for _, want := range []string{`"access_key_id":"AKIAUSER00000000000`, `"secret_access_key":"se/cret+`, `"AWS_SECRET_ACCESS_KEY":"se/cret+`, `"WHO":"shop_`} {
		if !strings.Contains(a.raw, want) {
			t.Errorf("no %s in %s", want, a.raw)
		}
	}
	if a := h.json(tok, "GET", "/api/v1/leases/1/secret", 200, ""); !strings.HasPrefix(a.text("access_key_id"), "AKIAUSER") || !strings.HasPrefix(a.text("secret_access_key"), "se/cret+") || !strings.HasPrefix(a.text("password"), `{"access_key_id"`) {
		t.Error(a.raw)
	}
	// Users of other targets have no such parts.
	h.json(tok, "POST", "/api/v1/devices", 201, `{"hostname":"db1"}`)
	h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"db1-root","hostname":"db1","username":"postgres","secret":"s3cret"}`)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"add","executor":"ssh","kind":"Secret Management Automation","content":"exec [#USERNAME#]"}`)
	h.json(tok, "POST", "/api/v1/dynamic-profiles", 201, `{"identifier":"app","executor":"ssh","create":"add","remove":"add","authentication":"db1-root","ttl":"10m"}`)
	if a := h.json(tok, "POST", "/api/v1/secrets", 400, `{"identity":"db","ephemerals":[{"device":"db1","profile":"app","access_key_id":"ID"}]}`); !strings.Contains(a.raw, "no such part") {
		t.Error(a.raw)
	}
}

// keep plays the runner of a target that makes the secret: a stand-in is committed, then what was made.
func (h *house) keep(number, made string) {
	h.t.Helper()
	seal := func(row, text string) model.Sealed {
		s, err := h.holder.Encrypt(access.Place(row), secret.New([]byte(text)))
		if err != nil {
			h.t.Error(err)
		}
		return s
	}
	id, first, second := h.leaseOperation(number), strings.Repeat("a", 31)+number, strings.Repeat("b", 31)+number
	token := propose(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"}).Token
	propose(h, operation.Begin, operation.BeginArgs{Operation: id, Token: token, Row: first, Candidate: seal(first, "a-stand-in")})
	propose(h, operation.Keep, operation.KeepArgs{Operation: id, Token: token, Row: second, Secret: seal(second, made)})
	propose(h, operation.Finish, operation.FinishArgs{Operation: id, Token: token, Outcome: model.OutcomeApplied, Proven: 1})
}
