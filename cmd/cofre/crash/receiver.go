package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// receiver is a real rsyslogd on the bridge's address, over TLS with certificates on both sides.
type receiver struct {
	dir  string
	addr string
	cmd  *exec.Cmd
}

func startReceiver(ctx context.Context, dir, host string) (*receiver, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	r := &receiver{dir: dir, addr: l.Addr().String()}
	if err := errors.Join(l.Close(), r.certificates(host)); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(r.addr)
	conf := fmt.Sprintf(`global(workDirectory=%q maxMessageSize="64k" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile=%q defaultNetstreamDriverCertFile=%q defaultNetstreamDriverKeyFile=%q)
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid")
template(name="t" type="string" string="%%hostname%%|%%msgid%%|%%structured-data%%\n")
ruleset(name="r") { action(type="omfile" file=%q template="t") }
input(type="imtcp" address=%q port=%q ruleset="r")
`, dir, r.path("ca.pem"), r.path("server.pem"), r.path("server-key.pem"), r.path("out"), host, port)
	if err := os.WriteFile(r.path("rsyslog.conf"), []byte(conf), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(r.path("log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r.cmd = exec.Command("rsyslogd", "-n", "-f", r.path("rsyslog.conf"), "-i", r.path("pid"))
	r.cmd.Stdout, r.cmd.Stderr = log, log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start rsyslogd (apt-get install rsyslog rsyslog-gnutls): %w", err)
	}
	return r, until(ctx, 10*time.Second, "rsyslogd listens", func() error {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

func (r *receiver) path(name string) string { return filepath.Join(r.dir, name) }

// config is what a node is told of it.
func (r *receiver) config() error {
	return os.WriteFile(r.path("cofre.yaml"), []byte(fmt.Sprintf("audit:\n  local:\n    mode: \"off\"\n  receivers:\n  - name: soc\n    address: %s\n    ca: %s\n    certificate: %s\n    key: %s\n",
		r.addr, r.path("ca.pem"), r.path("client.pem"), r.path("client-key.pem"))), 0o600)
}

// certificates makes an authority and what it signs.
func (r *receiver) certificates(host string) error {
	authority, key, err := r.issue("ca", host, nil, nil)
	if err != nil {
		return err
	}
	for _, name := range []string{"server", "client"} {
		if _, _, err := r.issue(name, host, authority, key); err != nil {
			return err
		}
	}
	return nil
}

func (r *receiver) issue(name, host string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, err
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, IPAddresses: []net.IP{net.ParseIP(host)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if parent == nil {
		c.ExtKeyUsage, parent, signer = nil, c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	err = errors.Join(
		os.WriteFile(r.path(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(r.path(name+"-key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return c, key, err
}

// event is what identifies one: its number, its hash and the node it came from.
type event struct {
	seq        uint64
	hash, node string
}

var eventLine = regexp.MustCompile(`^([^|]*)\|[^|]*\|\[[^ ]* seq="([0-9]+)"[^\]]* hash="([0-9a-f]{64})"`)

// events reads what was received, and how many events came more than once. A line that is no event is an error.
func (r *receiver) events() (got map[event]bool, twins int, err error) {
	got = map[event]bool{}
	f, err := os.Open(r.path("out"))
	if errors.Is(err, fs.ErrNotExist) {
		return got, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		p := eventLine.FindStringSubmatch(in.Text())
		if p == nil {
			return nil, 0, fmt.Errorf("the receiver wrote a line that is no event: %.200q", in.Text())
		}
		seq, err := strconv.ParseUint(p[2], 10, 64)
		if err != nil {
			return nil, 0, err
		}
		e := event{seq, p[3], p[1]}
		if got[e] {
			twins++
		}
		got[e] = true
	}
	return got, twins, in.Err()
}

func (r *receiver) close() error {
	if r.cmd == nil {
		return nil
	}
	err := r.cmd.Process.Signal(syscall.SIGTERM)
	_ = r.cmd.Wait() // its status after a signal says nothing
	return err
}
