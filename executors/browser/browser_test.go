package browser_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/browser"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// canary is in every new secret.
const canary = "C4nary-"

// house is a site with a browser.
type house struct {
	*site
	executor browser.Executor
	template string
	target   model.Endpoint
}

func open(t *testing.T, connect browser.Connector) *house {
	s := serve(t)
	return &house{site: s, executor: browser.New(connect), template: browser.Catalogue()[0].Content, target: s.endpoint()}
}

func (h *house) session(a executortest.Account, fresh string) executors.Session {
	return executortest.Kit{Target: h.target, Values: map[mask.Name]string{"HOSTNAME": h.target.Hostname}}.Session(a, fresh)
}

// change runs the template once; no secret may show in error or transcript, whatever the page shows.
func (h *house) change(t *testing.T, a executortest.Account, fresh string, with func(*executors.Session)) (executors.Outcome, error) {
	t.Helper()
	p, err := executors.Compile(h.executor, model.TemplateChange, h.template)
	if err != nil {
		t.Fatal(err)
	}
	s, rec := h.session(a, fresh), executors.NewRecorder()
	s.Trace, s.Capture = rec, &executors.Capture{}
	if with != nil {
		with(&s)
	}
	outcome, err := p.Run(t.Context(), s)
	var f *executors.Failure
	if (err == nil) != (outcome == executors.Applied) || err != nil && !errors.As(err, &f) {
		t.Errorf("%s with %v", outcome, err)
	}
	shown := strings.Builder{}
	if err != nil {
		shown.WriteString(err.Error())
	}
	for _, st := range rec.Steps() {
		shown.WriteString(st.Text + st.Error + st.Matched)
	}
	said, n := s.Capture.Output()
	if outcome == executors.Applied && n == 0 {
		t.Error("what the page said was not captured")
	}
	_ = said.Reveal(func(b []byte) error { shown.Write(b); return nil })
	for _, v := range []string{a.Password, fresh} {
		if form := executortest.Leak(shown.String(), v); form != "" {
			t.Errorf("a secret shows as %s", form)
		}
	}
	return outcome, err
}

// verify logs in by the template.
func (h *house) verify(t *testing.T, a executortest.Account, password string) (bool, error) {
	t.Helper()
	p, err := h.executor.Compile(h.template)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := executors.VerifierOf(h.executor, p)
	return v.Verify(t.Context(), h.session(a, ""), secret.New([]byte(password)))
}

// TestForm changes a password with a real browser on a real HTTPS server, and proves it.
func TestForm(t *testing.T) {
	t.Parallel()
	h := open(t, launch(t))
	a, fresh := h.add(t), canary+`'"</script>\ $(x) %41 ação-日本 &`
	if outcome, err := h.change(t, a, fresh, nil); outcome != executors.Applied || !h.in(a.Name, fresh) {
		t.Fatalf("%s, %v", outcome, err)
	}
	if in, err := h.verify(t, a, fresh); !in || err != nil {
		t.Errorf("the new secret: %t, %v", in, err)
	}
	executortest.Ran(h.template)
}

// TestPathsOfTheLibrary: templates of the vendor's library name pages by their path, and tell where they are with tags.
func TestPathsOfTheLibrary(t *testing.T) {
	t.Parallel()
	h := open(t, launch(t))
	h.template = "timeout 600000\n" + strings.Replace(h.template, "set-location https://[#HOSTNAME#]/password\n", "test-location https://[#HOSTNAME#]/account\nset-location /password\nnew-action\ntest-location /password\n", 1)
	a, fresh := h.add(t), canary+"path-1"
	if outcome, err := h.change(t, a, fresh, nil); outcome != executors.Applied || !h.in(a.Name, fresh) {
		t.Errorf("%s, %v", outcome, err)
	}
	p, err := h.executor.Compile(h.template)
	if err != nil || !strings.Contains(strings.Join(p.Notices(), "\n"), "an attempt lasts 300000 milliseconds at most") {
		t.Errorf("%v, %v", p, err)
	}
	h.template = strings.Replace(h.template, "test-location /password", "test-location /[#USERNAME#]", 1)
	if outcome, err := h.change(t, h.add(t), fresh, func(s *executors.Session) { s.ReadTimeout = 5 * time.Second }); outcome != executors.NotStarted || err == nil || !strings.Contains(err.Error(), "[#USERNAME#]") {
		t.Errorf("somewhere else: %s, %v", outcome, err)
	}
}

