package route

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

func sample(method, path string, h Handler) Route {
	return Route{Method: method, Path: path, Auth: Public, Dialect: compat.Vendor, Event: NoEvent, Doc: Doc{Tag: "t", Summary: "s"}, Handle: h}
}

func echo(_ context.Context, r *Request) (compat.Reply, error) {
	return compat.OK("ok", compat.Member{Name: "path", Value: r.HTTP.URL.Path}, compat.Member{Name: "id", Value: r.Param("id")}), nil
}

func options(log io.Writer) Options {
	l := logrus.New()
	l.SetOutput(log)
	return Options{
		Node: func() model.NodeID { return "n1" }, Source: func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.1") },
		Admit: func(netip.Addr, time.Time) error { return nil }, Ready: func() error { return nil },
		Authenticate: func(*http.Request, model.Origin, time.Time, int64) (model.Actor, error) { return model.Actor{}, nil },
		Fresh:        func(context.Context) error { return nil }, Concurrent: 1, Logger: l,
	}
}

func TestMountRefusesForgottenDecisions(t *testing.T) {
	t.Parallel()
	good := sample("GET", "/iso/a", echo)
	for name, change := range map[string]func(*Route){
		"authentication": func(r *Route) { r.Auth = 0 },
		"needs":          func(r *Route) { r.Auth = Authenticated },
		"dialect":        func(r *Route) { r.Dialect = 0 },
		"event":          func(r *Route) { r.Event = "" },
		"unknown event":  func(r *Route) { r.Event = "credential.red" },
		"handler":        func(r *Route) { r.Handle = nil },
		"documentation":  func(r *Route) { r.Doc = Doc{} },
		"method":         func(r *Route) { r.Method = "get" },
		"path":           func(r *Route) { r.Path = "iso/a" },
		"trailing slash": func(r *Route) { r.Path = "/iso/a/" },
	} {
		r := good
		change(&r)
		if _, err := Mount(options(io.Discard), []Route{r}); err == nil {
			t.Errorf("a route without a decision on its %s was mounted", name)
		}
	}
	if _, err := Mount(options(io.Discard), []Route{good, sample("GET", "/api/A", echo)}); err == nil {
		t.Error("two routes on one path were mounted")
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	h, err := Mount(options(io.Discard), []Route{
		sample("GET", "/iso/x/{id}", echo), sample("DELETE", "/iso/x/{id}", echo), sample("GET", "/iso/x/custody/{id}", echo), sample("GET", "/iso/x/{id}/sub", echo),
		sample("GET", "/iso/coe/Senha", echo),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		status       int
		id           string
	}{
		{"GET", "/iso/x/AbC", 200, "AbC"},
		{"GET", "/API/X/AbC", 200, "AbC"},
		{"GET", "/iso/x/a%2Fb", 200, "a/b"},
		{"GET", "/iso/x/a%20b%25", 200, "a b%"},
		{"GET", "/iso/x/user@host.example", 200, "user@host.example"},
		{"GET", "//iso//x/1/", 200, "1"},
		{"GET", "/iso/x/custody/7", 200, "7"},
		{"GET", "/iso/x/Custody", 200, "Custody"},
		{"GET", "/iso/x/7/SUB", 200, "7"},
		{"GET", "/iso/x/custody/sub", 200, "sub"},
		{"GET", "/iso/COE/senha", 200, ""},
		{"GET", "/iso/x", 404, ""},
		{"GET", "/iso/x/1/2/3", 404, ""},
		{"POST", "/iso/x/1", 405, ""},
		{"GET", "/", 404, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || c.status == 200 && !strings.Contains(w.Body.String(), `"id":"`+c.id+`"`) {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
		if c.status == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", c.method, c.path)
		}
	}
}

// FuzzPath looks for panics and plain-text answers.
func FuzzPath(f *testing.F) {
	h, err := Mount(options(io.Discard), []Route{sample("GET", "/iso/x/{id}", echo), sample("GET", "/iso/x/{id}/y/{z}", echo)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("/iso/x/1")
	f.Add("/iso/x/%2F/y/%00")
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequest("GET", "http://h/"+path, nil)
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			t.Fatalf("%q: %d %s", path, w.Code, w.Body)
		}
	})
}

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h, err := Mount(options(&log), []Route{sample("GET", "/iso/a", func(context.Context, *Request) (compat.Reply, error) { panic("canary") })})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // a panic does not keep its place among the requests at work
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/iso/a", nil))
		if w.Code != 500 || strings.Contains(w.Body.String(), "canary") || !strings.Contains(w.Body.String(), w.Header().Get("X-Cofre-Request-Id")) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if strings.Contains(log.String(), "canary") || !strings.Contains(log.String(), "TestPanicIsAnswered") {
		t.Errorf("the log shows the value of the panic, or no stack: %s", log.String())
	}
}

func TestOneProcessWideCap(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := sample("GET", "/iso/slow", func(context.Context, *Request) (compat.Reply, error) {
		entered <- struct{}{}
		<-leave
		return compat.OK(""), nil
	})
	wait := sample("GET", "/iso/wait", slow.Handle)
	wait.Waits = time.Minute
	h, err := Mount(options(io.Discard), []Route{slow, wait, sample("GET", "/iso/a", echo)})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	go get("/iso/wait")
	<-entered
	if w := get("/iso/a"); w.Code != 200 {
		t.Errorf("a long poll took the place of a request: %d", w.Code)
	}
	done := make(chan int)
	go func() { done <- get("/iso/slow").Code }()
	<-entered
	if w := get("/iso/a"); w.Code != 429 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	close(leave)
	if code := <-done; code != 200 {
		t.Error(code)
	}
}

func TestNothingIsServedWhenNotReady(t *testing.T) {
	t.Parallel()
	o := options(io.Discard)
	o.Ready = func() error { return model.Errorf(model.Unavailable, "no leader") }
	o.Authenticate = func(*http.Request, model.Origin, time.Time, int64) (model.Actor, error) {
		t.Error("a token was looked at")
		return model.Actor{}, errors.New("x")
	}
	private := sample("GET", "/iso/private", echo)
	private.Auth, private.Doc.Needs = Authenticated, Nothing
	h, err := Mount(o, []Route{private, sample("GET", "/iso/public", echo)})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/iso/private": 503, "/iso/public": 200} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestStrongReadsCatchUpFirst(t *testing.T) {
	t.Parallel()
	o := options(io.Discard)
	asked := 0
	o.Fresh = func(context.Context) error { asked++; return nil }
	private := sample("GET", "/iso/private", echo)
	private.Auth, private.Doc.Needs = Authenticated, Nothing
	h, err := Mount(o, []Route{private})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{"": 0, "?consistency=default": 0, "?consistency=strong": 1} {
		before := asked
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/iso/private"+query, nil))
		if asked-before != want {
			t.Errorf("%q: caught up %d times", query, asked-before)
		}
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	for limit, want := range map[string]int{"": DefaultPage, "1": 1, "1000": MaxPage, "0": 0, "1001": 0, "-1": 0, "ten": 0} {
		got, err := (&Request{query: map[string][]string{"limit": {limit}}}).Limit()
		if (err == nil) != (want > 0) || err == nil && got != want {
			t.Errorf("limit %q: %d, %v", limit, got, err)
		}
	}
	all := []string{"c", "a", "e", "b", "d"}
	var got []string
	for after := ""; ; {
		r := &Request{query: map[string][]string{"limit": {"2"}, "after": {after}}}
		page, err := Page(r, append([]string{}, all...), func(s string) string { return s })
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.Items...)
		if after = page.Next; after == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestListenLimitsAPeer(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, 2, func(a net.Addr) (string, bool) { return "one", false })
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	dial()
	first := <-accepted
	dial()
	second := <-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a third connection lives")
	}
	_ = first.Close()
	_ = first.Close() // leaves once only
	dial()
	third := <-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("closing one twice gave two places")
	}
	_, _ = second.Close(), third.Close()
}
