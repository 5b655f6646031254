package edge_test

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"cofre/fsm/model"
	"cofre/httpapi/edge"
	"cofre/httpapi/examples"
)

// conditional reads with If-None-Match and gives status, tag and length of the body.
func (h *house) conditional(token, path, known string) (status int, tag string, length int) {
	h.t.Helper()
	r := h.request("GET", path, token, "", "")
	if known != "" {
		r.Header.Set("If-None-Match", known)
	}
	res, err := h.server.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("ETag"), len(raw)
}

// What a client has already is neither read nor shown again; everything that changes what it would see is, at once.
func TestDsmConditionalReads(t *testing.T) {
	t.Parallel()
	var counted atomic.Int32
	h := open(t, func(d *edge.Deps) { d.CountUnchanged = func(model.AuthorizationID, string) { counted.Add(1) } })
	admin := h.token(h.admin)
	h.stock(admin)
	tok := h.token(h.authorize(admin, "billing", dsmClient))
	other := h.token(h.authorize(admin, "shop", dsmClient))
	h.json(tok, "POST", "/iso/sctm/secret", 201, `{"identity":"db","data":{"credentials":[{"credential":{"fields":{"user":"root","host":"web1"}}}],"key_value":[{"A":"1"}]}}`)
	h.json(tok, "POST", "/iso/sctm/secret", 201, `{"identity":"second","data":{"B":"1"}}`)

	paths := []string{"/iso/dapp/application", "/api/sctm/secret", "/api/dsm/secret/db", "/api/v1/secrets/db/data"}
	tags := map[string]string{}
	for _, p := range paths {
		status, tag, _ := h.conditional(tok, p, `"never-seen", W/"nor this"`)
		if status != http.StatusOK || tag == "" {
			t.Fatalf("%s: %d, tag %q", p, status, tag)
		}
		tags[p] = tag
	}
	reads := h.events(admin, "dsm.read")
	for i, p := range paths {
		known := tags[p]
		if i == 1 {
			known = `"x", W/` + known // a proxy makes tags weak
		}
		if status, tag, n := h.conditional(tok, p, known); status != http.StatusNotModified || tag != tags[p] || n != 0 {
			t.Errorf("%s: %d, tag %s of %s, %d bytes", p, status, tag, tags[p], n)
		}
	}
	if n := h.events(admin, "dsm.read"); n != reads || counted.Load() != int32(len(paths)) {
		t.Errorf("reads that showed nothing: %d events, %d counted", n-reads, counted.Load())
	}
	// The tag of another authorization is worth nothing, nor is "*".
	for _, known := range []string{tags[paths[0]], "*", `""`, `"`} {
		if status, _, _ := h.conditional(other, paths[0], known); status != http.StatusOK {
			t.Errorf("another authorization got %d for %s", status, known)
		}
	}

	// Also where both see the same, here nothing.
	one, two := h.token(h.authorize(admin, "empty", dsmClient)), h.token(h.authorize(admin, "void", dsmClient))
	if _, tag, _ := h.conditional(one, "/iso/sctm/secret", ""); tag == "" {
		t.Error("no tag of an empty list")
	} else if status, mine, _ := h.conditional(two, "/iso/sctm/secret", tag); status != http.StatusOK || mine == tag {
		t.Errorf("another authorization got %d, tag %s of %s", status, mine, tag)
	}

	changes := []struct {
		name string
		do   func()
		seen []string
	}{
		{"a value", func() { h.json(tok, "POST", "/iso/sctm/secret", 201, `{"identity":"second","data":{"B":"2"}}`) }, paths[:2]},
		{"the account's password", func() {
			h.json(admin, "POST", "/iso/pam/credential", 201, `{"identifier":"web1-root","username":"root","hostname":"web1","content":"another"}`)
		}, paths},
		{"the account's additional information", func() { h.json(admin, "PUT", "/iso/pam/credential/web1-root", 200, `{"additional":"db=main"}`) }, paths},
		{"the device's address", func() { h.json(admin, "PUT", "/api/v1/devices/web1", 200, `{"ip":"192.0.2.77"}`) }, paths},
		{"a description", func() { h.json(tok, "PUT", "/api/v1/secrets/db", 200, `{"description":"new"}`) }, paths},
		{"a disabled secret", func() { h.json(tok, "PUT", "/api/v1/secrets/second/status", 200, `{"enabled":false}`) }, paths[:2]},
		{"the authorization", func() {
			h.json(admin, "PUT", "/api/v1/applications/billing/authorizations/prod", 200, `{"filter":{"tags":["prod","linux"]}}`)
		}, paths},
		{"the application", func() { h.json(admin, "PUT", "/api/v1/applications/billing", 200, `{"description":"new"}`) }, paths},
	}
	for _, c := range changes {
		for _, p := range paths {
			_, tags[p], _ = h.conditional(tok, p, "")
		}
		c.do()
		for i, p := range paths {
			want := http.StatusNotModified
			for _, s := range c.seen {
				if s == p {
					want = http.StatusOK
				}
			}
			if status, tag, _ := h.conditional(tok, p, tags[p]); status != want || (status == http.StatusOK) == (tag == tags[p]) {
				t.Errorf("after %s changed, %s: %d instead of %d (%d)", c.name, p, status, want, i)
			}
		}
	}

	// Whoever lost the right learns nothing, not even that nothing has changed.
	_, tag, _ := h.conditional(tok, paths[0], "")
	h.json(admin, "POST", "/api/v1/applications/billing/authorizations/prod/revoke", 200, "")
	if status, shown, _ := h.conditional(tok, paths[0], tag); status != http.StatusUnauthorized || shown != "" {
		t.Errorf("a revoked token got %d", status)
	}
}

