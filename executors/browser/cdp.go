package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// maxMessage is how long one message of the browser may be.
const maxMessage = 32 << 20

// message is one message of the DevTools protocol; each ends with a zero byte.
type message struct {
	ID      int64           `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// devtools is a connection to a browser of our own. It has one page.
type devtools struct {
	conn  io.ReadWriteCloser
	event func(method string, params json.RawMessage) // must not wait for the browser
	ended chan struct{}
	frame string // the page's outermost one, once it is open

	writing sync.Mutex // one message at a time

	mu      sync.Mutex // guards the fields below
	session string     // of the page, once it is open
	next    int64
	waiting map[int64]chan message
}

var errEnded = errors.New("the browser has ended")

func attach(conn io.ReadWriteCloser, event func(string, json.RawMessage)) *devtools {
	d := &devtools{conn: conn, event: event, ended: make(chan struct{}), waiting: map[int64]chan message{}}
	go d.read()
	return d
}

// read takes messages until the connection ends.
func (d *devtools) read() {
	defer close(d.ended)
	in := bufio.NewReaderSize(d.conn, 64<<10)
	var raw []byte
	for {
		part, err := in.ReadSlice(0)
		raw = append(raw, part...)
		if errors.Is(err, bufio.ErrBufferFull) && len(raw) < maxMessage {
			continue
		}
		if err != nil {
			return
		}
		var m message
		err = json.Unmarshal(raw[:len(raw)-1], &m)
		clear(raw)
		raw = raw[:0]
		switch {
		case err != nil:
			return
		case m.ID == 0:
			d.mu.Lock()
			ours := m.Session == d.session
			d.mu.Unlock()
			if ours {
				d.event(m.Method, m.Params)
			}
		default:
			d.mu.Lock()
			c := d.waiting[m.ID]
			delete(d.waiting, m.ID)
			d.mu.Unlock()
			if c != nil {
				c <- m
			}
		}
	}
}

// call asks the browser, and reads the answer into result unless it is nil.
func (d *devtools) call(ctx context.Context, method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answer := make(chan message, 1)
	d.mu.Lock()
	d.next++
	id, session := d.next, d.session
	d.waiting[id] = answer
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.waiting, id)
		d.mu.Unlock()
	}()
	out, err := json.Marshal(message{ID: id, Session: session, Method: method, Params: raw})
	if err != nil {
		return err
	}
	d.writing.Lock()
	_, err = d.conn.Write(append(out, 0))
	d.writing.Unlock()
	clear(out)
	clear(raw)
	if err != nil {
		return errEnded
	}
	select {
	case m := <-answer:
		switch {
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		}
		return nil
	case <-d.ended:
		return errEnded
	case <-ctx.Done():
		return fmt.Errorf("wait for the browser: %w", ctx.Err())
	}
}

// open makes the page and lets every request of it be asked for.
func (d *devtools) open(ctx context.Context, agent string) error {
	var page struct {
		TargetID string `json:"targetId"`
	}
	var private struct { // keeps cookies and forms in memory alone
		ID string `json:"browserContextId"`
	}
	if err := d.call(ctx, "Target.createBrowserContext", map[string]any{"disposeOnDetach": true}, &private); err != nil {
		return err
	}
	if err := d.call(ctx, "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": private.ID}, &page); err != nil {
		return err
	}
	var in struct {
		SessionID string `json:"sessionId"`
	}
	if err := d.call(ctx, "Browser.setDownloadBehavior", map[string]any{"behavior": "deny", "browserContextId": private.ID}, nil); err != nil {
		return err
	}
	if err := d.call(ctx, "Target.attachToTarget", map[string]any{"targetId": page.TargetID, "flatten": true}, &in); err != nil {
		return err
	}
	d.frame = page.TargetID // before the page can ask for anything
	d.mu.Lock()
	d.session = in.SessionID
	d.mu.Unlock()
	type step struct {
		method string
		params map[string]any
	}
	steps := []step{
		{"Fetch.enable", map[string]any{"patterns": []map[string]any{{"urlPattern": "*"}}}},
		{"Page.enable", nil},
		{"Network.setBypassServiceWorker", map[string]any{"bypass": true}},
	}
	if agent != "" {
		steps = append(steps, step{"Emulation.setUserAgentOverride", map[string]any{"userAgent": agent}})
	}
	for _, s := range steps {
		if s.params == nil {
			s.params = map[string]any{}
		}
		if err := d.call(ctx, s.method, s.params, nil); err != nil {
			return err
		}
	}
	return nil
}

// evaluate runs a script of ours in the page. No script holds a value of a tag.
func evaluate[T any](ctx context.Context, d *devtools, script string) (T, error) {
	var out struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	var v T
	err := d.call(ctx, "Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true}, &out)
	switch {
	case err != nil:
		return v, err
	case out.Exception != nil:
		return v, fmt.Errorf("the page's script fails: %s", out.Exception.Text)
	case len(out.Result.Value) == 0:
		return v, nil
	}
	return v, json.Unmarshal(out.Result.Value, &v)
}
