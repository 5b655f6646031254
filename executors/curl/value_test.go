package curl_test

import (
	"io"
	"net/http"
	"testing"

	"cofre/executors"
	"cofre/executors/curl"
	"cofre/executors/executortest"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// TestValuesThatDoNotFit: a value that its place would change is refused before anybody is dialed, and none leads to another path.
func TestValuesThatDoNotFit(t *testing.T) {
	t.Parallel()
	e := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came") }))
	const form = "set-request-content [#NEW_PASSWORD#]\n"
	for _, c := range []struct {
		template string
		tag      mask.Name
		value    string
	}{
		{form + "request https://127.0.0.1/users/[#USERNAME#]/password", mask.Username, ".."},
		{form + "request https://127.0.0.1/users/[#USERNAME#]/password", mask.Username, "."},
		{form + "request https://127.0.0.1/users/[#USERNAME#]/password", mask.Username, ""},
		{"set-request-content \"<p>[#NEW_PASSWORD#]</p>\"\nrequest https://127.0.0.1/", mask.NewPassword, "a\x01b-Pass-1"},
		{"set-request-content \"<p>[#NEW_PASSWORD#]</p>\"\nrequest https://127.0.0.1/", mask.NewPassword, "a\uffffb-Pass-1"},
	} {
		p, err := curl.New().Compile(c.template)
		if err != nil {
			t.Fatal(err)
		}
		s := session(e)
		known := s.Resolve
		s.Resolve = func(n mask.Name) (secret.Value, error) {
			if n == c.tag {
				return secret.New([]byte(c.value)), nil
			}
			return known(n)
		}
		if outcome, err := p.Run(t.Context(), s); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTemplate {
			t.Errorf("%s with %q: %s, %v", c.template, c.value, outcome, err)
		}
	}
}

// TestInterimAnswer: what a server says before its answer is not the answer.
func TestInterimAnswer(t *testing.T) {
	t.Parallel()
	e := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "fine")
	}))
	p, err := curl.New().Compile("set-request-content [#NEW_PASSWORD#]\nrequest https://127.0.0.1/\nexpect fine")
	if err != nil {
		t.Fatal(err)
	}
	if outcome, err := p.Run(t.Context(), session(e)); outcome != executors.Applied {
		t.Errorf("%s, %v", outcome, err)
	}
}

// TestOneRequestDescribesItself: method, content and fields hold for the next request; headers, and how it logs in, for all that follow.
func TestOneRequestDescribesItself(t *testing.T) {
	t.Parallel()
	var seen []string
	e := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _, in := r.BasicAuth()
		login := "nobody"
		if in {
			login = "somebody"
		}
		seen = append(seen, r.Method+" "+r.Header.Get("X-Kept")+" "+login+" "+string(body))
	}))
	p, err := curl.New().Compile("set-request-header X-Kept yes\nset-disable-auth\nset-request-method PUT\nset-request-content [#NEW_PASSWORD#]\nrequest https://127.0.0.1/a\nrequest https://127.0.0.1/b")
	if err != nil {
		t.Fatal(err)
	}
	s := session(e)
	s.Entered = func() { t.Error("a request without a login proves none") }
	if outcome, err := p.Run(t.Context(), s); outcome != executors.Applied {
		t.Errorf("%s, %v", outcome, err)
	}
	if len(seen) != 2 || seen[0] != "PUT yes nobody "+newPassword || seen[1] != "GET yes nobody " {
		t.Errorf("%q", seen)
	}
}
