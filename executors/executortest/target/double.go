package target

import (
	"net"
	"testing"
)

// Answer lets a double answer each connection of a listener, until the test ends.
func Answer(t testing.TB, l net.Listener, serve func(net.Conn)) {
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
}
