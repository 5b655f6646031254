// Package client is the command line's client of the API: it gets a token, keeps it while it is valid, tries the other
// nodes when one does not answer, and turns errors of the API into sentences. The practice commands and the tests of whole
// clusters use it too.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// Config says where the API is and who asks.
type Config struct {
	URLs         []string // https://host:port of the nodes; the first that answers is used
	ClientID     string
	ClientSecret string
	CAFile       string        // PEM; "": the system's authorities
	Insecure     bool          // the certificate is not verified
	Timeout      time.Duration // of one request, beyond what it asks the API to wait; 0: 35 s

	Trace func(method, path string, status int, took time.Duration) // of each answer; nil: nothing is told
}

// dialTimeout is how long a node may take to be there: one that is off does not answer at all, and the next one is asked.
const dialTimeout = 5 * time.Second

// Client calls the API. It may be used by many goroutines.
type Client struct {
	config Config
	http   *http.Client
	sealed atomic.Bool

	mu      sync.Mutex // guards what follows
	token   string
	expires time.Time
	last    int // index of the node that answered
}

// New makes a client.
func New(c Config) (*Client, error) {
	if len(c.URLs) == 0 || c.ClientID == "" {
		return nil, errors.New("no API is configured: set COFRE_URL, COFRE_CLIENT_ID, COFRE_CLIENT_SECRET and COFRE_CA_FILE, or name a practice cluster with --ready FILE")
	}
	if c.Timeout == 0 {
		c.Timeout = 35 * time.Second
	}
	target := model.Endpoint{InsecureTLS: c.Insecure}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the API's authority: %w", err)
		}
		target.CA = string(pem)
	}
	tlsConfig, err := executors.TLSConfig(target)
	if err != nil {
		return nil, fmt.Errorf("read the API's authority: %s holds no certificate", c.CAFile)
	}
	t := &http.Transport{DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, TLSHandshakeTimeout: dialTimeout, TLSClientConfig: tlsConfig, MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true}
	return &Client{config: c, http: &http.Client{Transport: t}}, nil
}

// As is a client with other keys, which begins with the node that answered.
func (c *Client) As(id, secret string) *Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	other := &Client{config: c.config, http: c.http, last: c.last}
	other.config.ClientID, other.config.ClientSecret = id, secret
	return other
}

// Sealed tells whether an answer held secrets that are encrypted to the authorization's key.
func (c *Client) Sealed() bool { return c.sealed.Load() }

// Error is an answer of the API that is not a success.
type Error struct {
	Status  int
	Message string
	Field   string
	Code    int // the vendor's number, 0 if there is none
	Request string
	After   time.Duration // it may be asked again then; 0: the API did not say
}

func (e *Error) Error() string {
	s := e.Message
	if e.Field != "" && !strings.Contains(s, e.Field) {
		s = e.Field + ": " + s
	}
	if e.Status >= 500 && e.Request != "" {
		s += " (request " + e.Request + ")"
	}
	return s
}

// Do sends args as JSON (nil: no body) and decodes the answer into out (nil: ignore it).
func (c *Client) Do(ctx context.Context, method, path string, args, out any) error {
	token, err := c.Token(ctx)
	if err != nil {
		return err
	}
	var body []byte
	if args != nil {
		if body, err = json.Marshal(args); err != nil {
			return err
		}
	}
	b, err := c.send(ctx, method, path, "application/json", body, "Bearer "+token)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("understand the answer of %s: %w", path, err)
	}
	return nil
}

// Token gives a valid access token, getting a new one when the present one ends within a minute.
func (c *Client) Token(ctx context.Context) (string, error) {
	c.mu.Lock()
	token, expires := c.token, c.expires
	c.mu.Unlock()
	if token != "" && time.Until(expires) > time.Minute {
		return token, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.config.ClientID}, "client_secret": {c.config.ClientSecret}}
	b, err := c.send(ctx, http.MethodPost, "/iso/oauth2/token", "application/x-www-form-urlencoded", []byte(form.Encode()), "")
	if err != nil {
		return "", fmt.Errorf("get an access token: %w", err)
	}
	var t struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal(b, &t); err != nil || t.AccessToken == "" {
		return "", errors.New("get an access token: the answer holds none")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.expires = t.AccessToken, time.Now().Add(time.Duration(t.ExpiresIn)*time.Second)
	return c.token, nil
}

// patience is how long a request waits, in all, for an API that has had too many of them: a script may be faster than its keys are allowed.
const patience = 30 * time.Second

