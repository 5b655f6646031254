package route

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Limits of a header of the PROXY protocol: how long the first line of version 1 and the addresses of version 2 are, with what
// else a proxy writes there, and how long it may take to come.
const (
	maxLine1  = 107
	maxBytes2 = 2048
	within    = 5 * time.Second
)

// signature2 begins a header of version 2.
var signature2 = []byte("\r\n\r\n\x00\r\nQUIT\n")

var (
	errProxy   = errors.New("what the proxy sends is no header of the PROXY protocol")
	errCrowded = errors.New("the client behind the proxy holds too many connections")
)

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
	c.from, c.in = c.Conn.RemoteAddr(), bufio.NewReaderSize(c.Conn, maxBytes2)
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

// proxyHeader reads a header, if one comes, and gives the client's address; the zero AddrPort if the proxy speaks for itself.
func proxyHeader(in *bufio.Reader) (netip.AddrPort, error) {
	first, err := in.Peek(1)
	if err != nil {
		return netip.AddrPort{}, err
	}
	switch first[0] {
	case 'P':
		line, err := in.ReadSlice('\n')
		if err != nil {
			return netip.AddrPort{}, errProxy
		}
		return version1(line)
	case signature2[0]:
		return version2(in)
	}
	return netip.AddrPort{}, nil
}

func version1(line []byte) (netip.AddrPort, error) {
	text, ok := strings.CutSuffix(string(line), "\r\n")
	part := strings.Split(text, " ")
	switch {
	case !ok || len(line) > maxLine1 || len(part) < 2 || part[0] != "PROXY":
		return netip.AddrPort{}, errProxy
	case part[1] == "UNKNOWN":
		return netip.AddrPort{}, nil
	case len(part) != 6 || part[1] != "TCP4" && part[1] != "TCP6":
		return netip.AddrPort{}, errProxy
	}
	from, err := netip.ParseAddrPort(net.JoinHostPort(part[2], part[4]))
	if err != nil || from.Addr().Is4() != (part[1] == "TCP4") {
		return netip.AddrPort{}, errProxy
	}
	return from, nil
}

func version2(in *bufio.Reader) (netip.AddrPort, error) {
	var head [16]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return netip.AddrPort{}, err
	}
	n := int(binary.BigEndian.Uint16(head[14:]))
	if !bytes.HasPrefix(head[:], signature2) || head[12]>>4 != 2 || head[12]&0xf > 1 || n > maxBytes2 {
		return netip.AddrPort{}, errProxy
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		return netip.AddrPort{}, err
	}
	size := map[byte]int{0x11: 4, 0x21: 16}[head[13]] // TCP over IPv4 and over IPv6
	switch {
	case head[12]&0xf == 0 || size == 0: // a health check, or a client that has no such address
		return netip.AddrPort{}, nil
	case n < 2*size+4:
		return netip.AddrPort{}, errProxy
	}
	addr, _ := netip.AddrFromSlice(body[:size])
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(body[2*size:])), nil
}
