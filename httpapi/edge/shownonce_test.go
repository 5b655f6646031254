package edge_test

import (
	"net/http"
	"strings"
	"testing"

	"cofre/httpapi/examples"
)

// issued are the fields in which Cofre shows what it made for a client to use.
var issued = []string{"client_secret", "consumer_secret", "token_secret", "secret_access_key", "signature"}

// TestIssuedKeysAreShownOnce plays the examples: what an answer issues, no other answer shows, neither log nor trail hold it, and
// asking the same again gives something else.
func TestIssuedKeysAreShownOnce(t *testing.T) {
	t.Parallel()
	routes := map[string]bool{}
	for _, script := range scripts(t) {
		p := newPlayer(t)
		var answers []answer
		keys := map[string]int{} // to the answer that issued them
		p.deliver = func(s *examples.Step, request func() *http.Request) answer {
			a := p.send(request())
			if a.status >= 300 || strings.Contains(s.Path, "encryption") {
				return a
			}
			for _, field := range issued {
				if v := a.text(field); v != "" {
					if first, known := keys[v]; known {
						t.Errorf("%s %s shows the %s of %s again", s.Method, s.Path, field, answers[first].raw)
					}
					keys[v] = len(answers)
					r := routeOf(s.Method, s.Path)
					routes[r.Method+" "+r.Path+" "+field] = true
				}
			}
			answers = append(answers, a)
			return a
		}
		for i := range script.Steps {
			p.play(&script.Steps[i])
		}
		trail := p.json(p.tokens["admin"], "GET", "/api/v1/audit?limit=1000", 200, "").raw
		for key, first := range keys {
			for i, a := range answers {
				if i != first && strings.Contains(a.raw, key) {
					t.Errorf("shown again: %s", a.raw)
				}
			}
			if strings.Contains(trail, key) || strings.Contains(p.logs.String(), key) {
				t.Error("the trail or the log holds a key that was issued")
			}
		}
	}
	for _, want := range []string{
		"POST /api/v1/applications/{application}/authorizations client_secret", "POST /api/v1/applications/{application}/authorizations/{name}/rekey client_secret",
		"POST /api/v1/applications/{application}/authorizations/{name}/oauth1 consumer_secret", "POST /api/v1/applications/{application}/authorizations/{name}/oauth1 token_secret",
		"POST /api/v1/applications/{application}/authorizations/{name}/aws secret_access_key", "POST /iso/dapp/application signature",
	} {
		if !routes[want] {
			t.Errorf("the examples do not ask for %s", want)
		}
		delete(routes, want)
	}
	for name := range routes {
		t.Errorf("%s issues a key that this test does not know", name)
	}
}
