package siem

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// unacknowledged is the number of bytes that the peer's machine has not acknowledged yet.
func unacknowledged(c *net.TCPConn) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	if cerr := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }); cerr != nil {
		return 0, cerr
	}
	return n, err
}

// limitUnacknowledged ends the connection when the peer acknowledges nothing for so long. Failing to set it only means
// that a dead peer is noticed later.
func limitUnacknowledged(c *net.TCPConn, d time.Duration) {
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
		})
	}
}
