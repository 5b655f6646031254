package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestShamir: a vault that is opened by people, restarted, opened again by shares, and by recovery shares when the others
// are lost.
func TestShamir(t *testing.T) {
	t.Parallel()
	base := freePorts(t, 6)
	s := newSingle(t, base, "seal: shamir\n")
	other := newSingle(t, base+3, "seal: shamir\n")
	for _, n := range []*single{s, other} {
		n.start()
		n.must("", "init", "--recovery-out", n.path("init"))
	}
	other.stop()
	const secret = "never-in-clear-5719"
	api := s.api(filepath.Join(s.path("init"), "ca.pem"))
	s.keeps(api, secret)
	s.returns(secret)

	s.stop()
	s.start()
	s.sealed()
	// What is no share, a share of another kind and one of another cluster cost nothing, and who enters his share again keeps nobody waiting.
	s.fails("not a share", "hello\n", "unseal", "--shares")
	s.fails("cofre recover unseal takes", s.shares("recovery", 1), "unseal", "--shares")
	s.fails("1 of 3", other.shares("unseal", 1), "unseal", "--shares")
	s.fails("1 of 3 shares; 1 entered before belong to another set", s.shares("unseal", 2), "unseal", "--shares")
	s.fails("already", s.shares("unseal", 2), "unseal", "--shares")
	s.sealed()
	s.must("hello\n"+s.shares("unseal", 2, 5, 1), "unseal", "--shares")
	s.returns(secret)

	// Another start, any other three.
	s.stop()
	s.start()
	s.sealed()
	// Three shares of another cluster are a set, but not ours; the next ones count from the start.
	s.fails("do not open", other.shares("unseal", 1, 2, 3), "unseal", "--shares")
	s.sealed()
	s.must(s.shares("unseal", 4, 3, 2), "unseal", "--shares")
	s.returns(secret)

	// All shares of the seal are lost: three of the five recovery shares open the vault.
	s.stop()
	s.start()
	s.sealed()
	s.fails("another kind", s.shares("unseal", 1), "recover", "unseal")
	s.fails("do not open", other.shares("recovery", 1, 2, 3), "recover", "unseal")
	s.sealed()
	s.must(s.shares("recovery", 1, 3, 5), "recover", "unseal")
	s.returns(secret)
}

// TestOwnCertificate: a certificate of the operator's own is what the API shows.
func TestOwnCertificate(t *testing.T) {
	s := newSingle(t, freePorts(t, 3), "cert_file\n")
	pool := writeCertificate(t, s.path("own.pem"), s.path("own-key.pem"))
	s.start()
	s.must("", "init", "--recovery-out", s.path("init"))
	Eventually(t, 20*time.Second, "the API shows its own certificate", func() error {
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: time.Second}, Config: &tls.Config{RootCAs: pool, ServerName: "vault.example.org"}}
		c, err := d.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		if cert := c.(*tls.Conn).ConnectionState().PeerCertificates[0]; cert.Subject.CommonName != "own" {
			return fmt.Errorf("it shows %s", cert.Subject)
		}
		return nil
	})
	var who struct{}
	if err := s.api(s.path("own.pem")).Do(t.Context(), http.MethodGet, "/api/v1/whoami", nil, &who); err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("through the own certificate: %v", err)
	}
}

func writeCertificate(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "own"}, DNSNames: []string{"vault.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, b := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: k}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}

// TestRefusedStarts: practice and real data do not mix, and keys lie where only this node reads them.
func TestRefusedStarts(t *testing.T) {
	port := freePorts(t, 3)
	for _, founded := range []string{"dev: true\n", ""} {
		s := newSingle(t, port, "")
		s.configure(founded)
		s.start()
		s.must("", "init", "--recovery-out", s.path("init"))
		s.stop()
		now, want := "", "practice cluster"
		if founded == "" {
			now, want = "dev: true\n", "real cluster"
		}
		s.configure(now)
		if out := s.refuses(); !strings.Contains(out, want) {
			t.Errorf("founded with %q, started with %q:\n%s", founded, now, out)
		}
		s.configure(founded)
		if founded == "" {
			continue
		}
		for _, key := range []string{"disk.key", "seal.key"} {
			file := filepath.Join(s.path("keys"), key)
			if err := os.Chmod(file, 0o644); err != nil {
				t.Fatal(err)
			}
			if out := s.refuses(); !strings.Contains(out, key) || !strings.Contains(out, "make it 0600") {
				t.Errorf("%s readable by others:\n%s", key, out)
			}
			if err := os.Chmod(file, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for file, want := range map[string]string{
			"keys/disk.key": "disk.key back from a copy", "data/identity": "its identity is lost: remove this node (cofre cluster remove n1",
			"data/state/0-first/marker.format-version.*": "remove this node (cofre cluster remove n1",
		} {
			found, err := filepath.Glob(s.path(file))
			if err != nil || len(found) != 1 {
				t.Fatal(file, found, err)
			}
			if err := os.Rename(found[0], s.path("aside")); err != nil {
				t.Fatal(err)
			}
			if out := s.refuses(); !strings.Contains(out, want) {
				t.Errorf("without %s:\n%s", file, out)
			}
			if err := os.Rename(s.path("aside"), found[0]); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Rename(s.path("keys"), filepath.Join(s.path("data"), "keys")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(s.path("data"), "keys"), s.path("keys")); err != nil {
			t.Fatal(err)
		}
		if out := s.refuses(); !strings.Contains(out, "inside the data directory") {
			t.Errorf("keys inside the data directory:\n%s", out)
		}
	}
}
