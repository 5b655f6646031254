package route

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is an HTTP server with the limits of the API: slow and endless clients are cut off. Reading a whole request may
// take 30 s; an answer may take as long as the longest poll and the writing of it.
func Server(h http.Handler, t *tls.Config) *http.Server {
	return &http.Server{
		Handler: h, TLSConfig: t,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // it prints what clients sent
	}
}

// Listen limits the connections that one peer may hold open at once. Exempt peers, which are trusted proxies, are not counted, and
// may say by the PROXY protocol whose connection it is, which then counts.
func Listen(l net.Listener, perPeer int, peer func(net.Addr) (key string, exempt bool)) net.Listener {
	return &listener{Listener: l, limit: perPeer, peer: peer, open: map[string]int{}}
}

type listener struct {
	net.Listener
	limit int
	peer  func(net.Addr) (string, bool)

	mu   sync.Mutex // guards open
	open map[string]int
}

// Accept closes connections above the limit at once, before any handshake.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		key, exempt := l.peer(c.RemoteAddr())
		if exempt {
			return &proxied{Conn: c, admit: l.admit}, nil
		}
		if l.enter(key) {
			return &conn{Conn: c, leave: sync.OnceFunc(func() { l.exit(key) })}, nil
		}
		_ = c.Close()
	}
}

// admit counts the connection of a client behind a proxy.
func (l *listener) admit(a net.Addr) (leave func(), ok bool) {
	key, exempt := l.peer(a)
	if exempt {
		return func() {}, true
	}
	if !l.enter(key) {
		return nil, false
	}
	return sync.OnceFunc(func() { l.exit(key) }), true
}

func (l *listener) enter(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[key] >= l.limit {
		return false
	}
	l.open[key]++
	return true
}

func (l *listener) exit(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[key]--; l.open[key] <= 0 {
		delete(l.open, key)
	}
}

type conn struct {
	net.Conn
	leave func()
}

func (c *conn) Close() error {
	c.leave()
	return c.Conn.Close()
}
