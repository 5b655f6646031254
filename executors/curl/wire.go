package curl

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"cofre/executors"
)

const (
	defaultTimeout = 10 * time.Second // of connecting, and of each request (product.md 1.6.8)
	maxBody        = 1 << 20
	maxHops        = 5
)

// client speaks HTTP/1.1 over one connection at a time. It is not the library's, because that one repeats requests by itself
// when a connection breaks: a repeated login may lock an account.
type client struct {
	session executors.Session
	raw     net.Conn // under conn
	conn    net.Conn
	in      *bufio.Reader
	limit   *io.LimitedReader // under in: what one answer may take
	origin  string            // of the connection
	connect time.Duration
	sent    bool // a request was, which may have been a login
}

// answer is what came back.
type answer struct {
	status int
	line   string // "HTTP/1.1 200 OK"
	header http.Header
	body   []byte
}

// tell lets a capture hear the answer, without its headers: cookies are secrets that nobody knows.
func (a *answer) tell(c *executors.Capture) {
	c.Hear([]byte(a.line + "\n"))
	c.Hear(a.body)
	c.Hear([]byte("\n"))
}

// open connects unless the connection is there.
func (c *client) open(ctx context.Context, u *url.URL) error {
	to, err := address(u, c.session.Target)
	if err != nil {
		return err
	}
	origin := u.Scheme + " " + to
	if c.conn != nil && c.origin == origin {
		return nil
	}
	c.hangUp()
	cfg, err := executors.TLSConfig(c.session.Target)
	if err != nil {
		return &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	first, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	raw, err := c.session.Dial(first, "tcp", to)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", to, err)
	}
	conn := raw
	if u.Scheme == "https" {
		cfg.NextProtos = []string{"http/1.1"}
		encrypted := tls.Client(raw, cfg)
		if err := encrypted.HandshakeContext(first); err != nil {
			_ = raw.Close()
			if err = fmt.Errorf("connect to %s: %w", to, err); first.Err() != nil {
				err = executors.Late(first, "connect to "+to, c.connect)
			}
			if !c.sent {
				err = executors.Spare(err)
			}
			return err
		}
		conn = encrypted
	}
	c.limit = &io.LimitedReader{R: conn, N: maxBody}
	c.conn, c.in, c.origin = conn, bufio.NewReader(c.limit), origin
	c.raw = raw
	return nil
}

// hangUp ends the connection, if there is one.
func (c *client) hangUp() {
	if c.conn != nil {
		_ = c.conn.SetDeadline(time.Now().Add(time.Second))
		_ = c.conn.Close()
		c.conn = nil
	}
}

// do sends one request, which is built anew for each hop, and follows redirects within its origin.
func (c *client) do(ctx context.Context, r *http.Request, body []byte, limit time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for hop := 0; ; hop++ {
		a, err := c.once(ctx, r, body)
		if err != nil {
			c.hangUp()
			if ctx.Err() != nil {
				late := executors.Late(ctx, "wait for the answer", limit)
				if executors.IsSpared(err) {
					late = executors.Spare(late)
				}
				err = late
			}
			return a, err
		}
		to := a.header.Get("Location")
		if a.status < 300 || a.status > 399 || a.status == http.StatusNotModified || to == "" {
			return a, nil
		}
		next, err := r.URL.Parse(to)
		switch {
		case err != nil || next.Scheme != r.URL.Scheme || next.Host != r.URL.Host:
			return a, &executors.Failure{Class: executors.ClassProtocol, Msg: "the target redirects to another place, which is not followed"}
		case hop == maxHops:
			return a, &executors.Failure{Class: executors.ClassProtocol, Msg: "the target redirects without end"}
		}
		r = r.Clone(ctx)
		r.URL = next
		if a.status < http.StatusTemporaryRedirect && r.Method != http.MethodHead { // as browsers do
			r.Method, body = http.MethodGet, nil
			r.Header.Del("Content-Type")
		}
	}
}

func (c *client) once(ctx context.Context, r *http.Request, body []byte) (answer, error) {
	if err := c.open(ctx, r.URL); err != nil {
		return answer{}, err
	}
	raw := c.raw
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })() // whoever waits for the target wakes up
	until, _ := ctx.Deadline()
	if err := c.conn.SetDeadline(until); err != nil {
		return answer{}, err
	}
	c.sent = true
	r.Body, r.ContentLength = nil, 0
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if err := r.Write(c.conn); err != nil {
		return answer{}, err
	}
	c.limit.N = 2 * maxBody
	for {
		resp, err := http.ReadResponse(c.in, r)
		if err != nil {
			return answer{}, err
		}
		if resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue // an interim answer
		}
		a := answer{resp.StatusCode, resp.Proto + " " + resp.Status, resp.Header, nil}
		a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
		switch {
		case err != nil:
			return a, err
		case len(a.body) > maxBody:
			return a, &executors.Failure{Class: executors.ClassProtocol, Msg: "the answer is longer than 1 MiB"}
		}
		if err := resp.Body.Close(); err != nil || resp.Close {
			c.hangUp()
		}
		return a, nil
	}
}
