package client_test

import (
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cofre/cmd/cofre/client"
)

// authority is a file with a server's certificate.
func authority(t *testing.T, s *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNextNode: a node that cannot be reached, that is sealed, or that nobody can speak TLS with is no reason to give up: the next one
// is asked, also for what must not be done twice, because nothing was sent. What may have been done goes to no other node.
func TestNextNode(t *testing.T) {
	t.Parallel()
	var done atomic.Int32
	sealed := atomic.Bool{}
	node := func(answer func(http.ResponseWriter)) *httptest.Server {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/iso/oauth2/token" {
				if answer != nil && sealed.Load() {
					answer(w)
					return
				}
				_, _ = io.WriteString(w, `{"access_token":"t","expires_in":3600}`)
				return
			}
			done.Add(1)
			if answer != nil {
				answer(w)
				return
			}
			_, _ = io.WriteString(w, `{}`)
		}))
		t.Cleanup(s.Close)
		return s
	}
	good := node(nil)
	busy := node(func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) })
	cut := node(func(w http.ResponseWriter) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
	})
	plain := httptest.NewServer(nil)
	t.Cleanup(plain.Close)
	ca := authority(t, good) // all of them have the same certificate
	for name, c := range map[string]struct {
		first  string
		sealed bool
		method string
		want   bool
	}{
		"no such host, POST":               {"https://no-such-host.invalid:1", false, "POST", true},
		"refuses connections, POST":        {"https://127.0.0.1:1", false, "POST", true},
		"speaks no TLS, POST":              {"https" + plain.URL[4:], false, "POST", true},
		"sealed: answers no token":         {busy.URL, true, "POST", true},
		"busy, GET":                        {busy.URL, false, "GET", true},
		"busy, POST":                       {busy.URL, false, "POST", false},
		"hangs up behind the request, GET": {cut.URL, false, "GET", true},
		"hangs up behind the request":      {cut.URL, false, "POST", false},
	} {
		done.Store(0)
		sealed.Store(c.sealed)
		api, err := client.New(client.Config{URLs: []string{c.first, good.URL}, ClientID: "i", ClientSecret: "s", CAFile: ca})
		if err != nil {
			t.Fatal(err)
		}
		err = api.Do(t.Context(), c.method, "/x", nil, nil)
		if (err == nil) != c.want || !c.want && done.Load() != 1 {
			t.Errorf("%s: %v, done %d times", name, err, done.Load())
		}
		var refused *client.Error
		if slices.Contains([]string{"busy, POST"}, name) && !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhatTellsMost: a node that is not there hides neither what another one said, nor that nobody proved who he is.
func TestWhatTellsMost(t *testing.T) {
	t.Parallel()
	busy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"detail":"no majority"}`)
	}))
	t.Cleanup(busy.Close)
	ca := authority(t, busy)
	for file, want := range map[string]string{ca: "no majority", "": "certificate"} {
		api, err := client.New(client.Config{URLs: []string{busy.URL, "https://127.0.0.1:1"}, ClientID: "i", ClientSecret: "s", CAFile: file})
		if err != nil {
			t.Fatal(err)
		}
		if err := api.Do(t.Context(), "GET", "/x", nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// TestGoesOnWhereItWas: a client with other keys begins with the node that answered, not with one that is off; and an error names the
// nodes that were not reached besides the one that spoke.
func TestGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	var tokens, ids atomic.Int32
	off, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = off.Close() })
	var asked atomic.Int32 // of a node that hangs up
	go func() {
		for {
			c, err := off.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			_ = c.Close()
		}
	}()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("client_id") == "other" && r.FormValue("client_secret") == "key" {
			ids.Add(1)
		}
		if r.URL.Path == "/iso/oauth2/token" {
			tokens.Add(1)
			_, _ = io.WriteString(w, `{"access_token":"t","expires_in":3600}`)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"detail":"no majority"}`)
	}))
	t.Cleanup(s.Close)
	ca := authority(t, s)
	gone := "https://" + off.Addr().String()
	api, err := client.New(client.Config{URLs: []string{gone, s.URL}, ClientID: "i", ClientSecret: "s", CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := api.As("other", "key").Token(t.Context()); err != nil || tokens.Load() != 2 || ids.Load() != 1 || asked.Load() != 1 {
		t.Errorf("%v: %d tokens, %d for the other keys; the node that hangs up was asked %d times", err, tokens.Load(), ids.Load(), asked.Load())
	}
	var said *client.Error
	if err := api.Do(t.Context(), "GET", "/x", nil, nil); !errors.As(err, &said) || !strings.Contains(err.Error(), "no majority; not reached: "+gone) {
		t.Errorf("%v", err)
	}
}

// TestWaits: a request that asks the API to wait is given that time too, and one that is not answered says what is known of it.
func TestWaits(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/iso/oauth2/token" {
			_, _ = io.WriteString(w, `{"access_token":"t","expires_in":3600}`)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices who hangs up
		select {
		case <-time.After(600 * time.Millisecond):
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(s.Close)
	ca := authority(t, s)
	api, err := client.New(client.Config{URLs: []string{s.URL}, ClientID: "i", ClientSecret: "s", CAFile: ca, Timeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Do(t.Context(), "POST", "/x?wait=30s", nil, nil); err != nil {
		t.Error(err)
	}
	for method, want := range map[string]string{"GET": "did not answer within 200ms", "POST": "it may have done what was asked"} {
		if err := api.Do(t.Context(), method, "/x", nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// TestWaitsWhileThereAreTooMany: what an API refuses for the number of requests was not carried out, and is asked again when it says so;
// not much later than that, and not where it says nothing.
func TestWaitsWhileThereAreTooMany(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		after := map[string]string{"/iso/oauth2/token": "1", "/later": "60", "/never": ""}[r.URL.Path]
		switch {
		case r.URL.Path == "/iso/oauth2/token" && n > 1:
			_, _ = io.WriteString(w, `{"access_token":"t","expires_in":3600}`)
			return
		case after != "":
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"detail":"Too many requests"}`)
	}))
	t.Cleanup(s.Close)
	ca := authority(t, s)
	api, err := client.New(client.Config{URLs: []string{s.URL}, ClientID: "i", ClientSecret: "s", CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if _, err := api.Token(t.Context()); err != nil || asked.Load() != 2 || time.Since(begun) < time.Second {
		t.Errorf("%v after %d requests in %s", err, asked.Load(), time.Since(begun))
	}
	for path, after := range map[string]time.Duration{"/later": time.Minute, "/never": 0} {
		asked.Store(0)
		var said *client.Error
		if err := api.Do(t.Context(), "POST", path, nil, nil); !errors.As(err, &said) || said.Status != http.StatusTooManyRequests || said.After != after || asked.Load() != 1 {
			t.Errorf("%s: %v after %d requests", path, err, asked.Load())
		}
	}
}
