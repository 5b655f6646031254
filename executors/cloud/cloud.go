// Package cloud is what the executors of clouds share: one HTTPS request at a time, through Session.Dial, with limits; and the patience
// with services that know of a change only after a while.
//
// It guarantees that a request leaves once: no redirect is followed, no proxy of the environment is used, no connection is used twice,
// since Go's client repeats requests on those by itself. The executors in its folders call it.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
)

// The limits of one request: how long it takes with its connection, unless the session says otherwise, and how long its answer is.
const (
	defaultTimeout = 15 * time.Second
	maxBody        = 1 << 20
	maxHeader      = 64 << 10
)

// Answer is what came back.
type Answer struct {
	Status int
	Body   []byte
}

// Send makes one request. A host that is not the device's is reached at port 443, if the executor says that it belongs to the device's
// service; the device's own at the port that it lists. Certificates are verified for the name in the URL.
func Send(ctx context.Context, s executors.Session, r *http.Request) (Answer, error) {
	began := time.Now()
	ctx, cancel := s.Reading(ctx, defaultTimeout)
	defer cancel()
	if r.URL.Scheme != "https" || r.URL.Port() != "" {
		return Answer{}, &executors.Failure{Class: executors.ClassRefused, Msg: "a cloud is spoken to over HTTPS"}
	}
	host, to := r.URL.Hostname(), s.Address(443)
	if !Own(s, host) {
		to = net.JoinHostPort(host, "443")
	}
	cfg, err := executors.TLSConfig(s.Target)
	if err != nil {
		return Answer{}, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	cfg.ServerName, cfg.NextProtos = host, []string{"http/1.1"}
	var door executors.Threshold
	door.Watch(cfg)
	transport := &http.Transport{
		DialContext:     func(ctx context.Context, network, _ string) (net.Conn, error) { return s.Dial(ctx, network, to) },
		TLSClientConfig: cfg, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
	}
	defer transport.CloseIdleConnections()
	failed := func(what string, err error) error {
		if err = fmt.Errorf("%s %s: %w", what, host, err); ctx.Err() != nil {
			err = executors.Late(ctx, what+" "+host, time.Since(began).Round(time.Second/10))
		}
		if !door.Encrypted() {
			err = executors.Spare(err)
		}
		return err
	}
	resp, err := transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return Answer{}, failed("ask", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return Answer{}, failed("read the answer of", err)
	case len(body) > maxBody:
		return Answer{}, &executors.Failure{Class: executors.ClassProtocol, Msg: "the answer is longer than 1 MiB"}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return Answer{}, &executors.Failure{Class: executors.ClassProtocol, Msg: "the target redirects to another place, which is not followed"}
	}
	return Answer{resp.StatusCode, body}, nil
}

// Own tells whether a host is the device itself.
func Own(s executors.Session, host string) bool { return strings.EqualFold(host, Host(s)) }

// Host is the device's name, as certificates have it.
func Host(s executors.Session) string {
	if s.Target.Hostname != "" {
		return s.Target.Hostname
	}
	return s.Target.Address
}

// Text resolves a tag that is no secret.
func Text(s executors.Session, n mask.Name) (out string, err error) {
	v, err := s.Resolve(n)
	if err != nil {
		return "", executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
	}
	_ = v.Reveal(func(b []byte) error { out = string(b); return nil })
	return out, nil
}

// Patience is how long to wait for a change to be known everywhere, with pauses that grow. The zero value is the usual one.
type Patience struct{ Whole, Pause time.Duration }

const (
	usualWhole, usualPause = 30 * time.Second, 500 * time.Millisecond
	longestPause           = 4 * time.Second
)

// ErrAgain is what a function given to Until returns, wrapped, when it has not seen yet what it waits for.
var ErrAgain = errors.New("not yet")

// Until does something until it returns no ErrAgain, or the patience is over: then that error is returned.
func (p Patience) Until(ctx context.Context, do func() error) error {
	if p.Whole == 0 {
		p.Whole = usualWhole
	}
	if p.Pause == 0 {
		p.Pause = usualPause
	}
	for end := time.Now().Add(p.Whole); ; p.Pause = min(2*p.Pause, longestPause) {
		err := do()
		if !errors.Is(err, ErrAgain) || !time.Now().Add(p.Pause).Before(end) {
			return err
		}
		select {
		case <-time.After(p.Pause):
		case <-ctx.Done():
			return fmt.Errorf("wait for the target: %w", ctx.Err())
		}
	}
}
