package edge_test

import (
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
	some := h.token(h.authorize(admin, "some", `{"name":"some","filter":{"tags":["down"]}}`))
	if a := h.json(some, "GET", "/api/v1/dashboards/changes", 200, ""); a.at("credentials.total") != 1.0 || len(a.at("days").([]any)) != 30 {
		t.Error(a.raw)
	}
	h.json(admin, "GET", "/api/v1/dashboards/changes?days=91", 400, "")
	nothing := h.token(h.authorize(admin, "nothing", `{"name":"nothing","modules":["Application"]}`))
	h.json(nothing, "GET", "/api/v1/dashboards/changes", 403, "")
}
