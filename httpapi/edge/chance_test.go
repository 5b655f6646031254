package edge_test

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"cofre/httpapi/authn"
	"cofre/httpapi/edge"
	"cofre/httpapi/openapi"
)

// chance makes requests that a client might send by mistake: recorded ones with something changed, and what the document allows, or hardly.
type chance struct {
	*rand.Rand
	doc *openapi3.T
}

var (
	names = []string{"1", "2", "99999", "0", "-1", "web1", "web1-root", "shop", "default", "bare", "%00", strings.Repeat("a", 300), "%2e%2e", "%C3%A9", "x%20y", "18446744073709551616"}
	texts = []string{"", "a", "web1", "web1-root", "shop", "1", "-1", strings.Repeat("x", 5000), "\x00", "é日本", "[#USERNAME#]", "[#", "720h", "-5m", "99999999h", "mon-fri", "22-6", "2026-12-24T02:00:00Z", "2026-13-45",
		"9999-12-31T23:59:59Z", "true", "ssh", "10.0.0.0/8", "::1", "*", "SSH:22", "{}", `"`, "../../etc/passwd", "https://[::1]/", "a\nb"}
	numbers = []any{0, 1, 2, -1, 255, 256, 65536, math.MaxInt64, uint64(math.MaxUint64), 1.5, 1e300}
	place   = regexp.MustCompile(`\{[^}]+\}`)
)

func pick[T any](c *chance, of []T) T { return of[c.IntN(len(of))] }

// value is one that fits a schema, mostly.
func (c *chance) value(ref *openapi3.SchemaRef, depth int) any {
	if ref == nil || ref.Value == nil || depth > 5 || c.Float64() < 0.05 {
		return pick(c, []any{nil, true, 1, "x", []any{}, map[string]any{}, []any{nil}})
	}
	s := ref.Value
	switch {
	case len(s.Enum) > 0 && c.Float64() < 0.8:
		return pick(c, s.Enum)
	case len(s.OneOf) > 0:
		return c.value(pick(c, s.OneOf), depth)
	case len(s.AnyOf) > 0:
		return c.value(pick(c, s.AnyOf), depth)
	case s.Type.Permits("object") || len(s.Properties) > 0:
		out, share := map[string]any{}, c.Float64()
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if c.Float64() < share {
				out[name] = c.value(s.Properties[name], depth+1)
			}
		}
		return out
	case s.Type.Permits("array"):
		out := []any{}
		for range c.IntN(3) {
			out = append(out, c.value(s.Items, depth+1))
		}
		return out
	case s.Type.Permits("boolean"):
		return c.IntN(2) == 0
	case s.Type.Permits("integer"), s.Type.Permits("number"):
		return pick(c, numbers)
	}
	return pick(c, texts)
}

// body is one for an operation; "": it takes none.
func (c *chance) body(o *openapi3.Operation) string {
	if o.RequestBody == nil || o.RequestBody.Value.Content["application/json"] == nil {
		return ""
	}
	m := o.RequestBody.Value.Content["application/json"]
	v := c.value(m.Schema, 0)
	if example, ok := m.Example.(map[string]any); ok && c.Float64() < 0.6 && m.Schema.Value != nil {
		changed := maps.Clone(example)
		if properties := slices.Sorted(maps.Keys(m.Schema.Value.Properties)); len(properties) > 0 {
			for range c.IntN(4) {
				k := pick(c, properties)
				if changed[k] = c.value(m.Schema.Value.Properties[k], 1); c.IntN(5) == 0 {
					delete(changed, k)
				}
			}
		}
		v = changed
	}
	b, err := json.Marshal(v)
	if err != nil || c.Float64() < 0.02 {
		return pick(c, []string{"{", "[]", `"x"`, "\xff", `{"a":1}{"a":2}`, `{"hostname":"a","hostname":"b"}`})
	}
	return string(b)
}

// path is one of an operation's route.
func (c *chance) path(route string, o *openapi3.Operation) string {
	path, query := place.ReplaceAllStringFunc(route, func(string) string { return pick(c, names) }), url.Values{}
	for _, p := range o.Parameters {
		if p.Value.In == "query" && p.Value.Name != "wait" && c.Float64() < 0.3 {
			text, _ := json.Marshal(c.value(p.Value.Schema, 1))
			query.Set(p.Value.Name, strings.Trim(string(text), `"`))
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// TestNoRequestIsAFault: whatever a client sends is done, or refused in words; nothing is the node's fault, which a client would be told to try again.
func TestNoRequestIsAFault(t *testing.T) {
	t.Parallel()
	all := authn.Rate{PerSecond: 1e6, Burst: 1e6}
	h := open(t, func(d *edge.Deps) {
		d.Limits = edge.DefaultLimits
		d.Limits.Source, d.Limits.TokenSource, d.Limits.TokenClient, d.Limits.Refused = all, all, all, all
	})
	tok := h.token(h.admin)
	h.stock(tok)
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"bare"}`)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(h.json("", "GET", openapi.Path, 200, "").raw))
	if err != nil {
		t.Fatal(err)
	}
	type target struct {
		method, route string
		operation     *openapi3.Operation
	}
	var targets []target
	for _, route := range doc.Paths.InMatchingOrder() {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths.Value(route).Operations())) {
			if !strings.Contains(route, "revoke") && !strings.Contains(route, "backup") {
				targets = append(targets, target{method, route, doc.Paths.Value(route).GetOperation(method)})
			}
		}
	}
	answers := map[int]int{}
	for seed := range uint64(20) {
		c := &chance{rand.New(rand.NewPCG(seed, 1)), doc}
		for _, to := range targets {
			path, body := c.path(to.route, to.operation), c.body(to.operation)
			a := h.send(h.request(to.method, path, tok, "application/json", body))
			answers[a.status]++
			if a.status >= 500 || a.status >= 400 && len(a.body) == 0 {
				t.Errorf("seed %d: %s %.200s %.400s: %d %.300s", seed, to.method, path, body, a.status, a.raw)
			}
			if a.status == 401 {
				tok = h.token(h.admin)
			}
		}
	}
	if t.Logf("%v", answers); answers[200] < 100 || answers[201] == 0 || answers[400] < 100 {
		t.Error("too few requests came through, or were refused, to tell anything")
	}
}
