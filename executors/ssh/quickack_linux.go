package ssh

import (
	"net"
	"syscall"
)

// quick asks the kernel to acknowledge at once what the target sends. Servers leave Nagle's algorithm on until a
// session runs, and a delayed acknowledgement would cost 40 ms of every login.
func quick(c net.Conn) net.Conn {
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			return &quickConn{c, raw}
		}
	}
	return c
}

type quickConn struct {
	net.Conn
	raw syscall.RawConn
}

// Read sets the option before each read, because the kernel forgets it.
func (c *quickConn) Read(p []byte) (int, error) {
	_ = c.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
	return c.Conn.Read(p)
}
