package route

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// within is how long a header of the PROXY protocol may take to come.
const within = 5 * time.Second

var errCrowded = errors.New("the client behind the proxy holds too many connections")

// proxied is a connection of a trusted proxy. If it begins with a header of the PROXY protocol, version 1 or 2, its remote
// address is the one in there; the header is read when the address is asked for, or the first byte, whichever comes first.
type proxied struct {
	net.Conn
	admit func(net.Addr) (leave func(), ok bool)

	once  sync.Once
	in    *bufio.Reader
	from  net.Addr
	leave func()
	err   error
}

// RemoteAddr is the client's address, as the proxy tells it.
func (c *proxied) RemoteAddr() net.Addr {
	c.once.Do(c.read)
	return c.from
}

// Read gives what comes behind the header.
func (c *proxied) Read(p []byte) (int, error) {
	if c.once.Do(c.read); c.err != nil {
		return 0, c.err
	}
	return c.in.Read(p)
}

// Close ends the connection and frees the client's place.
func (c *proxied) Close() error {
	err := c.Conn.Close() // whoever reads the header wakes up
	c.once.Do(func() { c.from, c.err = c.Conn.RemoteAddr(), net.ErrClosed })
	if c.leave != nil {
		c.leave()
	}
	return err
}

func (c *proxied) read() {
	c.from, c.in = c.Conn.RemoteAddr(), bufio.NewReader(c.Conn)
	_ = c.SetReadDeadline(time.Now().Add(within)) // of a connection that was closed meanwhile: reading tells
	from, err := proxyHeader(c.in)
	if err == nil {
		err = c.SetReadDeadline(time.Time{})
	}
	if err == nil && from.IsValid() {
		c.from = net.TCPAddrFromAddrPort(from)
		var ok bool
		if c.leave, ok = c.admit(c.from); !ok {
			err = errCrowded
		}
	}
	c.err = err
}

// proxyHeader reads a header of version 1 or 2, if one comes, and gives the client's address; the zero AddrPort if the proxy speaks for
// itself, such as for a health check, or for a client that has no such address.
func proxyHeader(in *bufio.Reader) (netip.AddrPort, error) {
	h, err := proxyproto.Read(in)
	if errors.Is(err, proxyproto.ErrNoProxyProtocol) {
		return netip.AddrPort{}, nil
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("what the proxy sends is no header of the PROXY protocol: %w", err)
	}
	from, _, ok := h.TCPAddrs()
	if !ok || h.Command.IsLocal() {
		return netip.AddrPort{}, nil
	}
	addr := from.AddrPort()
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
}
