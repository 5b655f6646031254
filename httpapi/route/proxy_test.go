package route_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cofre/httpapi/route"
)

// version2 is a header of version 2 with what some proxies add behind the addresses.
func version2(command, family byte, addresses ...byte) string {
	body := append(addresses, 4, 0, 1, 0) // a NOOP
	h := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x20|command, family)
	return string(append(binary.BigEndian.AppendUint16(h, uint16(len(body))), body...))
}

// TestProxyHeaders: a trusted proxy's connection is its client's, in both versions of the protocol; a header of anybody else is no part of
// HTTP, and so is one that is malformed.
func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	cert := httptest.NewTLSServer(nil) // for its certificate
	cert.Close()
	roots := x509.NewCertPool()
	roots.AddCert(cert.Certificate())
	client := &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}
	for _, trusted := range []bool{true, false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			addr, _ := netip.ParseAddrPort(r.RemoteAddr)
			_, _ = io.WriteString(w, addr.Addr().String())
		})}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = s.Serve(tls.NewListener(route.Listen(l, map[bool]int{true: 2, false: 100}[trusted], func(a net.Addr) (string, bool) {
				host, _, _ := net.SplitHostPort(a.String())
				return host, trusted && host == "127.0.0.1"
			}), &tls.Config{Certificates: cert.TLS.Certificates, MinVersion: tls.VersionTLS12}))
		}()
		t.Cleanup(func() { _ = s.Close(); <-done })
		six := append(netip.MustParseAddr("2001:db8::7").AsSlice(), append(netip.MustParseAddr("::1").AsSlice(), 0, 80, 0, 90)...)
		for header, want := range map[string]string{
			"": "127.0.0.1",
			"PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\n":   "203.0.113.9",
			"PROXY TCP6 2001:db8::9 2001:db8::1 5000 443\r\n": "2001:db8::9",
			"PROXY UNKNOWN\r\n": "127.0.0.1",
			version2(1, 0x11, 203, 0, 113, 7, 192, 0, 2, 1, 0, 80, 0, 90): "203.0.113.7",
			version2(1, 0x21, six...):                                     "2001:db8::7",
			version2(0, 0):                                                "127.0.0.1",
			"PROXY TCP4 203.0.113.9 192.0.2.1 5000\r\n":                   "",
			"PROXY TCP4 2001:db8::9 2001:db8::1 5000 443\r\n":             "",
			"PROXY TCP4 " + strings.Repeat("1", 200) + "\r\n":             "",
			version2(2, 0x11, 203, 0, 113, 7, 192, 0, 2, 1, 0, 80, 0, 90): "",
			version2(1, 0x11, 203, 0, 113, 7):                             "",
			"\r\n\r\n\x00\r\nQUIP\n!\x11\x00\x0c":                         "",
		} {
			if !trusted && header != "" {
				want = ""
			}
			if got := asked(t, client, l.Addr().String(), header); got != want {
				t.Errorf("trusted %t, %q: seen as %q, want %q", trusted, header, got, want)
			}
		}
		if trusted {
			crowd(t, client, l.Addr().String())
		}
	}
}

// asked is what a server answers to a request behind a header; "" if it refuses.
func asked(t *testing.T, client *tls.Config, addr, header string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, header) // a server that refuses hangs up
	in := tls.Client(c, client)
	_, _ = io.WriteString(in, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	b, _ := io.ReadAll(in)
	head, body, _ := strings.Cut(string(b), "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 200") {
		return ""
	}
	return body
}

// crowd: connections are counted for the client behind the proxy, and freed.
func crowd(t *testing.T, client *tls.Config, addr string) {
	t.Helper()
	const from = "PROXY TCP4 203.0.113.50 192.0.2.1 5000 443\r\n"
	var held []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, from)
		in := tls.Client(c, client)
		_, _ = io.WriteString(in, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if _, err := io.ReadFull(in, make([]byte, 12)); err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	if got := asked(t, client, addr, from); got != "" {
		t.Errorf("a third connection of one client is served: %s", got)
	}
	_ = held[0].Close()
	for end := time.Now().Add(10 * time.Second); asked(t, client, addr, from) == ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the place of a connection that ended is not free")
		}
	}
}
