package siem

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/audit"
)

// WebhookConfig is an HTTP receiver of results. Each event is one POST, signed as the Standard Webhooks specification
// says: webhook-signature holds the HMAC-SHA-256 over "<webhook-id>.<webhook-timestamp>.<body>".
type WebhookConfig struct {
	// Name is for people and names the cursor file; it must not change.
	Name string `yaml:"name"`
	// URL is where events are posted: https, or http with plaintext: true. Redirects are not followed.
	URL string `yaml:"url"`
	// SecretFile holds one secret on each line, whsec_ and at least 24 bytes in base64; each signs, so that a secret is
	// replaced without a gap.
	SecretFile string `yaml:"secret_file"`
	// CA is a file of PEM certificates that sign the receiver's; empty: the system's.
	CA string `yaml:"ca"`
	// Plaintext says that names and addresses may cross the network readable.
	Plaintext bool `yaml:"plaintext"`
	Wanted    `yaml:",inline"`
}

func (c WebhookConfig) validate() (errs []error) {
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("audit webhook "+c.Name+": "+format, args...))
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		bad("url is https://host/path")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		bad("url holds no user, query or fragment: the signature says who sends")
	case u.Scheme == "http" && !c.Plaintext:
		bad("http carries names and addresses readable over the network; use https, or say plaintext: true if that is wanted")
	case u.Scheme == "http" && c.CA != "":
		bad("ca is for https")
	}
	if c.SecretFile == "" {
		bad("secret_file is missing: (umask 077; echo whsec_$(head -c 32 /dev/urandom | base64) > FILE) makes one")
	}
	for _, err := range c.Wanted.validate() {
		bad("%w", err)
	}
	return errs
}

func (c WebhookConfig) about() string {
	s := "webhook " + c.URL
	if strings.HasPrefix(c.URL, "http:") {
		s += ", PLAINTEXT names and addresses"
	}
	return s
}

const leastWebhookSecret = 24 // bytes, as the specification demands

// keys reads the secrets.
func (c WebhookConfig) keys() ([][]byte, error) {
	lines, err := secretFile(c.SecretFile)
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	for _, l := range lines {
		s, ok := strings.CutPrefix(l, "whsec_")
		key, err := base64.StdEncoding.DecodeString(s)
		if !ok || err != nil || len(key) < leastWebhookSecret {
			return nil, fmt.Errorf("a line of %s is not whsec_ and the base64 of at least %d bytes", c.SecretFile, leastWebhookSecret)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// webhook posts events one by one.
type webhook struct {
	cfg     WebhookConfig
	client  *http.Client
	version string
}

func newWebhook(c WebhookConfig, o Options, timeout time.Duration) (*results, error) {
	if _, err := c.keys(); err != nil {
		return nil, err
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	tr := &http.Transport{ // no proxy of the environment
		DialContext: o.dialer(u.Hostname()).DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: timeout, ForceAttemptHTTP2: true, MaxIdleConns: 1, IdleConnTimeout: time.Minute,
	}
	if c.CA != "" {
		if tr.TLSClientConfig.RootCAs, err = authorities(c.CA); err != nil {
			return nil, err
		}
	}
	w := &webhook{cfg: c, version: o.Version, client: &http.Client{
		Transport: tr, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return newResults(w.deliver, tr.CloseIdleConnections), nil
}

func (w *webhook) deliver(ctx context.Context, events []audit.Event) (int, error) {
	keys, err := w.cfg.keys()
	if err != nil {
		return 0, err
	}
	for i := range events {
		if err := w.post(ctx, keys, &events[i]); err != nil {
			return i, err
		}
	}
	return len(events), nil
}

// post sends one event; an answer of 2xx takes it.
func (w *webhook) post(ctx context.Context, keys [][]byte, e *audit.Event) error {
	data, err := jsonLine(viewOf(e, audit.Sensitive))
	if err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp string          `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{e.Kind, e.At.Std().Format(time.RFC3339Nano), data})
	if err != nil {
		return fmt.Errorf("encode event %d: %w", e.Seq, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	id, at := eventID(e), strconv.FormatInt(time.Now().Unix(), 10)
	var signatures []string
	for _, k := range keys {
		signatures = append(signatures, sign(k, id, at, body))
	}
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"cofre/" + w.version},
		"Webhook-Id": {id}, "Webhook-Timestamp": {at}, "Webhook-Signature": {strings.Join(signatures, " ")},
	}
	res, err := w.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection is used again
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		return nil
	}
	err = fmt.Errorf("the receiver answers %d; only 2xx takes an event, and redirects are not followed", res.StatusCode)
	if !slices.Contains(busy, res.StatusCode) {
		err = refusal{err}
	}
	return err
}

// busy are the answers of a receiver, or of what stands before it, that cannot take anything just now.
var busy = []int{http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// eventID is the same whenever and by whichever node an event is sent: a receiver drops the twins by it.
func eventID(e *audit.Event) string {
	return fmt.Sprintf("evt_%d_%s", e.Seq, hex.EncodeToString(e.Hash[:min(8, len(e.Hash))]))
}

// sign is the signature of Standard Webhooks, version 1.
func sign(key []byte, id, at string, body []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + at + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
