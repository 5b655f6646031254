package curl_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"cofre/executors"
	"cofre/executors/curl"
	"cofre/executors/executortest"
)

// TestRedirectsElsewhere: a request is not repeated for another host, port or scheme, whose requests carry the login and what the template
// puts into headers; where it led stands in no message, since it may hold anything.
func TestRedirectsElsewhere(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"https://elsewhere.example/x", "//elsewhere.example/x", "https://192.0.2.1/x", "https://169.254.169.254/latest", "https://127.0.0.1:1/x", "https://127.0.0.2/x", "https://localhost/x",
		"https://127.0.0.1@elsewhere.example/x", "http://127.0.0.1/x", "ftp://127.0.0.1/x", "https:elsewhere.example", "https://127.0.0.1.elsewhere.example/x",
	} {
		for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			var asked atomic.Int32
			e := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}))
			p, err := curl.New().Compile("set-request-header X-Key [#NEW_PASSWORD#]\nset-request-method post\nrequest https://127.0.0.1/change")
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := p.Run(t.Context(), session(e))
			if outcome != executors.Uncertain || executortest.ClassOf(err) != executors.ClassProtocol || !strings.Contains(err.Error(), "redirects to another place, which is not followed") || strings.Contains(err.Error(), "example") || asked.Load() != 1 {
				t.Errorf("%d to %s: %s, %v, %d requests", status, to, outcome, err, asked.Load())
			}
		}
	}
}

// TestRedirectsOnTheTarget: 307 and 308 repeat the request as it was, the others ask for a page.
func TestRedirectsOnTheTarget(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		301: "GET auth=ann: type= body=", 302: "GET auth=ann: type= body=", 303: "GET auth=ann: type= body=",
		307: "POST auth=ann: type=text/plain; charset=utf-8 body=New-Pass-2y&=+ %", 308: "POST auth=ann: type=text/plain; charset=utf-8 body=New-Pass-2y&=+ %",
	} {
		got := make(chan string, 1)
		e := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/change" {
				http.Redirect(w, r, "done", status)
				return
			}
			user, _, _ := r.BasicAuth()
			body, _ := io.ReadAll(r.Body)
			got <- fmt.Sprintf("%s auth=%s: type=%s body=%s", r.Method, user, r.Header.Get("Content-Type"), body)
		}))
		p, err := curl.New().Compile("set-request-param CURLOPT_POSTFIELDS [#NEW_PASSWORD#]\nrequest https://127.0.0.1/change")
		if err != nil {
			t.Fatal(err)
		}
		if outcome, err := p.Run(t.Context(), session(e)); outcome != executors.Applied {
			t.Errorf("%d: %s, %v", status, outcome, err)
			continue
		}
		if is := <-got; is != want {
			t.Errorf("%d: %s, want %s", status, is, want)
		}
	}
}
