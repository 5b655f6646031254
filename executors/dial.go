package executors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"

	"cofre/fsm/model"
)

// TLSConfig is how an executor speaks TLS to a target: verified against the target's own CA bundle if it has one,
// else against the system's roots. It is the only place of the house where verification may be switched off, by the
// audited opt-out of the device.
func TLSConfig(target model.Endpoint) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: target.Hostname, InsecureSkipVerify: target.InsecureTLS}
	if cfg.ServerName == "" {
		cfg.ServerName = target.Address
	}
	if target.CA != "" {
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM([]byte(target.CA)) {
			return nil, errors.New("the CA bundle of the device holds no certificate")
		}
	}
	return cfg, nil
}

// Encrypt speaks TLS over a connection. An error came before any login, and says so by its class even when the target was just silent: a
// server that speaks no TLS at that port waits for its client.
func Encrypt(ctx context.Context, conn net.Conn, cfg *tls.Config) (*tls.Conn, error) {
	encrypted := tls.Client(conn, cfg)
	err := encrypted.HandshakeContext(ctx)
	switch {
	case err == nil:
		return encrypted, nil
	case ClassOf(err) == ClassTimeout && !errors.Is(err, context.Canceled):
		return nil, &Failure{Class: ClassTLS, Msg: "no answer to a TLS handshake: does the target speak TLS at this port?", Spared: true}
	}
	return nil, Spare(err)
}

// isEnd tells whether an error means that the peer is gone.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
