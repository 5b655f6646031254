//go:build !linux

package siem

import (
	"net"
	"time"
)

// unacknowledged is not offered by this system: the settle time alone decides.
func unacknowledged(*net.TCPConn) (int, error) { return 0, nil }

func limitUnacknowledged(*net.TCPConn, time.Duration) {}