// send asks again while the API says that it had too many requests: it carried none of those out.
func (c *Client) send(ctx context.Context, method, path, contentType string, body []byte, authorization string) ([]byte, error) {
	for left := patience; ; {
		b, err := c.ask(ctx, method, path, contentType, body, authorization)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Status != http.StatusTooManyRequests || e.After == 0 || e.After > left {
			return b, err
		}
		left -= e.After
		select {
		case <-time.After(e.After):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// ask tries the nodes in turn. A request that may have been carried out is repeated only if repeating is harmless: reading is, and
// asking for a token.
func (c *Client) ask(ctx context.Context, method, path, contentType string, body []byte, authorization string) ([]byte, error) {
	c.mu.Lock()
	first := c.last
	c.mu.Unlock()
	var last error
	var absent []string
	for i := range c.config.URLs {
		at := (first + i) % len(c.config.URLs)
		b, err, again := c.once(ctx, c.config.URLs[at], method, path, contentType, body, authorization)
		if err == nil {
			c.mu.Lock()
			c.last = at
			c.mu.Unlock()
			return b, nil
		}
		if !again || ctx.Err() != nil {
			return nil, err
		}
		if telling(err) == 0 {
			absent = append(absent, c.config.URLs[at])
		}
		if last == nil || telling(err) >= telling(last) {
			last = err
		}
	}
	if telling(last) > 0 && len(absent) > 0 {
		last = fmt.Errorf("%w; not reached: %s", last, strings.Join(absent, ", "))
	}
	return nil, last
}

// telling ranks why nodes did not do what was asked: what one of them said tells more than a certificate that proves nothing, and that
// more than that the others are not there.
func telling(err error) int {
	if _, ok := errors.AsType[*Error](err); ok {
		return 2
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return 1
	}
	return 0
}

func (c *Client) once(ctx context.Context, base, method, path, contentType string, body []byte, authorization string) (b []byte, err error, again bool) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err, false
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", contentType)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	limit := c.config.Timeout + waits(req.URL)
	caller := ctx
	ctx, cancel := context.WithTimeout(caller, limit)
	defer cancel()
	start := time.Now()
	harmless := method == http.MethodGet || authorization == ""
	var sent atomic.Bool
	res, err := c.http.Do(req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})))
	if err == nil && c.config.Trace != nil {
		c.config.Trace(method, path, res.StatusCode, time.Since(start))
	}
	if err != nil {
		var op interface{ Timeout() bool }
		late := errors.As(err, &op) && op.Timeout()
		if late && sent.Load() && caller.Err() == nil {
			err = silent(base, limit, harmless)
		}
		return nil, err, !sent.Load() || harmless && !late
	}
	defer func() { _ = res.Body.Close() }()
	b, err = io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		if ctx.Err() != nil && caller.Err() == nil {
			err = silent(base, limit, harmless)
		}
		return nil, err, harmless
	}
	if res.StatusCode >= 300 {
		e := parseError(res, b)
		return nil, e, res.StatusCode == http.StatusServiceUnavailable && harmless
	}
	if res.Header.Get(compat.EncryptionHeader) != "" {
		c.sealed.Store(true)
	}
	return b, nil, false
}

// waits is how long a request asks the API to wait before it answers.
func waits(u *url.URL) time.Duration {
	d, err := time.ParseDuration(u.Query().Get("wait"))
	if err != nil || d < 0 {
		return 0 // the API says what is wrong with it
	}
	return d
}

// silent is the error of a node that took a request and did not answer.
func silent(base string, limit time.Duration, harmless bool) error {
	if harmless {
		return fmt.Errorf("%s did not answer within %s", base, limit)
	}
	return fmt.Errorf("%s did not answer within %s: it may have done what was asked, so look before you ask again", base, limit)
}

// File sends a request without a body whose answer is a file. It may take any time. The nodes are tried in turn until one
// gives it.
func (c *Client) File(ctx context.Context, method, path string) (file io.ReadCloser, err error) {
	token, err := c.Token(ctx)
	if err != nil {
		return nil, err
	}
	for _, base := range c.config.URLs {
		var req *http.Request
		if req, err = http.NewRequestWithContext(ctx, method, strings.TrimRight(base, "/")+path, nil); err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		var res *http.Response
		if res, err = (&http.Client{Transport: c.http.Transport}).Do(req); err != nil {
			continue
		}
		if res.StatusCode == http.StatusOK {
			return res.Body, nil
		}
		b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		_ = res.Body.Close()
		if err = parseError(res, b); res.StatusCode != http.StatusServiceUnavailable {
			break
		}
	}
	return nil, err
}

// parseError reads the shapes of errors: management's problems (RFC 9457), the vendor's envelope, and OAuth's.
func parseError(res *http.Response, b []byte) *Error {
	e := &Error{Status: res.StatusCode, Request: res.Header.Get("X-Cofre-Request-Id"), Message: res.Status}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.After = min(time.Duration(seconds)*time.Second, time.Hour)
	}
	var body struct {
		Detail           string `json:"detail"`
		Field            string `json:"field"`
		Code             int    `json:"code"`
		ErrorDescription string `json:"error_description"`
		Response         struct {
			Message string `json:"message"`
		} `json:"response"`
		Exception struct {
			Code int `json:"code"`
		} `json:"exception"`
	}
	if json.Unmarshal(b, &body) != nil {
		return e
	}
	switch {
	case body.Detail != "":
		e.Message, e.Field, e.Code = body.Detail, body.Field, body.Code
	case body.Response.Message != "":
		e.Message, e.Code = body.Response.Message, body.Exception.Code
	case body.ErrorDescription != "":
		e.Message = body.ErrorDescription
	}
	return e
}
