package executors

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"cofre/fsm/model"
)

// TestTLSConfig: a device with an authority trusts that one alone, nothing below TLS 1.2 is spoken, and a certificate is of the host name,
// else of the address.
func TestTLSConfig(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"db1.example"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, own, own, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	only := x509.NewCertPool()
	only.AppendCertsFromPEM([]byte(ca))
	cfg, err := TLSConfig(model.Endpoint{Address: "192.0.2.1", CA: ca})
	if err != nil || !cfg.RootCAs.Equal(only) {
		t.Errorf("more than the device's authority is trusted: %v", err)
	}

	for name, c := range map[string]struct {
		to     model.Endpoint
		most   uint16 // version that the server speaks
		spoken bool
		says   string
	}{
		"its address":        {model.Endpoint{Address: "192.0.2.1", CA: ca}, tls.VersionTLS13, true, ""},
		"its name":           {model.Endpoint{Address: "192.0.2.1", Hostname: "db1.example", CA: ca}, tls.VersionTLS12, true, ""},
		"another address":    {model.Endpoint{Address: "192.0.2.2", CA: ca}, tls.VersionTLS13, false, "valid for 192.0.2.1, not 192.0.2.2: the device's host name must stand in the certificate"},
		"another name":       {model.Endpoint{Address: "192.0.2.1", Hostname: "db2.example", CA: ca}, tls.VersionTLS13, false, "valid for db1.example, not db2.example: the device's host name must stand in the certificate"},
		"no authority":       {model.Endpoint{Address: "192.0.2.1"}, tls.VersionTLS13, false, "cofre device update HOST --ca-file"},
		"the opt-out":        {model.Endpoint{Address: "192.0.2.2", InsecureTLS: true}, tls.VersionTLS13, true, ""},
		"TLS 1.1":            {model.Endpoint{Address: "192.0.2.1", CA: ca}, tls.VersionTLS11, false, ""},
		"TLS 1.1, opted out": {model.Endpoint{Address: "192.0.2.1", InsecureTLS: true}, tls.VersionTLS11, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := TLSConfig(c.to)
			if err != nil {
				t.Fatal(err)
			}
			ours, theirs := net.Pipe()
			defer func() { _, _ = ours.Close(), theirs.Close() }()
			go func() { // ends with the pipe
				_ = tls.Server(theirs, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: c.most, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}).HandshakeContext(t.Context())
			}()
			_, err = Encrypt(t.Context(), ours, cfg)
			if (err == nil) != c.spoken {
				t.Errorf("%v", err)
			}
			if err != nil && !strings.Contains(FailureOf(&Redactor{}, 0, fmt.Errorf("driver: %w", err)).Msg, c.says) {
				t.Errorf("it says: %v", FailureOf(&Redactor{}, 0, err))
			}
		})
	}
}

// TestEncryptEnds: a target that says nothing speaks no TLS; an attempt that was cancelled says that instead.
func TestEncryptEnds(t *testing.T) {
	t.Parallel()
	for _, cancelled := range []bool{true, false} {
		ours, theirs := net.Pipe()
		defer func() { _, _ = ours.Close(), theirs.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if cancelled {
			cancel()
		}
		_, err := Encrypt(ctx, ours, &tls.Config{ServerName: "x", MinVersion: tls.VersionTLS12})
		var f *Failure
		if cancelled && (errors.As(err, &f) || !errors.Is(err, context.Canceled)) || !cancelled && (!errors.As(err, &f) || f.Class != ClassTLS) {
			t.Errorf("cancelled %t: %v", cancelled, err)
		}
	}
}
