package winrm

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"cofre/executors"
)

// maxAnswer is how long one answer of the service may be.
const maxAnswer = 1 << 20

// client speaks HTTP/1.1 over one connection, which is never opened again: a repeated message may change twice, and NTLM logs in a
// connection, not a request. The library's client does repeat.
type client struct {
	red     *executors.Redactor
	url     *url.URL
	raw     net.Conn // under conn
	conn    net.Conn
	in      *bufio.Reader
	size    *io.LimitedReader // under in: what one answer may take
	basic   string            // the header of a login that goes with each request
	connect time.Duration
	limit   time.Duration // of one command
	lost    bool
}

// open connects.
func open(ctx context.Context, s executors.Session, red *executors.Redactor, plain bool) (*client, error) {
	if plain && !s.Target.InsecureTLS {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: "!unsecure sends everything in the clear, which the device does not allow: remove it, or set insecure_tls for the device"}
	}
	cfg, err := executors.TLSConfig(s.Target)
	if err != nil {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	port, scheme := uint16(DefaultPort), "https"
	if plain {
		port, scheme = plainPort, "http"
	}
	to := s.Address(port)
	c := &client{red: red, url: &url.URL{Scheme: scheme, Host: to, Path: "/wsman"}, connect: limit(s.ConnectTimeout, DefaultTimeout), limit: limit(s.ReadTimeout, DefaultReadTimeout)}
	first, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	if c.raw, err = s.Dial(first, "tcp", to); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", to, err)
	}
	c.conn = c.raw
	if !plain {
		cfg.NextProtos = []string{"http/1.1"}
		encrypted, err := executors.Encrypt(first, c.raw, cfg)
		if err != nil {
			_ = c.raw.Close()
			return nil, fmt.Errorf("connect to %s: %w", to, err)
		}
		c.conn = encrypted
	}
	c.size = &io.LimitedReader{R: c.conn, N: maxAnswer}
	c.in = bufio.NewReader(c.size)
	return c, nil
}

// hangUp ends the connection. A target that reads nothing must not hold it.
func (c *client) hangUp() {
	_ = c.raw.SetDeadline(time.Now().Add(time.Second))
	_ = c.conn.Close()
}

// answer is what came back.
type answer struct {
	status int
	line   string // "401 Unauthorized"
	header http.Header
	body   []byte
}

// post sends one message, with a header of a login if there is one, and reads the answer.
func (c *client) post(ctx context.Context, body []byte, authorization string) (a answer, err error) {
	began := time.Now()
	defer func() {
		if err != nil {
			c.lost = true
			if ctx.Err() != nil {
				err = executors.Late(ctx, "wait for the service", time.Since(began).Round(time.Second/10))
			}
		}
	}()
	if c.lost {
		return a, net.ErrClosed
	}
	defer context.AfterFunc(ctx, func() { _ = c.raw.Close() })() // whoever waits for the target wakes up
	if until, ok := ctx.Deadline(); ok {
		if err := c.conn.SetDeadline(until); err != nil {
			return a, err
		}
	}
	r := &http.Request{Method: http.MethodPost, URL: c.url, ContentLength: int64(len(body)), Header: http.Header{"User-Agent": {"Cofre"}, "Content-Type": {"application/soap+xml;charset=UTF-8"}}}
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	out := bufio.NewWriterSize(c.conn, len(body)+4096) // one message, one write
	if err := r.Write(out); err != nil {
		return a, err
	}
	if err := out.Flush(); err != nil {
		return a, err
	}
	c.size.N = 2 * maxAnswer
	resp, err := http.ReadResponse(c.in, r)
	if err != nil {
		return a, err
	}
	a = answer{status: resp.StatusCode, line: resp.Status, header: resp.Header}
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1)); err == nil {
		err = resp.Body.Close()
	}
	switch {
	case err != nil:
		return a, err
	case len(a.body) > maxAnswer:
		return a, &executors.Failure{Class: executors.ClassProtocol, Msg: "the answer is longer than 1 MiB"}
	case resp.Close:
		c.lost = true
	}
	return a, nil
}
