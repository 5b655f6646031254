package edge_test

import (
	"strings"
	"testing"
)

// automated opens a house with an approved template, a door and an application whose secrets count.
func automated(t *testing.T) (h *house, admin, own string) {
	t.Helper()
	h = open(t, nil)
	admin = h.token(h.admin)
	h.stock(admin)
	h.json(admin, "POST", "/api/v1/templates", 200, `{"name":"push","executor":"ssh","kind":"Secret Management Automation","content":"exec store"}`)
	own = h.token(h.authorize(admin, "billing", `{"name":"prod","modules":["Application","Secrets Management"],"write":true,"rights":["secret.read","credential.write"],"filter":{"tags":["none"]}}`))
	return h, admin, own
}

const automation = `{"name":"to vault","tags":"cloud, push","description":"copies","triggers":["When a secret is created","When a secret is updated","when a secret is inactivated","When a secret is activated"],
	"applications":["billing"],"plugin":"ssh","template":"push","devices":[{"hostname":"web1","credential":"web1-root"}]}`

// The five routes of the vendor in both prefixes, what they refuse, and the management ones.
func TestAutomations(t *testing.T) {
	t.Parallel()
	h, admin, own := automated(t)
	for _, c := range []struct{ from, to string }{
		{"When a secret is created", "When a secret is read"}, {`"plugin":"ssh"`, `"plugin":"aws"`}, {`"push","devices"`, `"none","devices"`}, {`["billing"]`, `["nobody"]`}, {`["billing"]`, `[]`},
		{`"web1-root"`, `"web1-none"`}, {`"hostname":"web1"`, `"hostname":"web9"`}, {`[{"hostname":"web1","credential":"web1-root"}]`, `[]`}, {`[{"hostname":"web1","credential":"web1-root"}]`, `["web1"]`}, {"to vault", "12"},
	} {
		h.json(admin, "POST", "/iso/sctm/automation", 400, strings.Replace(automation, c.from, c.to, 1))
	}
	h.json(own, "POST", "/iso/sctm/automation", 403, automation)
	a := h.json(admin, "POST", "/iso/sctm/automation", 201, automation)
	if a.text("automation.id") != "1" || a.text("automation.plugin") != "ssh" || a.text("automation.template") != "push" || a.text("automation.applications.0") != "billing" || a.text("automation.devices.0") != "web1" ||
		a.text("automation.tags") != "cloud, push" || a.text("automation.triggers.1") != "When a secret is created" || !strings.Contains(a.text("response.message"), "created") {
		t.Error(a.raw)
	}
	h.json(admin, "POST", "/api/sctm/automation", 409, automation)
	// Clients of the vendor name the account's user on the host.
	if a := h.json(admin, "POST", "/iso/sctm/automation", 201, strings.NewReplacer("to vault", "by user", `"web1-root"`, `"root"`, `"cloud, push"`, `""`).Replace(automation)); a.text("automation.devices.0") != "web1" || a.at("automation.tags") != nil {
		t.Error(a.raw)
	}
	if a := h.json(admin, "DELETE", "/api/v1/secret-automations/2", 200, ""); a.text("devices.0.credential") != "web1-root" {
		t.Error(a.raw)
	}
	h.json(admin, "POST", "/api/v1/devices", 201, `{"hostname":"web2","ip":"192.0.2.2"}`)
	for _, login := range []string{`"web1-root"`, `"root"`, `""`} {
		h.json(admin, "POST", "/iso/sctm/automation", 400, strings.NewReplacer("to vault", "elsewhere", `"web1"`, `"web2"`, `"web1-root"`, login).Replace(automation))
	}
	for _, prefix := range []string{"/iso", "/api"} {
		if a := h.json(admin, "GET", prefix+"/sctm/automations", 200, ""); a.text("automations.0.name") != "to vault" || !strings.Contains(a.text("response.message"), "list") {
			t.Error(a.raw)
		}
		if a := h.json(admin, "GET", prefix+"/sctm/automation/1", 200, ""); a.text("automation.name") != "to vault" || !strings.Contains(a.text("response.message"), "retrieved") {
			t.Error(a.raw)
		}
		h.json(admin, "GET", prefix+"/sctm/automation/7", 404, "")
		h.json(own, "GET", prefix+"/sctm/automation/1", 403, "")
		h.json(own, "PUT", prefix+"/sctm/automation/1", 403, `{"enabled":false}`)
		h.json(own, "DELETE", prefix+"/sctm/automation/1", 403, "")
		if a := h.json(own, "GET", prefix+"/sctm/automations", 200, ""); len(a.at("automations").([]any)) != 0 {
			t.Error(a.raw)
		}
		if a := h.form(admin, "PUT", prefix+"/sctm/automation/1", 200, "description", "from "+prefix, "triggers[]", "When an authorization is activated", "secrets", ""); a.text("automation.description") != "from "+prefix ||
			a.text("automation.triggers.0") != "When an authorization is activated" || a.text("automation.devices.0") != "web1" || !strings.Contains(a.text("response.message"), "updated") {
			t.Error(a.raw)
		}
	}
	if a := h.json(admin, "PUT", "/api/v1/secret-automations/1", 200, `{"triggers":["secret.updated"],"enabled":false}`); a.text("triggers.0") != "secret.updated" || a.at("enabled") != false || a.text("by") != "admin/admin" || a.text("devices.0.credential") != "web1-root" {
		t.Error(a.raw)
	}
	h.json(admin, "PUT", "/api/v1/secret-automations/1", 409, `{"revision":1}`)
	if a := h.form(admin, "DELETE", "/iso/sctm/automation/1", 200); !strings.Contains(a.text("response.message"), "deleted") {
		t.Error(a.raw)
	}
	h.json(admin, "GET", "/api/v1/secret-automations/1", 404, "")
	h.json(admin, "POST", "/api/v1/secret-automations", 201, `{"name":"again","triggers":["authorization.created"],"applications":["billing"],"executor":"ssh","template":"push","devices":[{"credential":"web1-root"}]}`)
	h.json(admin, "DELETE", "/api/sctm/automation/again", 200, "")
}

