package curl_test

import (
	"net/http"
	"testing"

	"cofre/executors"
	"cofre/executors/curl"
	"cofre/vault/secret"
)

// TestSparedLoginsDouble: a server that is overloaded, or asks for fewer requests, has refused no login.
func TestSparedLoginsDouble(t *testing.T) {
	t.Parallel()
	for status, spared := range map[int]bool{429: true, 503: true, 401: false, 403: false} {
		e := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, _, in := r.BasicAuth(); !in {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(status)
		}))
		p, err := curl.New().Compile("request \"https://[#CONNECT_IP#]/who\"\nset-request-content [#NEW_PASSWORD#]\nset-request-method put\nrequest \"https://[#CONNECT_IP#]/change\"")
		if err != nil {
			t.Fatal(err)
		}
		s := session(e)
		s.Entered = func() { t.Errorf("%d: entered", status) }
		if outcome, err := p.Run(t.Context(), s); outcome != executors.NotStarted || executors.IsSpared(err) != spared {
			t.Errorf("%d: %s, spared %v: %v", status, outcome, executors.IsSpared(err), err)
		}
		v, _ := executors.VerifierOf(curl.New(), p)
		if in, err := v.Verify(t.Context(), session(e), secret.New([]byte("x"))); in || executors.IsSpared(err) != spared {
			t.Errorf("%d, as a proof: %v, spared %v: %v", status, in, executors.IsSpared(err), err)
		}
	}
}
