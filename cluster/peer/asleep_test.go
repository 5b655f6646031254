package peer_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cofre/cluster/peer"
	"cofre/fsm/model"
)

// pipes is a network in memory, so that its connections stand still with virtual time.
type pipes struct {
	calls  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{calls: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.calls <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestAsleepForMonths: members whose certificates ended months ago still know each other by their pinned keys, and it is
// an alarm. What dates do not decide, the key does: another key with a valid certificate is refused. When the vault is
// open again the certificate is renewed within seconds.
func TestAsleepForMonths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := found(t, "c1")
		a, b := h.member(t, "a"), h.member(t, "b")
		book := newLogbook()
		ctx, cancel := context.WithCancel(t.Context())
		memory := newPipes()
		l := &peer.Listener{Self: func() *peer.Identity { return a }, Pinned: h.lookup, Log: book.logger(), Handlers: map[string]peer.Handler{
			peer.ProtoRPC: func(_ context.Context, c net.Conn, from model.NodeID) {
				_, _ = io.WriteString(c, "hello "+string(from))
			}}}
		var served sync.WaitGroup
		served.Go(func() {
			if err := l.Serve(ctx, memory); err != nil {
				t.Error(err)
			}
		})
		defer served.Wait()
		defer cancel()
		call := func(as *peer.Identity) (string, error) {
			d := &peer.Dialer{Self: func() *peer.Identity { return as }, Pinned: h.lookup, Dial: memory.dial, Log: book.logger()}
			one, stop := context.WithTimeout(ctx, time.Second)
			defer stop()
			c, err := d.To(one, peer.ProtoRPC, "a", "memory")
			if err != nil {
				return "", err
			}
			defer func() { _ = c.Close() }()
			heard, err := io.ReadAll(c)
			return string(heard), err
		}
		alarms := func() int {
			book.mu.Lock()
			defer book.mu.Unlock()
			return strings.Count(book.buf.String(), "out of date")
		}
		greet := func(when string) {
			t.Helper()
			if heard, err := call(b); err != nil || heard != "hello b" {
				t.Errorf("%s: %q, %v", when, heard, err)
			}
		}
		greet("with fresh certificates")
		if n := alarms(); n != 0 {
			t.Errorf("%d alarms about fresh certificates", n)
		}

		time.Sleep(92 * 24 * time.Hour)
		if !peer.NeedsRenewal(b.Chain[0], time.Now()) {
			t.Fatal("the control: the certificate did not end")
		}
		greet("after three months")
		if n := alarms(); n != 2 { // each of the two about the other
			t.Errorf("%d alarms about certificates that ended, not 2", n)
		}
		stranger := h.issue(t, "b", time.Now()) // a fresh certificate of the right authority for the right name
		if heard, err := call(stranger); err == nil {
			t.Errorf("another key than the pinned one was answered %q", heard)
		}

		// Sealed, nobody can sign a new certificate; opened, it comes within seconds.
		var mu sync.Mutex
		open := false
		holder := peer.NewHolder(b)
		r := &peer.Renewer{Holder: holder, Log: book.logger(), Save: func(*peer.Identity) error { return nil },
			Issue: func(_ context.Context, csr []byte) ([]byte, error) {
				mu.Lock()
				defer mu.Unlock()
				if !open {
					return nil, model.Errorf(model.VaultSealed, "sealed")
				}
				return peer.IssueNode(h.caKey, h.ca, csr, "c1", "b", nil, time.Now())
			}}
		served.Go(func() { _ = r.Run(ctx) })
		time.Sleep(time.Hour)
		if !peer.NeedsRenewal(holder.Get().Chain[0], time.Now()) {
			t.Fatal("a sealed node renewed its certificate")
		}
		mu.Lock()
		open = true
		mu.Unlock()
		time.Sleep(15 * time.Second)
		b = holder.Get()
		if peer.NeedsRenewal(b.Chain[0], time.Now()) {
			t.Error("15 s after the vault was opened the certificate is still the old one")
		}
		before := alarms()
		greet("with a renewed certificate")
		if n := alarms() - before; n != 1 { // a's is still the old one
			t.Errorf("%d alarms with one renewed certificate, not 1", n)
		}
	})
}
