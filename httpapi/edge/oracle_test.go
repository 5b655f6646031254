package edge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cofre/httpapi/examples"
	"cofre/httpapi/route"
)

// without are authorizations to whom nothing at a route is offered; each lacks the one thing that it asks for.
var without = []string{"module", "rights", "write"}

// TestExistenceIsNotTold sends every request of the examples as others that lack a module, a right or write, once as it is and
// once for each name in it with one that does not exist: who is refused gets the same refusal, whether the thing is there or not.
func TestExistenceIsNotTold(t *testing.T) {
	t.Parallel()
	for _, who := range without {
		for _, script := range scripts(t) {
			t.Run(script.Name+" without "+who, func(t *testing.T) {
				t.Parallel()
				asked := map[string]bool{}
				p := newPlayer(t)
				p.json(p.tokens["admin"], "POST", "/api/v1/applications", 201, `{"name":"others"}`)
				a := p.json(p.tokens["admin"], "POST", "/api/v1/applications/others/authorizations", 201, others[who])
				tok := p.token(keys{a.text("client_id"), a.text("client_secret")})
				for i := range script.Steps {
					step := &script.Steps[i]
					p.around = func(r *route.Route, before bool, send func(string) answer) {
						if before != (r.Method == "GET" || r.Method == "POST") { // of what is there
							p.oracle(r, step, tok, send(tok), asked)
						}
					}
					p.play(step)
				}
			})
		}
	}
}

// oracle sends a refused request again with names that nothing has.
func (p *player) oracle(r *route.Route, s *examples.Step, tok string, refused answer, asked map[string]bool) {
	p.t.Helper()
	if refused.status != http.StatusForbidden || refused.at("code") == 1009. || strings.HasPrefix(reason(refused), "1009") {
		return // or what is refused is what the caller sees, and another's
	}
	body, path := p.fill(s.Body), p.fill(s.Path)
	for _, other := range unknown(r, path, body) {
		kind := s.Options["media"]
		if kind == "" && strings.HasPrefix(body, "{") {
			kind = "application/json"
		}
		a := p.send(p.request(s.Method, other.path, tok, kind, other.body))
		if a.status < 300 || a.status == refused.status && reason(a) == reason(refused) {
			continue
		}
		if key := r.Method + " " + r.Path + " " + other.field; !asked[key] {
			asked[key] = true
			p.t.Errorf("%s: %s\nbut of what is there: %s", key, a.raw, refused.raw)
		}
	}
}

// reason is what an answer tells a client, in either dialect.
func reason(a answer) string {
	return fmt.Sprint(a.text("detail"), a.at("code"), a.text("field"), a.text("exception.message"))
}

type otherRequest struct{ field, path, body string }

// unknown makes variants of a request in which one name is one that nothing has.
func unknown(r *route.Route, path, body string) []otherRequest {
	var all []otherRequest
	bare, query, _ := strings.Cut(path, "?")
	parts := strings.Split(bare, "/")
	for i, declared := range strings.Split(r.Path, "/") {
		if strings.HasPrefix(declared, "{") {
			other := append([]string(nil), parts...)
			other[i] = unknownName(parts[i])
			all = append(all, otherRequest{declared, strings.Join(other, "/") + "?" + query, body})
		}
	}
	var fields map[string]any
	if json.Unmarshal([]byte(body), &fields) != nil {
		return all
	}
	var walk func(at string, v any, set func(any))
	walk = func(at string, v any, set func(any)) {
		switch v := v.(type) {
		case string:
			set(unknownName(v))
			b, _ := json.Marshal(fields)
			all = append(all, otherRequest{at, path, string(b)})
			set(v)
		case map[string]any:
			for k := range v {
				walk(at+"."+k, v[k], func(n any) { v[k] = n })
			}
		case []any:
			for i := range v {
				walk(at+"[]", v[i], func(n any) { v[i] = n })
			}
		}
	}
	for k := range fields {
		walk(k, fields[k], func(n any) { fields[k] = n })
	}
	return all
}

func unknownName(name string) string {
	if strings.Trim(name, "0123456789") == "" {
		return "987654"
	}
	return "unknown-one"
}

// What becomes of each of many operations tells as little.
func TestBulkTellsNoExistence(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	for _, who := range without {
		tok := h.token(h.authorize(admin, who, others[who]))
		for _, action := range []string{"change", "verify"} {
			a := h.json(tok, "POST", "/api/v1/operations/bulk", 200, `{"action":"`+action+`","credentials":["web1-root","unknown-one"]}`)
			if there, not := a.text("items.0.error"), a.text("items.1.error"); there == "" || there != not {
				t.Errorf("%s without %s: %q, of what is not there %q", action, who, there, not)
			}
		}
	}
}
