package edge_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The vendor's filters of the operations report, and any order, page by page.
func TestOperationsAreFilteredAndSorted(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	h.form(tok, "POST", "/iso/pam/device", 201, "hostname", "db1", "ip", "192.0.2.2", "type", "Server", "vendor", "Oracle", "model", "19c", "site", "main")
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"change","executor":"ssh","content":"exec [#NEW_PASSWORD#]"}`)
	for _, c := range []string{`"one","hostname":"web1","username":"carol","tags":["prod"]`, `"two","hostname":"db1","username":"bob"`, `"three","hostname":"db1","username":"alice","tags":["prod","db"]`} {
		h.json(tok, "POST", "/api/v1/credentials", 201, `{"secret":"Secret-0f-the-vault","execution":{"template":"change","reconcile":{"template":"change","authentication":"web1-root"}},"identifier":`+c+`}`)
	}
	day := func(n int) string {
		return time.Now().UTC().AddDate(0, 0, n).Truncate(24 * time.Hour).Format(time.RFC3339)
	}
	h.json(tok, "POST", "/api/v1/operations", 201, `{"credential":"one"}`)                                              // 1
	h.json(tok, "POST", "/api/v1/operations", 201, `{"credential":"two","not_before":"`+day(24)+`"}`)                   // 2
	h.json(tok, "POST", "/api/v1/operations", 201, `{"credential":"three","kind":"verify","not_before":"`+day(20)+`"}`) // 3
	h.json(tok, "POST", "/api/v1/operations/1/cancel", 200, "")
	h.json(tok, "POST", "/api/v1/operations", 201, `{"credential":"one","kind":"reconcile"}`) // 4
	numbers := func(query string) (out, next string) {
		t.Helper()
		a := h.json(tok, "GET", "/api/v1/operations?"+query, 200, "")
		for _, i := range a.at("items").([]any) {
			out += fmt.Sprintf("%v", i.(map[string]any)["number"])
		}
		return out, a.text("next")
	}
	requester := h.json(tok, "GET", "/api/v1/operations/4", 200, "").text("requester")
	for query, want := range map[string]string{
		"": "4321", "sort=number": "1234", "sort=-number&limit=2": "43",
		"credential=one": "41", "credential=one&sort=number": "14", "device=db1": "32", "username=alice": "3", "vendor=oracle": "32", "model=19C": "32", "tag=prod": "431", "tag=db": "3",
		"state=open": "432", "state=cancelled": "1", "state=ready,uncertain": "432", "state=failed": "", "kind=verify": "3", "reconcile=true": "4", "reconcile=false": "321",
		"module=PAM Core": "4321", "module=Executions": "", "requester=" + requester: "4321", "requester=nobody": "",
		"scheduled_since=" + day(20): "32", "scheduled_since=" + day(20) + "&scheduled_until=" + day(24): "3",
		"finished_since=2020-01-01T00:00:00Z": "1", "finished_until=2100-01-01T00:00:00Z": "1", "since=2100-01-01T00:00:00Z": "", "until=2020-01-01T00:00:00Z": "", "sort=number&until=2020-01-01T00:00:00Z": "",
		"sort=scheduled": "1432", "sort=-scheduled": "2341", "sort=username": "3214", "sort=-username": "4123", "sort=hostname": "2314", "sort=state": "1243", "sort=kind": "1243", "sort=-finished": "1432",
		"sort=username&tag=prod": "314", "credential=one&sort=-state": "41",
	} {
		if got, _ := numbers(strings.ReplaceAll(query, " ", "%20")); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, sort := range []string{"number", "-number", "username", "-username", "kind", "-scheduled", "state"} {
		whole, _ := numbers("sort=" + sort)
		got, pages := "", 0
		for next := ""; pages == 0 || next != ""; pages++ {
			var page string
			page, next = numbers("sort=" + sort + "&limit=1&after=" + url.QueryEscape(next))
			got += page
		}
		if got != whole || pages != 4 {
			t.Errorf("%s: %s in %d pages, want %s", sort, got, pages, whole)
		}
	}
	for _, query := range []string{"state=waiting", "state=ready,bad", "kind=dance", "module=Core", "reconcile=1", "sort=price", "sort=username&after=3", "after=3.YQ", "after=x", "scheduled_since=monday", "limit=0x", "limit=0"} {
		h.json(tok, "GET", "/api/v1/operations?"+query, 400, "")
	}
	if a := h.json(tok, "GET", "/api/v1/operations/attempts?state=open&limit=1", 200, ""); len(a.at("items").([]any)) != 0 || a.text("next") != "4" { // pages count operations
		t.Error(a.raw)
	}
	h.json(tok, "GET", "/api/v1/operations/attempts?state=waiting", 400, "")
	for body, field := range map[string]string{`"cancel","credentials":["one"]`: "credentials", `"change","credentials":["one"],"operations":["2"]`: "operations", `"retry"`: "operations", `"verify"`: "credentials"} {
		if a := h.json(tok, "POST", "/api/v1/operations/bulk", 400, `{"action":`+body+`}`); a.text("field") != field {
			t.Errorf("%s: %s", body, a.raw)
		}
	}
	a := h.json(tok, "GET", "/api/v1/operations/3", 200, "")
	for field, want := range map[string]string{"state_label": "Scheduled", "kind_label": "Password reconciliation", "module": "PAM Core", "credential.model": "19c", "credential.site": "main",
		"scheduled_at": strings.Replace(day(20), "Z", ".000Z", 1), "last_attempt_at": ""} {
		if a.text(field) != want {
			t.Errorf("%s: %q, want %q", field, a.text(field), want)
		}
	}
	if a := h.json(tok, "GET", "/api/v1/operations/4", 200, ""); a.text("template_name") != "change" || !strings.Contains(a.text("requester_name"), "/") {
		t.Error(a.raw)
	}
}
