package edge_test

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestPipelinesTellNothing: variables that the mapping file does not name stand in no answer, log or secret, and neither does what a
// wrong request holds: it may be a value in the wrong place.
func TestPipelinesTellNothing(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	tok := h.token(h.authorize(admin, "billing", dsmClient))
	const value = "Value-that-nobody-sees"
	in := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const mapping = `{"key_value":[{"name":"one","fields":["A"]}]}`
	for _, c := range []struct {
		status   int
		env, by  string
		wrapping func(string) string
	}{
		{200, "A=1\nB=" + value, mapping, in},
		{200, `{"A":"1","B":"` + value + `"}`, mapping, in},
		{400, `{"A":["` + value + `"]}`, mapping, in},
		{400, `{"A":"` + value + `"`, mapping, in},
		{400, "*" + value + "*", mapping, func(s string) string { return s }},
		{400, "A=1", value, in},
		{400, "A=1", `{"key_value":"` + value + `"}`, in},
		{400, "A=1", `{"key_value":[{"name":"one","` + value + `":["A"]}]}`, in},
		{400, "A=1", `{"credentials":[{"name":"` + value + strings.Repeat("x", 200) + `","fields":["A"]}]}`, in},
	} {
		if a := h.form(tok, "POST", "/iso/cicd/variables", c.status, "env", c.wrapping(c.env), "map", in(c.by)); strings.Contains(a.raw, value) {
			t.Errorf("the answer tells what was sent: %s", a.raw)
		}
	}
	if a := h.form(tok, "GET", "/iso/sctm/secret", 200); strings.Contains(a.raw, value) || a.text("secrets.0.data.0.A") != "1" {
		t.Errorf("kept: %s", a.raw)
	}
	if trail := h.json(admin, "GET", "/api/v1/audit?limit=1000", 200, "").raw; strings.Contains(trail, value) || strings.Contains(h.logs.String(), value) {
		t.Error("the trail or the log tells what was sent")
	}
}
