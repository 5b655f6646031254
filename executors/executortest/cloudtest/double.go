// Package cloudtest is the kit for executors of clouds: the frame of a double of their services, which can break the connection at every
// request, and the tests that every one of them must pass (cloud.go). Tests of the executors call it.
package cloudtest

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Service plays the provider. Its methods are called one at a time.
type Service interface {
	// Answer does what a request asks for.
	Answer(r *http.Request, body []byte) (status int, out []byte)
	// Left counts what is there of dynamic users.
	Left() int
}

// Double serves a Service over TLS.
type Double struct {
	*httptest.Server
	Values map[string]string // of the tags
	Denied map[string]bool   // what the account may not do, in words of the service
	Lag    time.Duration     // until something new is known

	mu       sync.Mutex // guards what follows, and the service
	service  Service
	requests int
	cut      int           // the request at which the connection breaks ...
	after    bool          // ... after it had its effect
	silent   int           // the request that is not answered ...
	over     chan struct{} // ... before this is closed
}

// Start serves a double that was filled in, until the test ends.
func (d *Double) Start(t testing.TB, s Service) {
	t.Helper()
	d.service, d.Denied = s, map[string]bool{}
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(d.serve))
	d.Config.ErrorLog = log.New(io.Discard, "", 0)
	d.StartTLS()
	t.Cleanup(d.Close)
}

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	if d.requests == d.cut && !d.after {
		panic(http.ErrAbortHandler)
	}
	body, _ := io.ReadAll(r.Body)
	if d.requests == d.silent {
		<-d.over
	}
	status, out := d.service.Answer(r, body)
	if d.requests == d.cut {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
	_, _ = w.Write(out)
}

// Do looks at the service, or changes it, between requests.
func (d *Double) Do(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// Left counts what is there of dynamic users.
func (d *Double) Left() (n int) { d.Do(func() { n = d.service.Left() }); return n }

// Requests counts those since the start, or since BreakAt.
func (d *Double) Requests() (n int) { d.Do(func() { n = d.requests }); return n }

// BreakAt arms one fault, 0 for none, and forgets how many requests there were.
func (d *Double) BreakAt(n int, after bool) {
	d.Do(func() { d.requests, d.cut, d.after = 0, n, after })
}

// Attempt is a session with what became of it.
type Attempt struct {
	executors.Session
	Steps  string
	Kept   string
	Refuse error // of Keep
}

// Step notes a step.
func (a *Attempt) Step(s model.Step) { a.Steps += s.Text + " " + s.Error + "\n" }

// Try makes a session on the double; values may replace what the tags give, and empty ones give none.
func (d *Double) Try(t testing.TB, values map[string]string) *Attempt {
	t.Helper()
	at, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort(at.Host)
	a := &Attempt{}
	a.Session = executors.Session{
		Target: model.Endpoint{Hostname: "example.com", Address: to.Addr().String(), Port: to.Port(), CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}))},
		Resolve: func(n mask.Name) (secret.Value, error) {
			v, ok := values[string(n)]
			if !ok {
				v = d.Values[string(n)]
			}
			if v == "" {
				return secret.Value{}, mask.ErrNoValue
			}
			return secret.New([]byte(v)), nil
		},
		Dial: new(net.Dialer).DialContext, Trace: a,
		Keep: func(_ context.Context, v secret.Value) error {
			if a.Refuse == nil {
				a.Kept = Reveal(v)
			}
			return a.Refuse
		},
	}
	return a
}

// Reveal shows a secret of a test.
func Reveal(v secret.Value) (out string) {
	_ = v.Reveal(func(b []byte) error { out = string(b); return nil })
	return out
}
