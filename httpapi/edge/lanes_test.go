package edge_test

import (
	"strings"
	"testing"
)

// A limit of operations is set by management calls, shown in both dialects, and kept by the vendor's upsert, which knows none.
func TestLanesOfADevice(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	if a := h.json(admin, "GET", "/iso/pam/device/web1", 200, ""); strings.Contains(a.raw, "lanes") {
		t.Error("a limit that nobody set: " + a.raw)
	}
	h.json(admin, "PUT", "/api/v1/devices/web1", 200, `{"lanes":2}`)
	h.json(admin, "PUT", "/api/v1/devices/web1", 400, `{"lanes":65}`)
	h.json(admin, "POST", "/iso/pam/device", 201, `{"hostname":"web1","vendor":"v"}`)
	for _, path := range []string{"/api/v1/devices/web1", "/iso/pam/device/web1", "/iso/pam/device"} {
		if a := h.json(admin, "GET", path, 200, ""); !strings.Contains(strings.ReplaceAll(a.raw, " ", ""), `"lanes":2`) {
			t.Error(path + ": " + a.raw)
		}
	}
	if a := h.json(admin, "PUT", "/api/v1/devices/web1", 200, `{"lanes":0}`); strings.Contains(a.raw, "lanes") {
		t.Error(a.raw)
	}
}
