package browser

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"cofre/executors"
)

// What a page may ask for: it may be the attacker's, and the node's memory is everybody's. maxBody is how long one answer may
// be and maxBodies all of an attempt; maxAtOnce are on their way, maxWaiting more may wait for their turn.
const (
	maxBody    = 4 << 20
	maxBodies  = 64 << 20
	maxAtOnce  = 6
	maxWaiting = 200
)

var errTooMuch = &executors.Failure{Class: executors.ClassProtocol, Msg: "the page asks for too much: an answer may be 4 MiB, all of an attempt 64 MiB, and 200 requests may wait"}

// network is all that the browser has of one: every request of its page is made here, to the device alone, by Session.Dial.
type network struct {
	session executors.Session
	tools   *devtools
	ctx     context.Context //nolint:containedctx // the attempt's, for requests that the page makes by itself
	connect time.Duration
	flying  sync.WaitGroup
	turns   chan struct{} // of requests on their way

	mu      sync.Mutex // guards the fields below
	open    int        // requests on their way, or waiting for it
	bodies  int        // bytes of answers so far
	typed   bool       // the page holds the new secret: whatever it sends may hold it too
	exposed bool       // a request has left since
	failed  error      // why the page that was asked for is not there
}

// paused is a request of the page, which waits for an answer.
type paused struct {
	ID      string `json:"requestId"`
	Type    string `json:"resourceType"`
	Frame   string `json:"frameId"`
	Request struct {
		URL     string            `json:"url"`
		Method  string            `json:"method"`
		Headers map[string]string `json:"headers"`
		Entries []struct {
			Bytes string `json:"bytes"`
		} `json:"postDataEntries"`
		HasBody bool `json:"hasPostData"`
	} `json:"request"`
}

// event takes what the browser tells.
func (n *network) event(method string, params json.RawMessage) {
	switch method {
	case "Fetch.requestPaused":
		var p paused
		if json.Unmarshal(params, &p) != nil {
			return
		}
		n.mu.Lock()
		n.open++
		full := n.open > maxAtOnce+maxWaiting
		n.mu.Unlock()
		if full {
			p.Request.Entries = nil // what is refused does not wait in memory
		}
		n.flying.Go(func() {
			if full {
				n.fail(p, errTooMuch)
			} else {
				n.answer(p)
			}
			n.mu.Lock()
			n.open--
			n.mu.Unlock()
		})
	case "Page.javascriptDialogOpening":
		n.flying.Go(func() {
			_ = n.tools.call(n.ctx, "Page.handleJavaScriptDialog", map[string]any{"accept": true}, nil)
		})
	}
}

// quiet tells whether no request is on its way, and why the page is not there.
func (n *network) quiet() (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open == 0, n.failed
}

// hold notes that the page gets the new secret.
func (n *network) hold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.typed = true
}

// full tells that the page has got as much as it may.
func (n *network) full() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.bodies > maxBodies
}

func (n *network) wasExposed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.exposed
}

// answer makes one request in its turn and hands the answer to the page.
func (n *network) answer(p paused) {
	select {
	case n.turns <- struct{}{}:
		defer func() { <-n.turns }()
	case <-n.ctx.Done():
		return
	}
	status, header, body, err := n.fetch(p)
	if err != nil {
		n.fail(p, err)
		return
	}
	type field struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	fields := []field{}
	for name, values := range header {
		for _, v := range values {
			switch name {
			case "Content-Length", "Transfer-Encoding", "Content-Encoding", "Connection":
			default:
				fields = append(fields, field{name, v})
			}
		}
	}
	_ = n.tools.call(n.ctx, "Fetch.fulfillRequest", map[string]any{ // as above
		"requestId": p.ID, "responseCode": status, "responseHeaders": fields, "body": base64.StdEncoding.EncodeToString(body),
	}, nil)
}

// fail tells the page that a request came to nothing.
func (n *network) fail(p paused, err error) {
	reason := "ConnectionFailed"
	var f *executors.Failure
	if errors.As(err, &f) {
		reason = "BlockedByClient"
	}
	if p.Type == "Document" && p.Frame == n.tools.frame { // a frame inside of the page may stay empty
		n.mu.Lock()
		if n.failed == nil {
			n.failed = err
		}
		n.mu.Unlock()
	}
	_ = n.tools.call(n.ctx, "Fetch.failRequest", map[string]any{"requestId": p.ID, "errorReason": reason}, nil) // a browser that has ended
}

