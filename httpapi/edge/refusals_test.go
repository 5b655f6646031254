package edge_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/table"
	"cofre/httpapi/examples"
	"cofre/httpapi/route"
)

// others are authorizations that each lack one thing.
var others = map[string]string{
	"module": `{"name":"module","modules":["A2A"],"write":true,"rights":["secret.read","credential.write","operation.run","route.write"],"filter":{"all":true}}`,
	"rights": `{"name":"rights","modules":` + jsonOf(model.Modules) + `,"write":true,"rights":[],"filter":{"all":true}}`,
	"write":  `{"name":"write","modules":` + jsonOf(model.Modules) + `,"write":false,"rights":` + jsonOf(model.Rights) + `,"filter":{"all":true}}`,
	"filter": `{"name":"filter","modules":` + jsonOf(model.Modules) + `,"write":true,"rights":` + jsonOf(model.Rights) + `,"filter":{"tags":["foreign"]}}`,
}

// TestRefusals sends every request of the examples as others that lack one thing each, and compares what they get with a
// table that people have read. Nobody without a token gets anything, no refusal shows a secret, and each leaves a trace.
func TestRefusals(t *testing.T) {
	t.Parallel()
	table, mu := map[string]map[string][]string{}, sync.Mutex{}
	t.Run("others", func(t *testing.T) {
		for who, lacks := range others {
			for _, script := range scripts(t) {
				t.Run(script.Name+" without "+who, func(t *testing.T) {
					t.Parallel()
					for name, got := range refusals(t, &script, lacks) {
						mu.Lock()
						if table[name] == nil {
							table[name] = map[string][]string{}
						}
						table[name][who] = append(table[name][who], got...)
						mu.Unlock()
					}
				})
			}
		}
	})
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(table)) {
		fmt.Fprintf(&out, "%s\n", name)
		for _, who := range slices.Sorted(maps.Keys(others)) {
			got := table[name][who]
			slices.Sort(got)
			fmt.Fprintf(&out, "    without %s: %s\n", who, strings.Join(slices.Compact(got), ", "))
		}
	}
	golden(t, "testdata/refusals.txt", "who gets what changed", out.String())
}

// refusals plays a script and tells what an authorization got at each route that sent the same requests.
func refusals(t *testing.T, script *examples.Script, authorization string) map[string][]string {
	p := newPlayer(t)
	p.json(p.tokens["admin"], "POST", "/api/v1/applications", 201, `{"name":"others"}`)
	a := p.json(p.tokens["admin"], "POST", "/api/v1/applications/others/authorizations", 201, authorization)
	tok := p.token(keys{a.text("client_id"), a.text("client_secret")})
	got := map[string][]string{}
	p.around = func(r *route.Route, before bool, send func(string) answer) {
		name := r.Method + " " + r.Path
		if before {
			if a := send("no-token"); a.status != 401 {
				t.Errorf("%s without a token: %d %s", name, a.status, a.raw)
			}
		}
		// What is not there yet is found by nobody, so others come after what makes it, and before what takes it away.
		if before != (r.Method == "GET" || r.Method == "POST") {
			got[name] = append(got[name], p.refused(name, tok, send))
		}
	}
	for i := range script.Steps {
		p.play(&script.Steps[i])
	}
	return got
}

// refused sends a request and tells what came of it; a refusal for want of a right leaves a trace and no answer holds a secret.
func (p *player) refused(name, tok string, send func(string) answer) string {
	p.denials()
	notes := p.noted()
	a := send(tok)
	code, _, numbered := strings.Cut(a.text("exception.message"), ": ") // of the vendor's dialect
	if n, ok := a.at("code").(float64); ok && a.at("exception") == nil && a.status >= 400 {
		code, numbered = fmt.Sprint(n), true
	}
	got := fmt.Sprint(a.status)
	if numbered && len(code) == 4 {
		got += " " + code
	}
	if denied := a.status == 401 || a.status == 403 || strings.HasSuffix(got, "1009"); denied && p.noted() == notes && p.denials() == 0 {
		p.t.Errorf("%s: refused without a trace: %s", name, a.raw)
	}
	if a.status >= 400 && (strings.Contains(a.raw, "s3cret") || strings.Contains(a.raw, "PRIVATE")) {
		p.t.Errorf("%s: the refusal shows a secret: %s", name, a.raw)
	}
	return got
}

// denials counts the refused commands in the trail since it was asked before.
func (p *player) denials() (n int) {
	v := p.fsm.View()
	defer v.Close()
	for e := range table.Audit.All(v, table.NumberKey(p.told+1)) {
		if p.told = e.Seq; e.Kind == "command.denied" {
			n++
		}
	}
	return n
}
