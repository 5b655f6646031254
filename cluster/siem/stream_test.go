package siem

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"cofre/fsm/audit"
)

// TestStreamIsClosedWhileASendIsCutShort: what ends a write when its time is over may run after Close.
func TestStreamIsClosedWhileASendIsCutShort(t *testing.T) {
	t.Parallel()
	for range 300 {
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		s := &stream{
			timeout: time.Second, encode: func(*audit.Event) []byte { return []byte("x") },
			dial: func(context.Context) (net.Conn, error) { return here, nil },
		}
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_ = s.Send(ctx, []audit.Event{{}})
		_ = s.Close()
		_ = there.Close()
	}
}