// TestTagsOpenNothing: a reading that is known already is refused like every other where the authorization does not allow it: from another
// address, without its referrer, and through a module that it has not.
func TestTagsOpenNothing(t *testing.T) {
	t.Parallel()
	h := open(t, func(d *edge.Deps) { d.TrustedProxies = []string{"127.0.0.0/8"} })
	admin := h.token(h.admin)
	k := h.authorize(admin, "billing", strings.Replace(strings.Replace(dsmClient, `"write":true`, `"write":true,"ips":["198.51.100.1"],"referrers":["portal"]`, 1), `"Application",`, "", 1))
	const here, portal = "198.51.100.1", "https://portal/"
	from := func(source, referrer string, r *http.Request) *http.Request {
		r.Header.Set("X-Forwarded-For", source)
		r.Header.Set("Referer", referrer)
		return r
	}
	tok := h.send(from(here, portal, h.request("POST", "/iso/oauth2/token", "", formType, "grant_type=client_credentials&client_id="+k.id+"&client_secret="+k.secret))).text("access_token")
	h.want(h.send(from(here, portal, h.request("POST", "/iso/sctm/secret", tok, "application/json", `{"identity":"db","data":{"A":"1"}}`))), 201)
	read := func(path, source, referrer, known string) (int, string) {
		r := from(source, referrer, h.request("GET", path, tok, "", ""))
		r.Header.Set("If-None-Match", known)
		res, err := h.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode, res.Header.Get("ETag")
	}
	for _, path := range []string{"/iso/sctm/secret", "/api/dsm/secret/db", "/api/v1/secrets/db/data"} {
		_, tag := read(path, here, portal, "")
		for _, c := range []struct {
			path, source, referrer string
			status                 int
			tag                    string
		}{{path, here, portal, 304, tag}, {path, "198.51.100.2", portal, 403, ""}, {path, here, "https://elsewhere/", 403, ""}, {"/iso/dapp/application", here, portal, 403, ""}} {
			if status, shown := read(c.path, c.source, c.referrer, tag); status != c.status || shown != c.tag {
				t.Errorf("%s from %s, %s, with the tag of %s: %d, %s", c.path, c.source, c.referrer, path, status, shown)
			}
		}
	}
}

// TestEveryTagIsKnownAgain plays the examples: a route that gives an entity tag answers 304 without a body to who sends it back,
// and these are the routes that do.
func TestEveryTagIsKnownAgain(t *testing.T) {
	t.Parallel()
	tagged := map[string]bool{}
	for _, script := range scripts(t) {
		p := newPlayer(t)
		p.deliver = func(s *examples.Step, request func() *http.Request) answer {
			a, r := p.send(request()), routeOf(s.Method, s.Path)
			tag := a.header.Get("ETag")
			if tag == "" || r == nil {
				return a
			}
			tagged[r.Method+" "+r.Path] = true
			again := request()
			again.Header.Set("If-None-Match", `"another", W/`+tag)
			res, err := p.server.Client().Do(again)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if raw, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusNotModified || len(raw) != 0 || res.Header.Get("ETag") != tag {
				t.Errorf("%s %s: %d, tag %s of %s, %d bytes", s.Method, s.Path, res.StatusCode, res.Header.Get("ETag"), tag, len(raw))
			}
			return a
		}
		for i := range script.Steps {
			p.play(&script.Steps[i])
		}
	}
	want := []string{"GET /api/dsm/secret/{identifier}", "GET /api/v1/secrets/{name}/data", "GET /api/v2/pam/credentials", "GET /api/v2/pam/credentials/{id}", "GET /iso/dapp/application", "GET /iso/sctm/secret"}
	if got := slices.Sorted(maps.Keys(tagged)); !slices.Equal(got, want) {
		t.Errorf("tags are given by %q", got)
	}
}