// TestOutcomes: what may be claimed when something goes wrong, at each stage.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	connect := share(t)
	for _, c := range []struct {
		name   string
		set    func(h *house, s *executors.Session)
		fresh  string
		want   executors.Outcome
		class  executors.Class
		landed bool // the site has the new secret
	}{
		{"the site refuses the new secret", nil, "C4nary-"[:6], executors.Rejected, executors.ClassPolicy, false},
		{"the answer to the change is lost", func(h *house, _ *executors.Session) { h.hang = true }, canary + "x1", executors.Uncertain, executors.ClassNetwork, true},
		{"the field is too short", func(h *house, _ *executors.Session) { h.short = true }, canary + "x1", executors.NotStarted, executors.ClassTemplate, false},
		{"the login leads elsewhere", func(h *house, _ *executors.Session) { h.away = "https://other.example/login" }, canary + "x1", executors.NotStarted, executors.ClassRefused, false},
		{"the login leads to more than a page", func(h *house, _ *executors.Session) { h.away = "/flood" }, canary + "x1", executors.NotStarted, executors.ClassProtocol, false},
		{"the certificate is unknown", func(_ *house, s *executors.Session) { s.Target.CA = "" }, canary + "x1", executors.NotStarted, executors.ClassTLS, false},
		{"the lease is lost before the change is sent", func(_ *house, s *executors.Session) {
			s.Before = func(step string) error {
				if step == "click #change" {
					return errors.New("the lease is lost")
				}
				return nil
			}
		}, canary + "x1", executors.NotStarted, executors.ClassRefused, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, connect)
			a := h.add(t)
			outcome, err := h.change(t, a, c.fresh, func(s *executors.Session) {
				if c.set != nil {
					c.set(h, s)
				}
			})
			if outcome != c.want || executortest.ClassOf(err) != c.class || h.in(a.Name, c.fresh) != c.landed {
				t.Errorf("%s, %v; want %s, %s", outcome, err, c.want, c.class)
			}
			if want := c.want == executors.Rejected || c.want == executors.Uncertain; h.posts > 0 != want {
				t.Errorf("%d changes were sent", h.posts)
			}
			if c.landed {
				if in, err := h.verify(t, a, a.Password); in || err != nil {
					t.Errorf("the old secret: %t, %v", in, err)
				}
			}
		})
	}
}

// TestPlain: a site without TLS, which the device allows, is asked in the clear. Chromium tries TLS first unless it is told not to.
func TestPlain(t *testing.T) {
	t.Parallel()
	h := open(t, launch(t))
	plain := httptest.NewServer(h.server.Config.Handler)
	t.Cleanup(plain.Close)
	h.target = model.Endpoint{Hostname: h.target.Hostname, Address: "127.0.0.1", Port: target.PortOf(plain.Listener.Addr().String()), InsecureTLS: true}
	h.template = strings.ReplaceAll(h.template, "https:", "http:")
	a, fresh := h.add(t), canary+"plain-1"
	if outcome, err := h.change(t, a, fresh, nil); outcome != executors.Applied || !h.in(a.Name, fresh) {
		t.Errorf("%s, %v", outcome, err)
	}
}

// TestSilentSite: a site that says nothing is told with what was waited for, how long, and what may be done; before a secret was typed no
// login can have failed.
func TestSilentSite(t *testing.T) {
	t.Parallel()
	connect := share(t)
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	for name, c := range map[string]struct {
		words  string
		plain  bool
		from   string // the step from which on nobody is there
		spared bool
		class  executors.Class
		says   string
	}{
		"no TLS there":            {"", false, "connect", true, executors.ClassTLS, "does the target speak TLS at this port?"},
		"no answer":               {"", true, "connect", true, executors.ClassTimeout, "the target does not answer with a page within 5s; for slow pages: cofre automation set --read-timeout"},
		"none to the login":       {"", false, "click #login", false, executors.ClassTLS, "does the target speak TLS at this port?"},
		"no time for the attempt": {"timeout 600\n", true, "connect", true, executors.ClassTimeout, "the template did not end within 600ms: its word timeout says"},
	} {
		h := open(t, connect)
		a := h.add(t)
		if h.template = c.words + h.template; c.plain {
			h.template = strings.ReplaceAll(h.template, "https:", "http:")
		}
		outcome, err := h.change(t, a, canary+"x1", func(s *executors.Session) {
			var gone atomic.Bool
			s.Before = func(step string) error {
				if step == c.from {
					gone.Store(true)
				}
				return nil
			}
			s.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if gone.Load() {
					address = port.Addr().String()
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			s.ConnectTimeout, s.ReadTimeout, s.Target.InsecureTLS = time.Second, 5*time.Second, c.plain
		})
		if outcome != executors.NotStarted || executortest.ClassOf(err) != c.class || executors.IsSpared(err) != c.spared || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %s, spared %t, %v", name, outcome, executors.IsSpared(err), err)
		}
	}
}