// Every trigger orders an operation with the credential that was given; a secret that changes without end is braked.
func TestAutomationTriggers(t *testing.T) {
	t.Parallel()
	h, admin, own := automated(t)
	h.json(admin, "POST", "/iso/sctm/automation", 201, strings.Replace(automation, `"When a secret is activated"`, `"When a secret is activated","When an authorization is created","When an authorization is updated","When an authorization is inactivated","When an authorization is activated"`, 1))
	runs := func() string {
		t.Helper()
		var all []string
		for _, i := range h.json(admin, "GET", "/api/v1/operations?kind=secret_management_automation&limit=100", 200, "").at("items").([]any) {
			o := i.(map[string]any)
			if c := o["credential"].(map[string]any); c["identifier"] != "web1-root" || o["kind_label"] != "Secret Management Automation" {
				t.Error(o)
			}
			all = append(all, o["trigger"].(string))
		}
		return strings.Join(all, " ")
	}
	put := func(value string) {
		h.json(own, "POST", "/iso/sctm/secret", 201, `{"identity":"db","data":{"API_KEY":"`+value+`"}}`)
	}
	put("canary-1")
	put("canary-1")
	put("canary-2")
	h.json(own, "DELETE", "/api/dsm/secret/db", 200, "")
	h.json(own, "PUT", "/api/v1/secrets/db/status", 200, `{"enabled":true}`)
	h.json(admin, "POST", "/api/v1/applications/billing/authorizations", 201, `{"name":"two","modules":["Application"],"rights":["secret.read"],"filter":{"tags":["none"]}}`)
	for _, body := range []string{`{"environment":"prod"}`, `{"enabled":false}`, `{"enabled":true}`} {
		h.json(admin, "PUT", "/api/v1/applications/billing/authorizations/two", 200, body)
	}
	want := "authorization.activated authorization.inactivated authorization.updated authorization.created secret.activated secret.inactivated secret.updated secret.created"
	if got := runs(); got != want {
		t.Errorf("ordered %s, not %s", got, want)
	}
	for i := range 61 { // 4 occasions came before
		put("canary-" + strings.Repeat("x", i))
	}
	if n := h.events(admin, "dsm.automation_braked"); n != 1 {
		t.Errorf("%d alerts of a secret that changes without end", n)
	}
	if got := runs(); got != want {
		t.Errorf("runs that wait do not stand for what happens meanwhile: %s", got)
	}
	a := h.json(own, "GET", "/api/v1/secrets/db/errors", 200, "")
	if len(a.at("items").([]any)) != 1 || a.text("items.0.task") != "automation" || !strings.Contains(a.text("items.0.message"), "60 times") {
		t.Error(a.raw)
	}
	if shown := h.json(own, "GET", "/api/v1/secrets/db", 200, "").raw; !strings.Contains(shown, `"errors":1,`) {
		t.Errorf("a secret is shown without its errors: %s", shown)
	}
	if strings.Contains(h.logs.String()+a.raw, "canary") {
		t.Error("a value is in the log, or among the errors")
	}
}
