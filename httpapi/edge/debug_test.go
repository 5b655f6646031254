package edge_test

import (
	"strings"
	"testing"

	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
)

// TestDebugger: what tags would resolve to is told without secrets, and an attempt is replayed beside its template; both only to
// who may run operations with these secrets.
func TestDebugger(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	propose(h, fsmnode.Announce, fsmnode.AnnounceArgs{Announced: model.Announcement{Slots: 2, Version: "test", Level: 1}})
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"change","executor":"ssh","content":"exec [#NEW_PASSWORD#]"}`)
	h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"canary","hostname":"web1","username":"canary","secret":"Canary-0f-the-vault","execution":{"template":"change"}}`)

	a := h.json(tok, "GET", "/api/v1/templates/change/explain?credential=canary", 200, "")
	if a.at("runs") != true || !strings.Contains(a.raw, `"name":"NEW_PASSWORD"`) || !strings.Contains(a.raw, `"state":"hidden"`) || strings.Contains(a.raw, "Canary-") {
		t.Error(a.raw)
	}
	if a = h.json(tok, "GET", "/api/v1/templates/change/explain", 200, ""); a.at("runs") != nil || !strings.Contains(a.raw, `"text":"exec [#NEW_PASSWORD#]"`) {
		t.Error(a.raw)
	}
	h.json(tok, "GET", "/api/v1/templates/change/explain?version=7", 404, "")

	id := model.OperationID(h.json(tok, "POST", "/api/v1/operations", 201, `{"credential":"canary"}`).text("id"))
	h.json(tok, "GET", "/api/v1/operations/"+string(id)+"/replay", 404, "") // no attempt yet
	v := h.fsm.View()
	o, _ := state.Operations.Get(v, string(id))
	v.Close()
	token := propose(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"}).Token
	propose(h, operation.Finish, operation.FinishArgs{Operation: id, Token: token, Outcome: model.OutcomeNotStarted, Class: "network", Message: "no route", Attempt: model.Attempt{
		Template: o.Template, TemplateVersion: 1, Steps: []model.Step{{Text: "logged in as [#AUTH_USER#]"}, {At: 5, Line: 1, Text: "exec [#NEW_PASSWORD#]", Sent: 3, Error: "the connection was lost"}},
	}})
	a = h.json(tok, "GET", "/api/v1/operations/"+string(id)+"/replay", 200, "")
	if a.text("template") != "change" || a.at("version") != 1.0 || a.text("outcome") != "not started" || !strings.Contains(a.raw, `"reached":true,"ran":[{"at":5,"line":1`) || !strings.Contains(a.raw, `"others":[{"at":0,"text":"logged in`) {
		t.Error(a.raw)
	}
	h.json(tok, "GET", "/api/v1/operations/"+string(id)+"/replay?attempt=2", 404, "")

	for _, c := range []struct{ name, rights string }{{"reads", `"secret.read"`}, {"runs", `"operation.run"`}} {
		other := h.token(h.authorize(tok, c.name, `{"name":"keys","modules":["PAM Core"],"write":true,"rights":[`+c.rights+`],"filter":{"all":true}}`))
		h.json(other, "GET", "/api/v1/templates/change/explain?credential=canary", 403, "")
		h.json(other, "GET", "/api/v1/operations/"+string(id)+"/replay", 403, "")
		h.json(other, "POST", "/api/v1/templates/change/dry-run", 403, `{"credential":"canary"}`)
	}
	both := h.token(h.authorize(tok, "both", `{"name":"keys","modules":["PAM Core"],"write":true,"rights":["secret.read","operation.run"],"filter":{"all":true}}`))
	h.json(both, "GET", "/api/v1/operations/"+string(id)+"/replay", 200, "")
	h.json(both, "POST", "/api/v1/templates/change/dry-run", 404, `{"credential":"canary","version":9}`)
	a = h.json(both, "POST", "/api/v1/templates/change/dry-run", 201, `{"credential":"canary"}`)
	if again := h.json(both, "POST", "/api/v1/templates/change/dry-run", 201, `{"credential":"canary"}`); again.text("operation") != a.text("operation") {
		t.Error("a second dry run of the same while the first waits")
	}
	if a = h.json(both, "GET", "/api/v1/operations/"+a.text("operation"), 200, ""); a.text("kind") != "preflight" || a.text("state") != "uncertain" {
		t.Error(a.raw)
	}
}