// TestRefusedBeforeABrowser: values that no field takes, plain http, and a node without a browser.
func TestRefusedBeforeABrowser(t *testing.T) {
	t.Parallel()
	h := &house{site: serve(t), template: browser.Catalogue()[0].Content}
	h.target = h.endpoint()
	a := h.add(t)
	if outcome, err := h.change(t, a, canary+"x1", nil); outcome != executors.NotStarted || !strings.Contains(err.Error(), "this node has no browser") {
		t.Errorf("%s, %v", outcome, err)
	}
	h.executor = browser.New(launch(t))
	for _, fresh := range []string{"line\nbreak", "nul\x00", "not\xff-utf8", ""} {
		if outcome, err := h.change(t, a, fresh, nil); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTemplate {
			t.Errorf("%q: %s, %v", fresh, outcome, err)
		}
	}
	if in, err := browser.New(nil).Verify(t.Context(), h.session(a, ""), secret.New([]byte("x"))); in || err == nil {
		t.Errorf("no template, no login: %t, %v", in, err)
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	const start = "start-at https://[#IP#]/\n"
	for src, want := range map[string]string{
		"":                                    "line 1, column 1: expected start-at with a URL, and what to do on the page",
		"click #a":                            "line 1, column 1: expected start-at with a URL, and what to do on the page",
		start + start:                         "line 2, column 1: expected start-at once, before everything else, and set-location later",
		"start-at ftp://x":                    "line 1, column 1: expected a URL that begins with https:// or http://, with tags that are no secrets",
		"start-at https://x/[#NEW_PASSWORD#]": "line 1, column 1: expected a URL that begins with https:// or http://, with tags that are no secrets",
		"start-at https://a@[#IP#]/":          "line 1, column 1: expected a URL that begins with https:// or http://, with tags that are no secrets",
		start + "fill [#NEW_PASSWORD#]":       "line 2, column 1: expected fill selector value, without tags in the selector",
		start + "jscript f('[#PASSWORD#]')":   "line 2, column 1: a tag can stand in a URL and in what is filled in only: everything else is script or log",
		start + "log [#NEW_PASSWORD#]":        "line 2, column 1: a tag can stand in a URL and in what is filled in only: everything else is script or log",
		start + "fill a [#NEW_PASSWORD#]\nlogged-in b": "line 3, column 1: expected logged-in once, before the new secret is filled in",
		start + "sleep 99999":                          "line 2, column 1: expected sleep with milliseconds, at most 60000",
		"timeout soon":                                 "line 1, column 1: expected timeout with milliseconds",
		start + "test-location":                        "line 2, column 1: expected test-location with a part of a URL",
		start + "test-location /[#NEW_PASSWORD#]":      "line 2, column 1: expected a part of a URL, with tags that are no secrets",
		start + "offset 1":                             "line 2, column 1: expected offset x y",
		start + "prop a b":                             "line 2, column 1: expected prop selector property value",
	} {
		if _, err := browser.New(nil).Compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", src, err, want)
		}
	}
	if _, err := browser.New(nil).Compile(start + "hover a"); err == nil || !strings.HasPrefix(err.Error(), "line 2, column 1: unknown word hover; expected start-at, timeout") {
		t.Errorf("%v", err)
	}
	p, err := browser.New(nil).Compile("user-agent Mozilla/5.0 (X11)\n" + start + "fill input[id=\"username\"] \"x [#USERNAME#]\"\nclick input[type=\"submit\"]\ntest-location /[#\njscript $('a:contains(\"b\")')")
	if err != nil || len(p.Notices()) != 1 || len(p.Masks()) != 2 {
		t.Errorf("%v, %v", p, err)
	}
}