// own tells whether a URL leads to the device, and where that is.
func (n *network) own(u *url.URL) (string, error) {
	t := n.session.Target
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return "", &executors.Failure{Class: executors.ClassRefused, Msg: "the page asks for something that is neither https nor http"}
	case u.Scheme == "http" && !t.InsecureTLS:
		return "", &executors.Failure{Class: executors.ClassTLS, Msg: "plain http is refused, since the device does not allow it: use https, or set insecure_tls for the device"}
	case !strings.EqualFold(u.Hostname(), t.Hostname) && !strings.EqualFold(u.Hostname(), t.Address):
		return "", &executors.Failure{Class: executors.ClassRefused, Msg: "the page leads to another host than the device, which is not followed"}
	}
	port := u.Port()
	switch {
	case port != "":
	case t.Port != 0:
		port = fmt.Sprint(t.Port)
	case u.Scheme == "http":
		port = "80"
	default:
		port = "443"
	}
	return net.JoinHostPort(t.Address, port), nil
}

// fetch makes one request over a connection of its own, on which nothing is repeated. Redirects are the page's to follow.
func (n *network) fetch(p paused) (status int, header http.Header, body []byte, err error) {
	u, err := url.Parse(p.Request.URL)
	if err != nil {
		return 0, nil, nil, err
	}
	to, err := n.own(u)
	if err != nil {
		return 0, nil, nil, err
	}
	if n.full() {
		return 0, nil, nil, errTooMuch
	}
	var sent []byte
	for _, e := range p.Request.Entries {
		part, err := base64.StdEncoding.DecodeString(e.Bytes)
		if err != nil {
			return 0, nil, nil, err
		}
		sent = append(sent, part...)
	}
	defer clear(sent)
	if p.Request.HasBody && len(sent) == 0 {
		return 0, nil, nil, &executors.Failure{Class: executors.ClassProtocol, Msg: "the browser does not tell the content of a request: forms with files are not offered"}
	}
	q, err := http.NewRequestWithContext(n.ctx, p.Request.Method, u.String(), bytes.NewReader(sent))
	if err != nil {
		return 0, nil, nil, err
	}
	for name, value := range p.Request.Headers {
		if !strings.EqualFold(name, "Accept-Encoding") {
			q.Header.Set(name, value)
		}
	}
	if q.Header.Get("Cookie") == "" {
		if err := n.cookies(q); err != nil {
			return 0, nil, nil, err
		}
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return n.dial(ctx, u.Scheme == "https", to) }
	t := &http.Transport{DialContext: dial, DialTLSContext: dial, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 1 << 20}
	defer t.CloseIdleConnections()
	resp, err := t.RoundTrip(q)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1)); err != nil {
		return 0, nil, nil, err
	}
	n.mu.Lock()
	n.bodies += len(body)
	n.mu.Unlock()
	if len(body) > maxBody {
		return 0, nil, nil, errTooMuch
	}
	return resp.StatusCode, resp.Header, body, nil
}

// cookies adds those that the browser keeps for the address, which it does not show in a request that waits.
func (n *network) cookies(q *http.Request) error {
	var kept struct {
		Cookies []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"cookies"`
	}
	if err := n.tools.call(n.ctx, "Network.getCookies", map[string]any{"urls": []string{q.URL.String()}}, &kept); err != nil {
		return err
	}
	for _, c := range kept.Cookies {
		q.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value}) //nolint:gosec // a cookie that goes to its server: attributes are for the other direction
	}
	return nil
}

// dial connects to the device; from here on a page that holds the new secret may have sent it.
func (n *network) dial(ctx context.Context, encrypt bool, to string) (net.Conn, error) {
	cfg, err := executors.TLSConfig(n.session.Target)
	if err != nil {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	first, cancel := context.WithTimeout(ctx, n.connect)
	defer cancel()
	raw, err := n.session.Dial(first, "tcp", to)
	if err != nil {
		return nil, err
	}
	conn := raw
	if encrypt {
		cfg.NextProtos = []string{"http/1.1"}
		c, err := executors.Encrypt(first, raw, cfg)
		if err != nil {
			_ = raw.Close()
			return nil, err
		}
		conn = c
	}
	n.mu.Lock()
	n.exposed = n.exposed || n.typed
	n.mu.Unlock()
	return conn, nil
}
