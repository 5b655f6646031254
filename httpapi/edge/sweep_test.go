package edge_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"cofre/httpapi/authn"
	"cofre/httpapi/compat"
	"cofre/httpapi/edge"
	"cofre/httpapi/route"
)

// Whatever stands in a documented field, the answer is one that a client can read, and no internal error.
func TestEveryFieldMayBeWrong(t *testing.T) {
	t.Parallel()
	h := open(t, func(d *edge.Deps) {
		d.Limits = edge.DefaultLimits
		d.Limits.Refused = authn.Rate{PerSecond: 1e6, Burst: 1e6} // each wrong value is answered for itself
		d.Limits.Source = d.Limits.Refused
	})
	admin := h.token(h.admin)
	h.stock(admin)
	h.json(admin, "POST", "/api/v1/templates", 200, `{"name":"push","executor":"ssh","kind":"Secret Management Automation","content":"exec store"}`)
	wrong := []any{map[string]any{"a": 1}, []any{1, nil, []any{}}, 17, -1, 1.5e300, true, nil, "", " ", strings.Repeat("x", 70000), "a\x00b", "\u202e", "../..", "%zz", []any{map[string]any{"hostname": 7}}, map[string]any{"": map[string]any{}}}
	tried := 0
	for _, r := range edge.Routes() {
		if r.Dialect != compat.Vendor || r.Auth != route.Authenticated || r.Path == "/iso/dapp/application/authorization" {
			continue
		}
		path := r.Path
		for strings.Contains(path, "{") {
			i, j := strings.Index(path, "{"), strings.Index(path, "}")
			path = path[:i] + "web1-root" + path[j+1:]
		}
		good := map[string]any{}
		for _, f := range r.Doc.Fields {
			switch f.Name {
			case "hostname":
				good[f.Name] = "web1"
			case "username", "identifier", "name", "application", "system", "environment", "identity", "key":
				good[f.Name] = "x"
			}
		}
		for _, f := range r.Doc.Fields {
			for i, v := range wrong { // the first one is an object
				body := map[string]any{}
				for k, g := range good {
					body[k] = g
				}
				body[f.Name] = v
				b, _ := json.Marshal(body)
				reqs := []answer{h.send(h.request(r.Method, path, admin, "application/json", string(b)))}
				if s, ok := v.(string); ok {
					form := url.Values{}
					for k, g := range good {
						form.Set(k, g.(string))
					}
					form.Set(f.Name, s)
					reqs = append(reqs, h.send(h.request(r.Method, path, admin, formType, form.Encode())))
				}
				for _, a := range reqs {
					tried++
					if a.status >= 500 || a.at("response.status") != float64(a.status) || (a.status >= 400) != (a.at("response.error") == true) || a.status >= 400 && a.text("response.message") == "" {
						t.Errorf("%s %s %s=%.60v: %d %.300s", r.Method, path, f.Name, v, a.status, a.raw)
					}
					if i == 0 && a.status < 300 && f.In == "body" && f.Type == "" && !strings.HasPrefix(f.Text, "not kept") {
						t.Errorf("%s %s takes an object for %s", r.Method, path, f.Name)
					}
				}
			}
		}
	}
	if tried < 5000 {
		t.Errorf("%d requests", tried)
	}
	if f := h.failures(); f != "" {
		t.Error(f)
	}
}
