package siem

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/model"
)

// endpoint is a real HTTP server over TLS that checks signatures as a receiver has to.
type endpoint struct {
	*httptest.Server
	t   *testing.T
	ca  string
	key []byte

	mu     sync.Mutex // guards all below
	ids    []string
	bodies []string
	answer func(n int) int // the status of the n-th request
	n      int
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{t: t, key: []byte(strings.Repeat("k", 32)), ca: filepath.Join(t.TempDir(), "ca.pem")}
	e.Server = httptest.NewTLSServer(e)
	t.Cleanup(e.Close)
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.Certificate().Raw})
	if err := os.WriteFile(e.ca, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	id, at := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
	unix, perr := strconv.ParseInt(at, 10, 64)
	if err != nil || perr != nil || time.Since(time.Unix(unix, 0)).Abs() > time.Minute || r.Method != http.MethodPost {
		e.t.Errorf("%s at %q: %v, %v", r.Method, at, err, perr)
	}
	good := false
	for s := range strings.FieldsSeq(r.Header.Get("webhook-signature")) {
		good = good || s == sign(e.key, id, at, body)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
	status := http.StatusNoContent
	if e.answer != nil {
		status = e.answer(e.n)
	}
	if !good {
		status = http.StatusUnauthorized
	}
	if status < 300 {
		e.ids, e.bodies = append(e.ids, id), append(e.bodies, string(body))
	}
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(status)
}

func (e *endpoint) got() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.ids...)
}

func secretIn(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func whsec(key []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(key) }

func (e *endpoint) config(t *testing.T) WebhookConfig {
	t.Helper()
	return WebhookConfig{Name: "hook", URL: e.URL + "/results", CA: e.ca, SecretFile: secretIn(t, whsec(e.key))}
}

// finished is the end of an operation.
func finished(seq uint64, node model.NodeID, state model.OperationState) audit.Event {
	e := audit.OperationFinished.With("operation", "o1", "number", "7", "state", state.String(), "kind", "change", "target", "c1", "attempts", "1").
		Event(model.PosOf(seq, 0), 1_795_000_000_123, node, model.Actor{Kind: model.ActorSystem, Name: "runner"})
	h := audit.Head{Seq: seq - 1, Hash: []byte(fmt.Sprintf("%032d", seq))}
	h.Append(&e)
	return e
}

func (m *memory) finish(node model.NodeID, states ...model.OperationState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range states {
		m.events = append(m.events, finished(uint64(len(m.events)+1), node, s))
	}
	close(m.changed)
	m.changed = make(chan struct{})
}

// tell runs a forwarder with a configuration until stop is called or the test ends.
func tell(t *testing.T, c Config, trail Trail, dir string) (f *Forwarder, stop func()) {
	t.Helper()
	c.Local, c.Timeout = LocalConfig{Mode: LocalOff}, 10*time.Second
	f, err := New(c, Options{Node: "n1", Version: "1", Trail: trail, Dir: dir, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = f.Run(ctx) })
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return f, stop
}

func TestWebhookTellsResultsAndGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	e, trail, dir := newEndpoint(t), newMemory(), t.TempDir()
	e.answer = func(n int) int { return map[int]int{2: 503, 3: 302}[n] + map[bool]int{true: 204}[n != 2 && n != 3] }
	c := Config{Webhooks: []WebhookConfig{e.config(t)}}
	trail.finish("n1", model.OpSucceeded) // before the receiver was configured: it is not told
	f, stop := tell(t, c, trail, dir)
	trail.add("n1", "n2")
	trail.finish("n1", model.OpSucceeded, model.OpDead)
	trail.finish("n2", model.OpSucceeded)                                                           // n2 tells it
	wait(t, "two results", func() bool { return len(e.got()) == 2 && f.Status()[0].Position >= 5 }) // written down: else it is told again
	stop()
	trail.finish("n1", model.OpCancelled)
	f, _ = tell(t, c, trail, dir)
	wait(t, "the third result", func() bool { return len(e.got()) == 3 && f.Status()[0].Position == 7 })
	for i, want := range []string{"evt_4_", "evt_5_", "evt_7_"} {
		if !strings.HasPrefix(e.got()[i], want) {
			t.Errorf("%v", e.got())
		}
	}
	var body struct {
		Type string
		Data struct {
			Seq    uint64
			Fields map[string]string
		}
	}
	if err := json.Unmarshal([]byte(e.bodies[1]), &body); err != nil || body.Type != "operation.finished" || body.Data.Seq != 5 || body.Data.Fields["state"] != "dead" {
		t.Errorf("%v: %s", err, e.bodies[1])
	}
}

func TestWebhookFilter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wanted Wanted
		event  audit.Event
		want   bool
	}{
		{Wanted{}, finished(1, "n1", model.OpSucceeded), true},
		{Wanted{}, read(1, "n1", "x"), false},
		{Wanted{Events: []string{"credential.*"}}, read(1, "n1", "x"), true},
		{Wanted{Outcomes: []string{"failed"}}, finished(1, "n1", model.OpSucceeded), false},
		{Wanted{Outcomes: []string{"failed"}}, finished(1, "n1", model.OpDead), true},
		{Wanted{Outcomes: []string{"failed"}}, finished(1, "n1", model.OpOutOfSync), true},
		{Wanted{Outcomes: []string{"failed"}}, finished(1, "n1", model.OpCancelled), false},
		{Wanted{Outcomes: []string{"failed"}, Events: []string{"*"}}, read(1, "n1", "x"), true},
		{Wanted{Modules: []string{"PAM Core"}}, asked("PAM Core", "a1", "shop/prod"), true},
		{Wanted{Modules: []string{"Executions"}}, asked("PAM Core", "a1", "shop/prod"), false},
		{Wanted{Modules: []string{"PAM Core"}, Events: []string{"*"}}, read(1, "n1", "x"), false},
		{Wanted{Requesters: []string{"shop/test", "shop/prod"}}, asked("PAM Core", "a1", "shop/prod"), true},
		{Wanted{Requesters: []string{"a1"}}, asked("PAM Core", "a1", "shop/prod"), true},
		{Wanted{Requesters: []string{"a1"}, Outcomes: []string{"failed"}}, asked("PAM Core", "a1", "shop/prod"), false},
		{Wanted{Requesters: []string{"shop/prod"}}, asked("PAM Core", "", ""), false},
		{Wanted{Requesters: []string{"shop/prod"}}, asked("PAM Core", "a2", "shop/test"), false},
	} {
		if w := c.wanted.withDefaults(); w.matches(&c.event) != c.want {
			t.Errorf("%+v: %s %s", w, c.event.Kind, c.event.Field("state"))
		}
	}
}

