package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Keys are client keys.
type Keys struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// errNotSent says that no connection was found for a request.
var errNotSent = errors.New("not sent")

// API sends single requests to chosen nodes, as the histories of a checker need it.
type API struct {
	http  *http.Client
	admin Keys
}

// Answer is what a node said.
type Answer struct {
	Status int
	Body   []byte
}

// Reason reads why a request was refused, in any dialect.
func (a Answer) Reason() string {
	var b struct {
		Detail           string `json:"detail"`
		ErrorDescription string `json:"error_description"`
	}
	if json.Unmarshal(a.Body, &b) == nil && b.Detail+b.ErrorDescription != "" {
		return b.Detail + b.ErrorDescription
	}
	return string(a.Body)
}

func newAPI(t *testing.T, ca []byte, admin Keys) *API {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("the cluster showed no certificate of its authority")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}, MaxIdleConnsPerHost: 64, IdleConnTimeout: 20 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	return &API{http: &http.Client{Transport: transport}, admin: admin}
}

// Send sends one request. An error means that no answer came: unless it is errNotSent, the request may have been carried
// out.
func (a *API) Send(ctx context.Context, n *Node, method, path, token string, args any) (Answer, error) {
	var body []byte
	contentType := ""
	switch v := args.(type) {
	case nil:
	case url.Values:
		body, contentType = []byte(v.Encode()), "application/x-www-form-urlencoded"
	default:
		var err error
		if body, err = json.Marshal(v); err != nil {
			return Answer{}, err
		}
		contentType = "application/json"
	}
	var connected atomic.Bool // http.Client repeats a GET whose connection broke, so its last error does not tell
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, method, n.url()+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := a.http.Do(req)
	switch {
	case err != nil && !connected.Load():
		return Answer{}, fmt.Errorf("%w: %w", errNotSent, err)
	case err != nil:
		return Answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	return Answer{res.StatusCode, b}, err
}

// Token gets an access token from a node.
func (a *API) Token(ctx context.Context, n *Node, k Keys) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {k.ID}, "client_secret": {k.Secret}}
	res, err := a.Send(ctx, n, http.MethodPost, "/iso/oauth2/token", "", form)
	if err != nil {
		return "", err
	}
	var t struct {
		AccessToken string `json:"access_token"`
	}
	if res.Status != http.StatusOK || json.Unmarshal(res.Body, &t) != nil || t.AccessToken == "" {
		return "", fmt.Errorf("no token: %d %s", res.Status, res.Reason())
	}
	return t.AccessToken, nil
}

// Must sends the administrator's request to any node until it succeeds, and decodes the answer into out (nil: ignore it).
func (c *Nodes) Must(method, path string, args, out any) {
	c.t.Helper()
	Eventually(c.t, 30*time.Second, method+" "+path, func() error {
		n := c.Running()
		token, err := c.api.Token(c.t.Context(), n, c.api.admin)
		if err != nil {
			return err
		}
		res, err := c.api.Send(c.t.Context(), n, method, path, token, args)
		switch {
		case err != nil:
			return err
		case res.Status >= 500:
			return errors.New(res.Reason())
		case res.Status >= 300:
			c.t.Fatalf("%s %s: %d %s", method, path, res.Status, res.Reason())
		case out != nil:
			return json.Unmarshal(res.Body, out)
		}
		return nil
	})
}

// Secrets prepares a device and lets the administrator read secrets.
func (c *Nodes) Secrets() {
	c.t.Helper()
	c.Must(http.MethodPost, "/api/v1/whoami/secret-read", nil, nil)
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "host", "ip": "192.0.2.1"}, nil)
}

// Credential registers a credential that nothing changes by itself.
func (c *Nodes) Credential(name, secret string, more map[string]any) {
	c.t.Helper()
	body := map[string]any{"identifier": name, "hostname": "host", "username": strings.ToLower(name), "secret": secret}
	for k, v := range more {
		body[k] = v
	}
	c.Must(http.MethodPost, "/api/v1/credentials", body, nil)
}

// Authorize makes a client that may read the secrets of some credentials.
func (c *Nodes) Authorize(application, name string, credentials ...string) Keys {
	c.t.Helper()
	var k Keys
	c.Must(http.MethodPost, "/api/v1/applications/"+application+"/authorizations",
		map[string]any{"name": name, "filter": map[string]any{"credentials": credentials}, "write": true, "rights": []string{"secret.read", "credential.write"}}, &k)
	return k
}
