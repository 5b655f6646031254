package siem

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"cofre/fsm/audit"
)

// stream sends to a syslog receiver: records with their lengths in front over TLS (RFC 5425) and TCP (RFC 6587, 3.4.1),
// one datagram each over UDP. It reconnects when it is used after an error.
type stream struct {
	encode  func(*audit.Event) []byte
	dial    func(ctx context.Context) (net.Conn, error)
	counted bool // octet counting
	timeout time.Duration

	conn net.Conn
	tcp  *net.TCPConn // under conn; nil for UDP
	wg   sync.WaitGroup

	mu  sync.Mutex // guards end
	end error      // why the receiver ended the connection; nil while it stands
}

func newStream(r ReceiverConfig, version string, timeout time.Duration) (*stream, error) {
	s := &stream{counted: r.Transport != "udp", timeout: timeout}
	facility := facilities[r.Facility]
	s.encode = func(e *audit.Event) []byte { return syslogRecord(viewOf(e, audit.Sensitive), facility, r.SDID) }
	if r.Format == "cef" {
		s.encode = func(e *audit.Event) []byte { return cefRecord(viewOf(e, audit.Sensitive), facility, version) }
	}
	network := "tcp"
	if r.Transport == "udp" {
		network = "udp"
	}
	s.dial = func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: timeout}).DialContext(ctx, network, r.Address)
	}
	if r.Transport != "tls" {
		return s, nil
	}
	if _, err := r.tlsConfig(); err != nil {
		return nil, err
	}
	plain := s.dial
	s.dial = func(ctx context.Context) (net.Conn, error) {
		cfg, err := r.tlsConfig() // read again: certificates are renewed in place
		if err != nil {
			return nil, err
		}
		raw, err := plain(ctx)
		if err != nil {
			return nil, err
		}
		s.tcp, _ = raw.(*net.TCPConn)
		conn := tls.Client(raw, cfg)
		if err := conn.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("TLS handshake: %w", err), raw.Close())
		}
		return conn, nil
	}
	return s, nil
}

// Send writes the batch; the connection is made if there is none.
func (s *stream) Send(ctx context.Context, batch []audit.Event) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	deadline := time.Now().Add(s.timeout)
	if d, ok := ctx.Deadline(); ok {
		deadline = d
	}
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	conn := s.conn // it may run when Close has already let go of it
	stop := context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	var buf []byte
	for i := range batch {
		rec := s.encode(&batch[i])
		if s.counted {
			buf = append(strconv.AppendInt(buf, int64(len(rec)), 10), ' ')
			buf = append(buf, rec...)
			if i+1 < len(batch) {
				continue
			}
			rec = buf
		}
		if _, err := s.conn.Write(rec); err != nil {
			return fmt.Errorf("write to the receiver: %w", err)
		}
	}
	return nil
}

func (s *stream) open(ctx context.Context) error {
	if s.conn != nil {
		return s.ended()
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to the receiver: %w", err)
	}
	if t, ok := conn.(*net.TCPConn); ok {
		s.tcp = t
	}
	if s.tcp != nil {
		limitUnacknowledged(s.tcp, s.timeout)
	}
	s.conn, s.end = conn, nil
	s.wg.Go(func() { s.watch(conn) })
	return nil
}

// watch waits for the end of the connection: a syslog receiver says nothing else. Close ends it.
func (s *stream) watch(conn net.Conn) {
	_, err := io.Copy(io.Discard, conn)
	if err == nil {
		err = io.EOF
	}
	s.mu.Lock()
	s.end = fmt.Errorf("the receiver ended the connection: %w", err)
	s.mu.Unlock()
}

func (s *stream) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// Settled tells whether the connection stands and the receiver's machine has acknowledged every byte.
func (s *stream) Settled() (bool, error) {
	if s.conn == nil {
		return true, nil
	}
	if err := s.ended(); err != nil {
		return false, err
	}
	if s.tcp == nil {
		return true, nil
	}
	n, err := unacknowledged(s.tcp)
	if err != nil {
		return false, fmt.Errorf("ask for unacknowledged bytes: %w", err)
	}
	return n == 0, nil
}

// Close ends the connection and waits for its watcher.
func (s *stream) Close() error {
	if s.conn == nil {
		return nil
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // for the last word of TLS
	err := s.conn.Close()
	s.wg.Wait()
	s.conn, s.tcp = nil, nil
	return err
}
