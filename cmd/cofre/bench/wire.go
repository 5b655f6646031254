package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// wire asks the servers as cheaply as a loader can that shares its processors with them: a request is written and its answer read by the
// goroutine that wants it, over a kept connection that is its own meanwhile. net/http's client hands each request through two goroutines more,
// which cost as much again as the request.
type wire struct {
	tls    *tls.Config
	dialed atomic.Int64
	mu     sync.Mutex // guards idle
	idle   map[string][]*link
}

// link is one connection.
type link struct {
	net.Conn
	answers *bufio.Reader
}

const patience = 30 * time.Second

// do sends one request and gives the body of its answer.
func (w *wire) do(ctx context.Context, req *http.Request) ([]byte, error) {
	a, err := w.ask(ctx, req)
	return a.body, err
}

// ask sends one request; a status of 300 or more is an error, but for 304.
func (w *wire) ask(ctx context.Context, req *http.Request) (answer, error) {
	for {
		l, kept, err := w.take(ctx, req.URL)
		if err != nil {
			return answer{}, err
		}
		a, err := l.exchange(req)
		if err == nil && !a.last {
			w.keep(req.URL.Host, l)
		} else {
			_ = l.Close() // what was to be read is read, or lost
		}
		if err != nil && kept && errors.Is(err, io.EOF) { // the server closed it between two requests
			continue
		}
		if err == nil && a.code >= 300 && a.code != http.StatusNotModified {
			err = fmt.Errorf("%s: %s: %s", req.URL, a.status, a.body)
		}
		return a, err
	}
}

type answer struct {
	code   int
	status string // the code and its words
	tag    string // ETag
	body   []byte
	last   bool // on this connection
}

func (l *link) exchange(req *http.Request) (a answer, err error) {
	if err := l.SetDeadline(time.Now().Add(patience)); err != nil {
		return a, err
	}
	var out bytes.Buffer
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return a, err
		}
		req.Body = body
	}
	if err := req.Write(&out); err != nil {
		return a, err
	}
	if _, err := l.Write(out.Bytes()); err != nil {
		return a, err
	}
	res, err := http.ReadResponse(l.answers, req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Status, res.Header.Get("ETag"), body, res.Close}, err
}

func (w *wire) take(ctx context.Context, to *url.URL) (l *link, kept bool, err error) {
	w.mu.Lock()
	if all := w.idle[to.Host]; len(all) > 0 {
		l, w.idle[to.Host] = all[len(all)-1], all[:len(all)-1]
	}
	w.mu.Unlock()
	if l != nil {
		return l, true, nil
	}
	// From several loopback addresses in turn: the server bounds the connections of one source.
	from := net.IPv4(127, 0, 0, byte(10+w.dialed.Add(1)%8))
	d := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: patience}, Config: w.tls}
	conn, err := d.DialContext(ctx, "tcp", to.Host)
	if err != nil {
		return nil, false, err
	}
	return &link{conn, bufio.NewReader(conn)}, false, nil
}

func (w *wire) keep(host string, l *link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle[host] = append(w.idle[host], l)
}
