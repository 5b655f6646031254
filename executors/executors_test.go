package executors

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

func TestRecorderIsBounded(t *testing.T) {
	t.Parallel()
	r := NewRecorder()
	for range 3 * MaxSteps {
		r.Step(model.Step{Text: strings.Repeat("é", 300)})
	}
	r.Step(model.Step{Text: "last"})
	steps := r.Steps()
	if len(steps) != MaxSteps || steps[MaxSteps-1].Text != "last" {
		t.Errorf("%d steps, last %q", len(steps), steps[len(steps)-1].Text)
	}
	if n := len(steps[0].Text); n > MaxField {
		t.Errorf("a field of %d bytes", n)
	}
}

func TestGuardRedactsWhatWasResolved(t *testing.T) {
	t.Parallel()
	rec := NewRecorder()
	s, red := Session{Trace: rec, Resolve: func(mask.Name) (secret.Value, error) { return secret.New([]byte("hunter2-hunter2")), nil }}.Guard()
	if got := red.Text("hunter2-hunter2"); got != "hunter2-hunter2" {
		t.Fatalf("positive control: %q", got)
	}
	if _, err := s.Resolve(mask.Username); err != nil {
		t.Fatal(err)
	}
	if got := red.Text("hunter2-hunter2"); got == Redacted {
		t.Fatal("a user name is not a secret")
	}
	if _, err := s.Resolve(mask.NewPassword); err != nil {
		t.Fatal(err)
	}
	s.Trace.Step(model.Step{Text: "x", Error: "bad hunter2-hunter2"})
	if got := rec.Steps()[0].Error; got != "bad "+Redacted {
		t.Errorf("transcript shows %q", got)
	}
}

func TestClassOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want Class
	}{
		{context.Canceled, ClassTimeout},
		{io.EOF, ClassNetwork},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, ClassNetwork},
		{&net.DNSError{IsTimeout: true}, ClassTimeout},
		{fmt.Errorf("connect: %w", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), ClassTLS},
		{errors.New("strange"), ClassProtocol},
	} {
		if got := ClassOf(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

func TestTLSConfigVerifiesUnlessOptedOut(t *testing.T) {
	t.Parallel()
	cfg, err := TLSConfig(model.Endpoint{Hostname: "db", Address: "10.0.0.1"})
	if err != nil || cfg.InsecureSkipVerify || cfg.ServerName != "db" {
		t.Errorf("%+v, %v", cfg, err)
	}
	if _, err := TLSConfig(model.Endpoint{CA: "nonsense"}); err == nil {
		t.Error("a broken CA bundle must not be taken for the system's roots")
	}
	if cfg, err := TLSConfig(model.Endpoint{Address: "a", InsecureTLS: true}); err != nil || !cfg.InsecureSkipVerify || cfg.ServerName != "a" {
		t.Errorf("%+v, %v", cfg, err)
	}
}

type engine struct{ Executor }

func (engine) Verify(context.Context, Session, secret.Value) (bool, error) { return false, nil }

type template struct{ Program }

func (template) Verify(context.Context, Session, secret.Value) (bool, error) { return true, nil }

func TestVerifierOfPrefersTheTemplate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		e         Executor
		p         Program
		ok, names bool
	}{
		{engine{}, template{}, true, true},
		{engine{}, nil, true, false},
		{engine{}, struct{ Program }{}, true, false},
		{struct{ Executor }{}, nil, false, false},
	} {
		v, ok := VerifierOf(c.e, c.p)
		if ok != c.ok {
			t.Errorf("%T, %T: %v", c.e, c.p, ok)
			continue
		}
		if !ok {
			continue
		}
		if got, _ := v.Verify(t.Context(), Session{}, secret.Value{}); got != c.names {
			t.Errorf("%T, %T: the template's answer is %v", c.e, c.p, got)
		}
	}
}