// TestWebhookSecrets: the new secret signs beside the old one until the old line is removed; files that others read are refused.
func TestWebhookSecrets(t *testing.T) {
	t.Parallel()
	e, batch := newEndpoint(t), []audit.Event{finished(1, "n1", model.OpDead)}
	c := e.config(t)
	for _, s := range []struct {
		content string
		mode    os.FileMode
		want    string
	}{
		{whsec([]byte(strings.Repeat("n", 32))) + "\n" + whsec(e.key), 0o600, ""},
		{whsec([]byte(strings.Repeat("n", 32))), 0o440, "401"},
		{whsec([]byte("short")), 0o600, "24 bytes"},
		{"hunter2hunter2hunter2hunter2", 0o600, "whsec_"},
		{whsec(e.key), 0o644, "chmod 0600"},
		{"\n", 0o600, "no secret"},
	} {
		path := filepath.Join(t.TempDir(), "s")
		if err := os.WriteFile(path, []byte(s.content), s.mode); err != nil {
			t.Fatal(err)
		}
		c.SecretFile = path
		w, err := newWebhook(c, Options{}, time.Second)
		if err == nil {
			err = w.Send(t.Context(), batch)
		}
		if (err == nil) != (s.want == "") || err != nil && (!strings.Contains(err.Error(), s.want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("want %q, got %v", s.want, err)
		}
	}
}

// TestWebhookGoesNowhereElse: a name that leads to this machine is refused, the proxy of the environment is not used, and
// a certificate that the system does not know is refused.
func TestWebhookGoesNowhereElse(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	e := newEndpoint(t)
	for want, change := range map[string]func(*WebhookConfig){
		"":                        func(*WebhookConfig) {},
		"leads to this machine":   func(c *WebhookConfig) { c.URL = strings.Replace(c.URL, "127.0.0.1", "localhost", 1) },
		"certificate signed by u": func(c *WebhookConfig) { c.CA = "" },
	} {
		c := e.config(t)
		change(&c)
		w, err := newWebhook(c, Options{}, time.Second)
		if err == nil {
			err = w.Send(t.Context(), []audit.Event{finished(1, "n1", model.OpDead)})
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if n := len(e.got()); n != 1 {
		t.Errorf("%d arrived", n)
	}
}

// TestDeadWebhookHoldsUpNobody: a file beside it gets everything.
func TestDeadWebhookHoldsUpNobody(t *testing.T) {
	t.Parallel()
	e, trail, dir := newEndpoint(t), newMemory(), t.TempDir()
	c := Config{Webhooks: []WebhookConfig{e.config(t)}, Files: []FileConfig{{Name: "file", Path: filepath.Join(dir, "audit.jsonl")}}}
	e.Close()
	f, _ := tell(t, c, trail, dir)
	trail.finish("n1", model.OpSucceeded, model.OpDead)
	wait(t, "the file", func() bool { return f.Status()[0].Sent == 2 })
	wait(t, "the complaint", func() bool { return f.Status()[1].Error != "" })
	if s := f.Status()[1]; s.Position != 0 || s.Sent != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSignatureIsThatOfTheSpecification: the example of Standard Webhooks' own libraries.
func TestSignatureIsThatOfTheSpecification(t *testing.T) {
	t.Parallel()
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got, err)
	}
}

// TestReceiverIsTested: what the receiver says comes back at once, and the cursor stays.
func TestReceiverIsTested(t *testing.T) {
	t.Parallel()
	e, trail := newEndpoint(t), newMemory()
	e.answer = func(n int) int { return map[int]int{1: 204, 2: 403}[n] }
	f, _ := tell(t, Config{Webhooks: []WebhookConfig{e.config(t)}}, trail, t.TempDir())
	if err := f.Test(t.Context(), "hook"); err != nil || len(e.got()) != 1 || !strings.Contains(e.bodies[0], `"type":"receiver.test"`) {
		t.Errorf("%v: %v", err, e.bodies)
	}
	if err := f.Test(t.Context(), "hook"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Error(err)
	}
	if err := f.Test(t.Context(), "soc"); err == nil || !strings.Contains(err.Error(), "cofre status") {
		t.Error(err)
	}
	if s := f.Status()[0]; s.Sent != 0 || s.Error != "" {
		t.Errorf("%+v", s)
	}
}

// asked is an operation that succeeded for somebody.
func asked(module, requester, by string) audit.Event {
	e := finished(1, "n1", model.OpSucceeded)
	e.Fields = append(e.Fields, audit.Field{Name: "module", Value: module}, audit.Field{Name: "requester", Value: requester}, audit.Field{Name: "requested_by", Value: by})
	return e
}
