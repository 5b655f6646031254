// Package operator holds the commands that talk to the daemon on this machine through its unix socket: found, open and
// seal, join, and look after the cluster. They need root, or the user of the daemon.
package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"time"

	"cofre/fsm/model"
)

// errUnheard says that the daemon went away, or did not answer in time, after it was asked.
var errUnheard = errors.New("the daemon gave no answer: it may have done what it was asked for, or not, as cofre status tells")

// refusal is the daemon's own error; kind is that of fsm/model.
type refusal struct{ text, kind string }

func (r refusal) Error() string { return r.text }

// These say that nobody was asked.
var (
	errNobody    = errors.New("no cofre server answers")
	errForbidden = errors.New("only root and the user of the daemon may use its socket: try it with sudo")
)

// undone tells that what was asked for did not happen. Of any other error nobody knows: a command may be in the log although its
// answer was lost on the way to the daemon, or to us.
func undone(err error) bool {
	var r refusal
	if !errors.As(err, &r) {
		return errors.Is(err, errNobody) || errors.Is(err, errForbidden)
	}
	for _, k := range []model.Kind{model.Invalid, model.NotFound, model.Conflict, model.Denied, model.VaultSealed} {
		if r.kind == k.String() {
			return true
		}
	}
	return false
}

// Client calls the daemon's socket.
type Client struct {
	Socket string
	http   http.Client
}

// NewClient makes a client of a socket.
func NewClient(socket string) *Client {
	c := &Client{Socket: socket}
	c.http.Timeout = 2 * time.Minute
	c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	return c
}

// Post sends args and decodes the answer into out (nil: ignore it).
func (c *Client) Post(ctx context.Context, path string, args, out any) error {
	body, err := json.Marshal(args)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, path, bytes.NewReader(body), out)
}

// PostFile sends args in one line and then a file, which may take any time.
func (c *Client) PostFile(ctx context.Context, path string, args any, file io.Reader, out any) error {
	line, err := json.Marshal(args)
	if err != nil {
		return err
	}
	long := &Client{Socket: c.Socket, http: http.Client{Transport: c.http.Transport}}
	return long.do(ctx, http.MethodPost, path, io.MultiReader(bytes.NewReader(append(line, '\n')), file), out)
}

// Get reads an answer.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, nil, out)
}

// Bytes reads an answer that is not JSON.
func (c *Client) Bytes(ctx context.Context, path string) ([]byte, error) {
	return c.send(ctx, http.MethodGet, path, nil)
}

func (c *Client) do(ctx context.Context, method, path string, body io.Reader, out any) error {
	b, err := c.send(ctx, method, path, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(b, out)
}

// Stream sends args and hands on the answer, a file, which may take any time.
func (c *Client) Stream(ctx context.Context, path string, args any, take func(io.Reader) error) error {
	body, err := json.Marshal(args)
	if err != nil {
		return err
	}
	long := &Client{Socket: c.Socket, http: http.Client{Transport: c.http.Transport}}
	res, err := long.ask(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return take(res.Body)
}

func (c *Client) send(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	res, err := c.ask(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errUnheard, err)
	}
	return b, nil
}

// unasked says why nobody could be asked.
func unasked(socket string, why error) error {
	if errors.Is(why, fs.ErrPermission) {
		return fmt.Errorf("%w (%s: %w)", errForbidden, socket, why)
	}
	return fmt.Errorf("%w at %s (start it with cofre server, or name its socket with --socket): %w", errNobody, socket, why)
}

const maxAnswer = 8 << 20

// ask returns an answer that is no refusal. Who calls closes its body.
func (c *Client) ask(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://cofre"+path, body)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return nil, unasked(c.Socket, op.Err)
		}
		var in *url.Error
		if errors.As(err, &in) {
			err = in.Err // without an address that is none
		}
		return nil, fmt.Errorf("%w (%w)", errUnheard, err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errUnheard, err)
	}
	var e struct{ Error, Kind string }
	if json.Unmarshal(b, &e) == nil && e.Error != "" {
		return nil, refusal{e.Error, e.Kind}
	}
	return nil, fmt.Errorf("the daemon answered %s", res.Status)
}
