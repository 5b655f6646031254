package edge_test

import "testing"

// The execution parameters have the vendor's ranges; a refusal names the field and the range, and changes nothing.
func TestExecutionParameters(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	const path = "/api/v1/automation"
	a := h.json(admin, "GET", path, 200, "")
	if a.at("settings.attempts") != 5.0 || a.at("settings.retry_interval") != "10s" || a.at("settings.connect_timeout") != "0s" || a.at("settings.records") != 10000.0 || a.at("settings.error_interval") != "24h" {
		t.Errorf("defaults: %s", a.raw)
	}
	a = h.json(admin, "PUT", path, 200, `{"attempts":10,"retry_interval":"0s","connect_timeout":"300s","read_timeout":"1s","records":1,"error_interval":"168h","window":{"hours":["22-6"],"zone":"America/Sao_Paulo"}}`)
	if a.at("settings.attempts") != 10.0 || a.at("settings.retry_interval") != "0s" || a.at("settings.read_timeout") != "1s" || a.at("settings.window.zone") != "America/Sao_Paulo" || a.at("settings.share") != 25.0 {
		t.Error(a.raw)
	}
	for _, body := range []string{
		`{"attempts":0}`, `{"attempts":11}`, `{"retry_interval":"24h1s"}`, `{"connect_timeout":"999ms"}`, `{"connect_timeout":"301s"}`, `{"read_timeout":"301s"}`, `{"records":0}`,
		`{"records":10001}`, `{"error_interval":"23h59m"}`, `{"error_interval":"169h"}`, `{"window":{"zone":"Mars/Olympus"}}`, `{"window":{"hours":["22"]}}`, `{"attempts":"3"}`, `{"tries":3}`,
	} {
		h.json(admin, "PUT", path, 400, body)
	}
	if b := h.json(admin, "GET", path, 200, ""); b.at("revision") != a.at("revision") {
		t.Error(b.raw)
	}
	p := h.json(admin, "GET", "/api/v1/policies/default", 200, "")
	if p.at("attempts") != 0.0 || p.at("retry_interval") != "0s" {
		t.Errorf("the default policy leaves both to the execution parameters: %s", p.raw)
	}
}
