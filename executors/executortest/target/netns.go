package target

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// relay is a port on loopback that leads into the network namespace of a server whose own ports cannot be chosen.
type relay struct {
	listener net.Listener
	pid      int
	to       string
	wg       sync.WaitGroup
}

// openRelay carries connections to a port on the loopback of a process's network namespace.
func openRelay(pid, port int) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, pid: pid, to: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	r.wg.Go(r.accept)
	return r, nil
}

func (r *relay) port() uint16 { return uint16(r.listener.Addr().(*net.TCPAddr).Port) }

func (r *relay) accept() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.wg.Go(func() {
			defer c.Close()
			if far, err := dialIn(r.pid, r.to); err == nil { // else the client sees the end of its connection
				join(c, far)
			}
		})
	}
}

// join carries bytes both ways until either side ends.
func join(a, b net.Conn) {
	var wg sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{a: b, b: a} {
		wg.Go(func() {
			_, _ = io.Copy(to, from) // the end of either side is the end of both
			_ = to.Close()
			_ = from.Close()
		})
	}
	wg.Wait()
}

// close ends the port; connections end with the server.
func (r *relay) close() error {
	err := r.listener.Close()
	r.wg.Wait()
	return err
}

// dialIn opens a socket inside the network namespace of a process: a socket stays where it was made.
func dialIn(pid int, addr string) (c net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine, still in the other namespace
		var ns *os.File
		if ns, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", pid)); err != nil {
			return
		}
		defer ns.Close()
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("enter the network namespace of the server: %w", err)
			return
		}
		c, err = net.Dial("tcp4", addr)
	}()
	<-done
	return c, err
}

func closeRelays(rs ...*relay) error {
	var errs []error
	for _, r := range rs {
		if r != nil {
			errs = append(errs, r.close())
		}
	}
	return errors.Join(errs...)
}
