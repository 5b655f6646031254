package executors

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// early is an error before the target was shown a secret, such as the end of a connection that is one too many for it.
type early struct{ error }

// Unwrap gives the error.
func (e *early) Unwrap() error { return e.error }

// Spared: no login can have failed.
func (*early) Spared() bool { return true }

// Spare says of an error that it came before the target was shown a secret: a port that is silent, or closes, has refused no login.
func Spare(err error) error {
	var f *Failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		spared := *f
		spared.Spared = true
		return &spared
	}
	return &early{err}
}

// Late is the error of a step whose context ended: of its limit, that the target did not answer.
func Late(ctx context.Context, step string, limit time.Duration) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Silent(step, limit)
	}
	return fmt.Errorf("%s: %w", step, ctx.Err())
}

// Silent is the error of a step that the target did not answer within its limit.
func Silent(step string, limit time.Duration) *Failure {
	return &Failure{Class: ClassTimeout, Msg: fmt.Sprintf("%s: no answer within %s; for slow targets: cofre automation set --connect-timeout, --read-timeout", step, limit)}
}

// Threshold watches a library that connects and logs in by one call, so that an error tells how far it came.
type Threshold struct {
	heard, shaken atomic.Bool
}

// Dial is a dialer whose connections are watched.
func (t *Threshold) Dial(dial Dialer) Dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watched{c, &t.heard}, nil
	}
}

// Watch lets a handshake tell when it is over, and what was verified before is verified still.
func (t *Threshold) Watch(cfg *tls.Config) {
	verify := cfg.VerifyConnection
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		if verify != nil {
			if err := verify(s); err != nil {
				return err
			}
		}
		t.shaken.Store(true)
		return nil
	}
}

// Heard tells whether the target said anything yet: a login answers to what it says.
func (t *Threshold) Heard() bool { return t.heard.Load() }

// Encrypted tells whether the watched handshake came to its end: a login follows it.
func (t *Threshold) Encrypted() bool { return t.shaken.Load() }

type watched struct {
	net.Conn
	heard *atomic.Bool
}

// Read notes that something came.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.heard.Store(true)
	}
	return n, err
}
