package curl_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/curl"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// elastic is a double of Elasticsearch's security API, as its documents describe it: Basic logins, a new password as JSON, a
// policy. It was never compared with the real one.
type elastic struct {
	mu    sync.Mutex // guards the fields below
	users map[string]string
	n     int
}

func (e *elastic) login(name, password string) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	have, ok := e.users[name]
	return ok && have == password, nil
}

func (e *elastic) add(testing.TB) executortest.Account {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
	a := executortest.Account{Name: fmt.Sprintf("user %d/ö", e.n), Password: executortest.Fresh()}
	e.users[a.Name] = a.Password
	return a
}

func (e *elastic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	if ok, _ := e.login(name, password); !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="security"`)
		http.Error(w, `{"error":"missing or wrong authentication credentials"}`, http.StatusUnauthorized)
		return
	}
	user, isUser := strings.CutPrefix(r.URL.EscapedPath(), "/_security/user/")
	user, isPassword := strings.CutSuffix(user, "/_password")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/_security/_authenticate":
		_, _ = fmt.Fprintf(w, `{"username":%q}`, name)
	case r.Method == http.MethodPost && isUser && isPassword:
		e.change(w, r, user)
	default:
		http.NotFound(w, r)
	}
}

func (e *elastic) change(w http.ResponseWriter, r *http.Request, user string) {
	var body struct{ Password string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "bad content", http.StatusBadRequest)
		return
	}
	if len(body.Password) < 6 {
		http.Error(w, `{"error":"passwords must be at least [6] characters long"}`, http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	name, err := url.PathUnescape(user)
	if _, known := e.users[name]; err != nil || !known {
		http.Error(w, `{"error":"user must exist in order to change password"}`, http.StatusBadRequest)
		return
	}
	e.users[name] = body.Password
	_, _ = io.WriteString(w, "{}")
}

// serve starts a server with a certificate of its own.
func serve(t *testing.T, h http.Handler) model.Endpoint {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(s.Listener.Addr().String()), CA: string(ca)}
}

func TestElasticsearchDouble(t *testing.T) {
	t.Parallel()
	e := &elastic{users: map[string]string{"admin": "Admin-pass-1"}}
	executortest.Exercise(t, executortest.Kit{
		Executor: curl.New(), Template: curl.Catalogue()[0].Content, Target: serve(t, e), Login: e.login, Account: e.add,
		Manager: &executortest.Account{Name: "admin", Password: "Admin-pass-1"},
		Hostile: []string{`Aa1-","x":"`, "Bb2-\\u0022}<&>", "Cc3 %22 [#USERNAME#] $(id) ação-日本", strings.Repeat("Long-7", 40), ":Dd4:colon"},
		Unfit:   []string{"line\nbreak-1A", "nul\x00-byte-1A", "not\xff-utf8-1A"}, Rejected: "short", Speaks: true,
	})
}

const (
	oldPassword = "Old-Pass-1x"
	newPassword = "New-Pass-2y&=+ %"
)

func session(e model.Endpoint) executors.Session {
	s := executortest.Kit{Target: e}.Session(executortest.Account{Name: "ann", Password: oldPassword}, newPassword)
	s.ConnectTimeout, s.ReadTimeout = 10*time.Second, 10*time.Second // a busy machine
	return s
}

// TestAnswers tells outcomes from what a server says.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const change = "set-request-param \"password\" [#NEW_PASSWORD#]\nset-request-param \"a b\" \"c d\"\nrequest \"https://[#CONNECT_IP#]/change?u=[#USERNAME#]\"\n"
	say := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/change" && (r.FormValue("password") != newPassword || r.FormValue("a b") != "c d" || r.FormValue("u") != "ann") {
				status, text = http.StatusTeapot, "the values did not arrive"
			}
			if status == http.StatusFound {
				w.Header().Set("Location", text)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	for _, c := range []struct {
		name, template string
		serve          http.HandlerFunc
		want           executors.Outcome
		class          executors.Class
	}{
		{"done", change, say(200, "ok"), executors.Applied, ""},
		{"expected", change + "expect \"status\\\": \\\"fine\"\nno-expect error\n", say(200, `{"status": "fine"}`), executors.Applied, ""},
		{"status line", change + "expect \"200 OK\"\n", say(200, ""), executors.Applied, ""},
		{"not what was expected", change + "expect fine\n", say(200, "error"), executors.Uncertain, executors.ClassProtocol},
		{"forbidden text", change + "no-expect error\n", say(200, "an error"), executors.Uncertain, executors.ClassProtocol},
		{"refused", change, say(422, "too weak"), executors.Rejected, executors.ClassPolicy},
		{"refused because it is there", change, say(409, ""), executors.Rejected, executors.ClassPolicy},
		{"a busy server that did not look", change, say(429, ""), executors.Rejected, executors.ClassPolicy},
		{"a server that waited too long", change, say(408, ""), executors.Uncertain, executors.ClassPolicy},
		{"a proxy that lost its server", change, say(502, ""), executors.Uncertain, executors.ClassProtocol},
		{"no login", change, say(401, ""), executors.NotStarted, executors.ClassAuth},
		{"server error", change, say(503, ""), executors.Uncertain, executors.ClassProtocol},
		{"refused after the first", change + change, func() http.HandlerFunc {
			first := true
			return func(w http.ResponseWriter, _ *http.Request) {
				if !first {
					w.WriteHeader(http.StatusConflict)
				}
				first = false
			}
		}(), executors.Uncertain, executors.ClassPolicy},
		{"redirect on the target", change + "expect landed\n", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/change" {
				http.Redirect(w, r, "/done", http.StatusFound)
				return
			}
			if r.Method == http.MethodGet && r.ContentLength == 0 {
				_, _ = io.WriteString(w, "landed")
			}
		}, executors.Applied, ""},
		{"redirect elsewhere", change, say(302, "https://elsewhere.example/x"), executors.Uncertain, executors.ClassProtocol},
		{"redirect to plain HTTP", change, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/x" {
				t.Error("the login was sent in clear")
			}
			http.Redirect(w, r, "http://"+r.Host+"/x", http.StatusFound)
		}, executors.Uncertain, executors.ClassProtocol},
		{"redirect without end", change, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }, executors.Uncertain, executors.ClassProtocol},
		{"too long", change, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20+1)) }, executors.Uncertain, executors.ClassProtocol},
		{"silence", "set-request-param \"CURLOPT_TIMEOUT\" 0.1\n" + change, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the client is gone
			<-r.Context().Done()
		}, executors.Uncertain, executors.ClassTimeout},
		{"a first request fails", "request \"https://127.0.0.1/session\"\n" + change, say(500, ""), executors.NotStarted, executors.ClassProtocol},
		{"plain HTTP", strings.Replace(change, "https:", "http:", 1), say(200, ""), executors.NotStarted, executors.ClassTLS},
		{"another host", strings.Replace(change, "[#CONNECT_IP#]", "localhost", 1), say(200, ""), executors.NotStarted, executors.ClassRefused},
		{"a name that leads on", strings.Replace(change, "[#CONNECT_IP#]", "127.0.0.1.example", 1), say(200, ""), executors.NotStarted, executors.ClassRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := curl.New().Compile(c.template)
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := p.Run(t.Context(), session(serve(t, c.serve)))
			if outcome != c.want || executortest.ClassOf(err) != c.class {
				t.Errorf("%s, %v; want %s %s", outcome, err, c.want, c.class)
			}
		})
	}
}

// TestRequests: what the settings make of a request.
func TestRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, template string
		want           string // method, path, chosen headers, body
	}{
		{"login", "request https://127.0.0.1/a", "GET /a auth=ann:Old-Pass-1x type= body="},
		{"no login", "set-disable-auth\nrequest https://127.0.0.1/a", "GET /a auth=: type= body="},
		{"JSON", "set-request-method put\nset-request-content \"{\\\"p\\\":\\\"[#NEW_PASSWORD#]\\\"}\"\nrequest https://127.0.0.1/a", `PUT /a auth=ann:Old-Pass-1x type=application/json body={"p":"New-Pass-2y\u0026=+ %"}`},
		{"XML", "set-content-type xml\nset-request-content \"<p>[#NEW_PASSWORD#]</p>\"\nrequest https://127.0.0.1/a", `POST /a auth=ann:Old-Pass-1x type=text/xml;charset="utf-8" body=<p>New-Pass-2y&amp;=+ %</p>`},
		{"form", "set-request-content \"u=x&p=[#NEW_PASSWORD#]\"\nrequest https://127.0.0.1/a", "POST /a auth=ann:Old-Pass-1x type=application/x-www-form-urlencoded body=u=x&p=New-Pass-2y%26%3D%2B+%25"},
		{"text", "set-request-param CURLOPT_POSTFIELDS [#NEW_PASSWORD#]\nrequest https://127.0.0.1/a", "POST /a auth=ann:Old-Pass-1x type=text/plain; charset=utf-8 body=New-Pass-2y&=+ %"},
		{"path", "request https://127.0.0.1/a/[#NEW_PASSWORD#]/b?q=[#NEW_PASSWORD#]", "GET /a/New-Pass-2y&=+%20%25/b?q=New-Pass-2y%26%3D%2B+%25 auth=ann:Old-Pass-1x type= body="},
		{"what was set for one request ends", "set-request-content x\nrequest https://127.0.0.1/a\nrequest https://127.0.0.1/b", "GET /b auth=ann:Old-Pass-1x type= body="},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan string, 4)
			e := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				user, password, _ := r.BasicAuth()
				body, _ := io.ReadAll(r.Body)
				got <- fmt.Sprintf("%s %s auth=%s:%s type=%s body=%s", r.Method, r.URL.RequestURI(), user, password, r.Header.Get("Content-Type"), body)
			}))
			p, err := curl.New().Compile(c.template)
			if err != nil {
				t.Fatal(err)
			}
			if outcome, err := p.Run(t.Context(), session(e)); outcome != executors.Applied {
				t.Fatal(outcome, err)
			}
			close(got)
			last := ""
			for last = range got {
			}
			if last != c.want {
				t.Errorf("got  %s\nwant %s", last, c.want)
			}
		})
	}
}

// TestOAuth2: the token of a client credentials grant stands in the request, the credential's login does not.
func TestOAuth2(t *testing.T) {
	t.Parallel()
	e := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch id, code, _ := r.BasicAuth(); {
		case r.URL.Path == "/token" && r.FormValue("grant_type") == "client_credentials" && id == "my+app" && code == "Old-Pass-1x":
			_, _ = io.WriteString(w, `{"access_token":"t0ken-of-the-grant","token_type":"bearer"}`)
		case r.Header.Get("Authorization") == "Bearer t0ken-of-the-grant":
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "t0ken-of-the-grant may not")
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	p, err := curl.New().Compile("set-oauth2 https://127.0.0.1/token \"my app\" [#AUTH_PASSWORD#]\nset-request-content [#NEW_PASSWORD#]\nrequest https://127.0.0.1/a")
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := p.Run(t.Context(), session(e))
	if outcome != executors.Rejected || err == nil || strings.Contains(err.Error(), "t0ken") || !strings.Contains(err.Error(), "may not") {
		t.Errorf("%s, %v", outcome, err)
	}
}

// TestTokenThatIsNone: an answer without the type of a token, or with one that no header carries, gives none.
func TestTokenThatIsNone(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{`{"access_token":"t0ken-of-the-grant"}`, `{"access_token":"t0ken\nof","token_type":"bearer"}`} {
		e := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/token" {
				t.Error("the token was sent")
			}
			_, _ = io.WriteString(w, answer)
		}))
		p, err := curl.New().Compile("set-oauth2 https://127.0.0.1/token \"my app\" [#AUTH_PASSWORD#]\nset-request-content [#NEW_PASSWORD#]\nrequest https://127.0.0.1/a")
		if err != nil {
			t.Fatal(err)
		}
		if outcome, err := p.Run(t.Context(), session(e)); outcome != executors.NotStarted || err == nil || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: %s, %v", answer, outcome, err)
		}
	}
}

// TestBusyTokenEndpoint: who is asked to come later has not been refused.
func TestBusyTokenEndpoint(t *testing.T) {
	t.Parallel()
	for status, spared := range map[int]bool{429: true, 503: true, 400: false, 401: false, 500: false} {
		e := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		p, err := curl.New().Compile("set-oauth2 https://127.0.0.1/token app [#AUTH_PASSWORD#]\nset-request-content [#NEW_PASSWORD#]\nrequest https://127.0.0.1/a")
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := p.Run(t.Context(), session(e))
		if outcome != executors.NotStarted || executors.IsSpared(err) != spared || (executortest.ClassOf(err) == executors.ClassNetwork) != spared {
			t.Errorf("%d: %s, spared %v: %v", status, outcome, executors.IsSpared(err), err)
		}
	}
}

// TestVerify: a page that asks nobody proves nothing.
func TestVerify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		with  int // status with the right login
		open  bool
		value string
		ok    bool
		class executors.Class
	}{
		{"right", 200, false, oldPassword, true, ""},
		{"wrong", 200, false, "other", false, ""},
		{"a public page", 200, true, oldPassword, false, executors.ClassProtocol},
		{"a page that leads on", 302, false, oldPassword, false, executors.ClassProtocol},
		{"a page that is closed to all", 403, false, oldPassword, false, executors.ClassProtocol},
		{"a value that no login carries", 200, false, "a\nb", false, executors.ClassTemplate},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, password, _ := r.BasicAuth()
				switch {
				case c.open:
				case password != oldPassword:
					w.WriteHeader(http.StatusUnauthorized)
				default:
					w.WriteHeader(c.with)
				}
			}))
			ok, err := curl.New().Verify(t.Context(), session(e), secret.New([]byte(c.value)))
			if ok != c.ok || executortest.ClassOf(err) != c.class || executors.IsSpared(err) != c.open { // a page that is open was shown no password
				t.Errorf("%v, %v; want %v %q", ok, err, c.ok, c.class)
			}
		})
	}
}

func TestCertificateIsVerified(t *testing.T) {
	t.Parallel()
	e := serve(t, http.NotFoundHandler())
	e.CA = ""
	if ok, err := curl.New().Verify(t.Context(), session(e), secret.New([]byte("x"))); ok || executortest.ClassOf(err) != executors.ClassTLS {
		t.Errorf("%v, %v", ok, err)
	}
	e.InsecureTLS = true
	if ok, err := curl.New().Verify(t.Context(), session(e), secret.New([]byte("x"))); ok || executortest.ClassOf(err) != executors.ClassProtocol {
		t.Errorf("with the opt-out: %v, %v", ok, err)
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"":                                  "line 1, column 1: expected at least one request",
		"request ftp://127.0.0.1/":          "line 1, column 9: expected a URL that begins with https:// or http://, without user name and password in it",
		"request [#IP#]/x":                  "line 1, column 9: expected a URL that begins with https:// or http://, without user name and password in it",
		"request https://a:b@[#IP#]/":       "line 1, column 9: expected a URL that begins with https:// or http://, without user name and password in it",
		"request https://[#IP#]/#x":         "line 1, column 9: expected a URL without a fragment: it is never sent",
		"set-request-param CURLOPT_PROXY x": "line 1, column 1: CURLOPT_PROXY is not offered with this value; expected CURLOPT_POSTFIELDS, _USERAGENT, _REFERER, _COOKIE, _CUSTOMREQUEST, _POST, _TIMEOUT, _CONNECTTIMEOUT, or the name of a form's field",
		"set-request-param CURLOPT_SSL_VERIFYPEER 0":            "line 1, column 1: whether certificates are verified is the device's matter (insecure_tls), not the template's",
		"set-request-header Host x":                             "line 1, column 1: set-request-header expects the name of a header that is not Host, Content-Length or about the connection",
		"set-request-method TRACE":                              "line 1, column 1: expected the method GET, POST, PUT, DELETE, PATCH or HEAD",
		"set-request-content \"{\\\"a\\\": [#NEW_PASSWORD#]}\"": "line 1, column 1: set-request-content: expected tags of JSON content inside of strings",
		"set-request-content \"{\\\"a\\\": }\"":                 `line 1, column 1: set-request-content: expected valid JSON; inside of a quoted argument \" is a quote`,
		"set-request-content \"new [#NEW_PASSWORD#]\"":          "line 1, column 1: set-request-content: expected JSON, XML, a form (name=value&...), or one tag alone: nothing else tells how a value must be written",
		"expect x":                               "line 1, column 1: expect expects a text, after a request",
		"request":                                "line 1, column 1: request expects 1 arguments, in quotes if they hold spaces",
		"verify https://[#IP#]/[#NEW_PASSWORD#]": "line 1, column 1: verify: no secret stands in that URL: the login proves it",
		"fetch x":                                "line 1, column 1: unknown command \"fetch\"; expected request, expect, no-expect, verify, sleep, end or one of the set- commands",
	} {
		if _, err := curl.New().Compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", src, err, want)
		}
	}
}

// FuzzCompile: no template makes the compiler panic.
func FuzzCompile(f *testing.F) {
	for _, c := range curl.Catalogue() {
		f.Add(c.Content)
	}
	f.Add("request https://[#IP#]:[#CONNECT_PORT#]?x\nset-request-content \"\\\"[#IP#]\"")
	f.Fuzz(func(t *testing.T, src string) {
		if p, err := curl.New().Compile(src); err == nil && p == nil {
			t.Fatal("no program and no error")
		}
	})
}
