package edge_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/httpapi/edge"
	"cofre/httpapi/examples"
	"cofre/httpapi/route"
	"cofre/vault/access"
	"cofre/vault/secret"
)

// player plays a script of httpapi/examples against a house.
type player struct {
	*house
	vars    map[string]string
	tokens  map[string]string
	plain   plainer
	request func(method, path, token, contentType, body string) *http.Request // how a step is sent
	deliver func(s *examples.Step, request func() *http.Request) answer       // nil: it is sent
	told    uint64                                                            // the last event that denials saw
	around  func(r *route.Route, before bool, send func(token string) answer) // others send the same before and after the step; nil: nobody
}

// TestExamples plays every script: each answer is the one of the API reference, and every route has one that succeeded.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, s := range scripts(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			p := newPlayer(t)
			for i := range s.Steps {
				s.Steps[i].Answer = p.play(&s.Steps[i])
			}
			var out []string
			for _, step := range s.Steps {
				text := step.Request()
				if step.Answer != "" {
					text += "\n----\n" + step.Answer
				}
				out = append(out, text)
			}
			file := "../examples/" + s.Name + ".txt"
			got := strings.Join(out, "\n\n") + "\n"
			if flag.Lookup("rewrite").Value.String() == "true" { // the flag is fsmtest's
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("answers changed (-want +got; -rewrite accepts):\n%s", diff)
			}
		})
	}
	routes := declared(edge.Routes())
	found := examples.For(scripts(t), routes)
	for _, r := range routes {
		if found[r] == nil {
			t.Errorf("%s %s has no example that succeeds", r.Method, r.Path)
		}
	}
}

// TestOtherPaths plays the scripts below the other prefix, in another case of letters, by the aliases and with forms instead
// of JSON: the answers are the same, but for switches and dates.
func TestOtherPaths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		for _, s := range scripts(t) {
			t.Run(fmt.Sprint(s.Name, n), func(t *testing.T) {
				t.Parallel()
				p := newPlayer(t)
				p.request = func(method, path, token, contentType, body string) *http.Request {
					if r := routeOf(method, path); r != nil {
						path = otherPath(r, path, n)
						if f := asForm(body); f != "" && strings.HasPrefix(r.Path, "/iso/") {
							body, contentType = f, formType
						}
					}
					return p.house.request(method, path, token, contentType, body)
				}
				for _, step := range s.Steps {
					step.Answer = switches.ReplaceAllStringFunc(step.Answer, func(s string) string {
						return strings.NewReplacer(`"0"`, "false", `"1"`, "true").Replace(s)
					})
					step.Answer = dates.ReplaceAllString(step.Answer, `"$3-$1-${2}T${4}Z"`)
					if diff := cmp.Diff(step.Answer, p.play(&step)); diff != "" {
						t.Errorf("%s %s (-want +got):\n%s", step.Method, step.Path, diff)
					}
				}
			})
		}
	}
}

