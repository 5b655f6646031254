package edge_test

import (
	"fmt"
	"strings"
	"testing"
)

// The numbers count what the caller reaches, and every managed credential once.
func TestDashboard(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.form(admin, "POST", "/iso/pam/device", 201, "ip", "192.0.2.9", "hostname", "db9", "type", "Server", "vendor", "x", "model", "y", "site", "south")
	h.json(admin, "POST", "/api/v1/credentials", 201, `{"identifier":"south","username":"s","hostname":"db9","secret":"x","tags":["down"]}`)
	h.json(admin, "POST", "/api/v1/credentials", 201, `{"identifier":"off","username":"o","hostname":"db9","secret":"x"}`)
	h.json(admin, "PUT", "/api/v1/credentials/off/status", 200, `{"enabled":false}`)
	a := h.json(admin, "GET", "/api/v1/dashboards/changes?days=3", 200, "")
	if a.at("credentials.total") != 2.0 || a.at("credentials.managed").(float64)+a.at("credentials.not_managed").(float64) != 2 || len(a.at("days").([]any)) != 3 {
		t.Error(a.raw)
	}
	if !strings.Contains(a.raw, `{"name":"south","total":1,`) {
		t.Error(a.raw)
	}
	// A day counts changes: of two operations that were cancelled, one was a verification.
	h.json(admin, "POST", "/api/v1/templates", 200, `{"name":"change","executor":"ssh","content":"exec [#NEW_PASSWORD#]"}`)
	h.json(admin, "PUT", "/api/v1/credentials/south", 200, `{"execution":{"template":"change"}}`)
	for i, kind := range []string{"change", "verify"} {
		h.json(admin, "POST", "/api/v1/operations", 201, `{"credential":"south","kind":"`+kind+`"}`)
		h.json(admin, "POST", fmt.Sprintf("/api/v1/operations/%d/cancel", i+1), 200, "")
	}
	if a := h.json(admin, "GET", "/api/v1/dashboards/changes?days=1", 200, ""); a.at("days.0.cancelled") != 1.0 {
		t.Error(a.raw)
	}
	if a := h.json(admin, "POST", "/api/v1/operations/1/cancel", 409, ""); !strings.Contains(a.raw, "the operation is cancelled: only one that waits can be cancelled") {
		t.Error(a.raw)
	}
	if a := h.json(admin, "POST", "/api/v1/operations/1/retry", 409, ""); !strings.Contains(a.raw, "only one that failed can be started again") {
		t.Error(a.raw)
	}
	some := h.token(h.authorize(admin, "some", `{"name":"some","filter":{"tags":["down"]}}`))
	if a := h.json(some, "GET", "/api/v1/dashboards/changes", 200, ""); a.at("credentials.total") != 1.0 || len(a.at("days").([]any)) != 30 {
		t.Error(a.raw)
	}
	h.json(admin, "GET", "/api/v1/dashboards/changes?days=91", 400, "")
	nothing := h.token(h.authorize(admin, "nothing", `{"name":"nothing","modules":["Application"]}`))
	h.json(nothing, "GET", "/api/v1/dashboards/changes", 403, "")
}
