package executors

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
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

// isEnd tells whether an error means that the peer is gone.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