func scripts(t *testing.T) []examples.Script {
	t.Helper()
	all, err := examples.Read(os.DirFS("../examples"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func newPlayer(t *testing.T) *player {
	_, aws := newSTSDouble(t)
	p := &player{house: open(t, func(d *edge.Deps) { d.STS = aws }), vars: map[string]string{}, plain: plainer{seen: map[string]string{}}}
	p.request = p.house.request
	p.vars["id"], p.vars["secret"], p.vars["private_key"] = p.admin.id, p.admin.secret, strings.Trim(privateKey, `"`)
	p.vars["tomorrow"] = time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	p.vars["env"] = oddBase64("API_KEY=k-1\nHOME=/root")
	p.vars["map"] = oddBase64(`{"key_value":[{"name":"TOKENS","fields":["API_KEY"]}]}`)
	p.tokens = map[string]string{"nobody": "", "admin": p.token(p.admin)}
	return p
}

func (p *player) play(s *examples.Step) string {
	p.t.Helper()
	if s.Verb != "" {
		p.verb(strings.Fields(s.Verb))
		return ""
	}
	if s.Method == "" {
		return ""
	}
	who, kind := s.Options["as"], s.Options["media"]
	if who == "" {
		who = "admin"
	}
	body, path := p.fill(s.Body), p.fill(s.Path)
	if kind == "" && body != "" {
		kind = "application/json"
		if !strings.HasPrefix(body, "{") {
			kind = formType
		}
	}
	token, ok := p.tokens[who]
	if !ok {
		p.t.Fatalf("nobody is called %s", who)
	}
	others := func(before bool) {
		if r := routeOf(s.Method, s.Path); p.around != nil && r.Auth == route.Authenticated {
			p.around(r, before, func(token string) answer { return p.send(p.request(s.Method, path, token, kind, body)) })
		}
	}
	others(true)
	request := func() *http.Request { return p.request(s.Method, path, token, kind, body) }
	a := answer{}
	if p.deliver != nil {
		a = p.deliver(s, request)
	} else {
		a = p.send(request())
	}
	others(false)
	for _, save := range strings.Split(s.Options["save"], ",") {
		if name, at, ok := strings.Cut(save, ":"); ok {
			p.vars[name] = fmt.Sprint(a.at(at))
		}
	}
	if who := s.Options["login"]; who != "" {
		p.tokens[who] = p.token(keys{a.text("client_id"), a.text("client_secret")})
	}
	if a.status >= 500 && a.status != 503 {
		p.t.Errorf("%s %s: %s\n%s", s.Method, path, a.raw, p.failures())
	}
	if s.Options["brief"] != "" {
		return strconv.Itoa(a.status) + "\n..."
	}
	return strconv.Itoa(a.status) + "\n" + p.plain.text(a.raw)
}

// fill puts what earlier answers gave in the place of $name.
func (p *player) fill(s string) string {
	return variable.ReplaceAllStringFunc(s, func(v string) string {
		value, ok := p.vars[v[1:]]
		if !ok {
			p.t.Fatalf("%s has no value", v)
		}
		return value
	})
}

// switches, and the dates of encryption keys, are written in another way below /api.
var (
	switches = regexp.MustCompile(`"(automatic_change|enabled)": "[01]"`)
	dates    = regexp.MustCompile(`"(\d\d)/(\d\d)/(\d{4}) ([0-9:]{8})"`)
)

var variable = regexp.MustCompile(`\$[a-z_0-9]+`)

// verb plays what happens beside the API.
func (p *player) verb(words []string) {
	p.t.Helper()
	arg := func(i int) string { return words[i] }
	switch words[0] {
	case "!node": // a node that runs operations
		propose(p.house, fsmnode.Announce, fsmnode.AnnounceArgs{Announced: model.Announcement{Slots: 2, Version: "test", Level: 1}})
	case "!user": // the next dynamic user is made while the step behind this one waits for it
		n, _ := strconv.ParseUint(arg(1), 10, 64)
		go func() { p.create(p.await(n-1), "Made-1-by-the-node") }()
	case "!created":
		p.create(arg(1), "Made-1-by-the-node")
	case "!failed": // an attempt of an operation, which did not reach its target
		v := p.fsm.View()
		n, _ := strconv.ParseUint(arg(1), 10, 64)
		o, _ := state.Operations.First(v, "number", table.NumberKey(n))
		v.Close()
		token := propose(p.house, operation.Grant, operation.GrantArgs{Operation: o.ID, Node: "n1"}).Token
		const row, said = "000000000000000000000000000000cc", "\x1b[1mweb1\x1b[0m: shutting down\r\n"
		sealed, err := p.holder.Encrypt(access.Place(row), secret.New([]byte(said)))
		if err != nil {
			p.t.Fatal(err)
		}
		propose(p.house, operation.Finish, operation.FinishArgs{Operation: o.ID, Token: token, Outcome: model.OutcomeNotStarted, Class: "network", Message: "no route", Captured: &operation.Captured{Row: row, Output: sealed, Bytes: len(said)}, Attempt: model.Attempt{
			Template: o.Template, TemplateVersion: 1, Steps: []model.Step{{At: 5, Line: 1, Text: "exec [#NEW_PASSWORD#]", Sent: 3, Error: "the connection was lost"}},
		}})
	case "!aws": // a role of AWS signs for an authorization
		for k, v := range proof(p.t, webRole, p.fill(arg(1)), "cluster1", frankfurt, time.Now()) {
			p.vars["aws_"+k] = v[0]
		}
	case "!template": // which changes SSH keys
		p.json(p.tokens["admin"], "POST", "/api/v1/templates", 200, `{"name":"SSH key (authorized_keys)","executor":"ssh-key","content":"authorized-keys \".ssh/authorized_keys\""}`)
	case "!orphan": // the search finds an account without an owner
		var o *model.Operation
		v := p.fsm.View()
		for row := range state.Operations.All(v, "") {
			if row.Kind == model.SearchOrphans {
				o = row
			}
		}
		v.Close()
		token := propose(p.house, operation.Grant, operation.GrantArgs{Operation: o.ID, Node: "n1"}).Token
		propose(p.house, operation.Begin, operation.BeginArgs{Operation: o.ID, Token: token})
		propose(p.house, dynamic.ReportOrphans, dynamic.ReportArgs{Operation: o.ID, Token: token, Names: []string{"app_250101000000_deadbeef"}})
		propose(p.house, operation.Finish, operation.FinishArgs{Operation: o.ID, Token: token, Outcome: model.OutcomeApplied})
	default:
		p.t.Fatalf("%v is no verb", words)
	}
}

// allRoutes is made once: the document of the API is a part of it.
var allRoutes = sync.OnceValue(edge.Routes)

// routeOf finds the route of a request.
func routeOf(method, path string) *route.Route {
	step := examples.Step{Method: method, Path: path}
	all := allRoutes()
	found, _ := step.Of(declared(all))
	for i := range all {
		if all[i].Method == found.Method && all[i].Path == found.Path {
			return &all[i]
		}
	}
	return nil
}

func declared(routes []route.Route) []examples.Route {
	var all []examples.Route
	for _, r := range routes {
		all = append(all, examples.Route{Method: r.Method, Path: r.Path})
	}
	return all
}

// otherPath is the n-th other path of a route, its fixed parts in capitals.
func otherPath(r *route.Route, path string, n int) string {
	paths := r.Paths()
	declared := strings.Split(paths[n%len(paths)], "/")
	path, query, asked := strings.Cut(path, "?")
	var values []string
	for i, part := range strings.Split(r.Path, "/") {
		if strings.HasPrefix(part, "{") {
			values = append(values, strings.Split(path, "/")[i])
		}
	}
	for i, part := range declared {
		switch {
		case strings.HasPrefix(part, "{"):
			declared[i], values = values[0], values[1:]
		default:
			declared[i] = strings.ToUpper(part)
		}
	}
	if path = strings.Join(declared, "/"); asked {
		path += "?" + query
	}
	return path
}

// asForm writes a JSON body as a form, as PHP does; "" if it holds what a form cannot say: null, or nothing in a list or object.
func asForm(body string) string {
	var fields []string
	if !formField(&fields, body, "", decoded(body)) {
		return ""
	}
	return strings.Join(fields, "&")
}

// formField adds a value to the fields of a form, members in the order in which the body has them.
func formField(fields *[]string, body, name string, v any) bool {
	inner := func(k string) string {
		if name == "" {
			return k
		}
		return name + "[" + k + "]"
	}
	switch v := v.(type) {
	case string, float64, bool:
		*fields = append(*fields, url.QueryEscape(name)+"="+url.QueryEscape(fmt.Sprint(v)))
		return true
	case []any:
		for i, x := range v {
			if !formField(fields, body, inner(strconv.Itoa(i)), x) {
				return false
			}
		}
		return len(v) > 0
	case map[string]any:
		place := func(k string) int { return strings.Index(body, strconv.Quote(k)) }
		for _, k := range slices.SortedFunc(maps.Keys(v), func(a, b string) int { return place(a) - place(b) }) {
			if !formField(fields, body, inner(k), v[k]) {
				return false
			}
		}
		return len(v) > 0
	}
	return false
}

// oddBase64 is the alphabet of the vendor's pipeline client.
func oddBase64(s string) string {
	return strings.NewReplacer("+", "-", "/", "_", "=", ",").Replace(base64.StdEncoding.EncodeToString([]byte(s)))
}
