package siem

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cofre/fsm/audit"
)

// authority makes certificates for a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.issue(t, "ca", true)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name+".pem") }

func (a *authority) issue(t *testing.T, name string, ca bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if ca {
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature, nil
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, kind string, b []byte) {
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(a.path(name), "CERTIFICATE", der)
	write(a.path(name+"-key"), "PRIVATE KEY", pkcs8)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// rsyslog is a real receiver.
type rsyslog struct {
	t    *testing.T
	conf string
	out  string
	dir  string
	addr string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

func newRsyslog(t *testing.T, a *authority) *rsyslog {
	t.Helper()
	if _, err := exec.LookPath("rsyslogd"); err != nil {
		t.Fatal("rsyslogd is missing: apt-get install -y --no-install-recommends rsyslog rsyslog-gnutls")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := &rsyslog{t: t, dir: dir, conf: dir + "/rsyslog.conf", out: dir + "/out", addr: l.Addr().String()}
	_ = l.Close()
	t.Cleanup(r.stop)
	if a == nil {
		return r // the test writes its own configuration
	}
	_, port, _ := net.SplitHostPort(r.addr)
	conf := fmt.Sprintf(`global(workDirectory=%q maxMessageSize="64k" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile=%q defaultNetstreamDriverCertFile=%q defaultNetstreamDriverKeyFile=%q)
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid")
template(name="t" type="string" string="%%hostname%%|%%app-name%%|%%msgid%%|%%structured-data%%|%%msg%%\n")
ruleset(name="r") { action(type="omfile" file=%q template="t") }
input(type="imtcp" address="127.0.0.1" port=%q ruleset="r")
`, dir, a.path("ca"), a.path("server"), a.path("server-key"), r.out, port)
	if err := os.WriteFile(r.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rsyslog) launch() {
	r.t.Helper()
	r.cmd = exec.Command("rsyslogd", "-n", "-f", r.conf, "-i", r.dir+"/pid")
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rsyslog) start() {
	r.t.Helper()
	r.launch()
	wait(r.t, "rsyslogd to listen", func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
}

func (r *rsyslog) stop() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	_ = r.cmd.Wait()
	r.cmd = nil
	if r.t.Failed() {
		r.t.Logf("rsyslogd: %s", r.log.String())
	}
}

func (r *rsyslog) text() string {
	b, _ := os.ReadFile(r.out)
	return string(b)
}

// wait polls for a condition of another process; nothing tells us of it.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (a *authority) receiver(addr string) ReceiverConfig {
	return ReceiverConfig{
		Name: "soc", Address: addr, CA: a.path("ca"), Certificate: a.path("client"), Key: a.path("client-key"),
	}
}

// forward runs a forwarder to one receiver until the test ends, or stop is called.
func forward(t *testing.T, r ReceiverConfig, trail Trail, dir string) (f *Forwarder, stop func()) {
	t.Helper()
	f, err := New(Config{Local: LocalConfig{Mode: LocalOff}, Receivers: []ReceiverConfig{r}, Timeout: 2 * time.Second},
		Options{Node: "n1", Version: "1", Trail: trail, Dir: dir, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = f.Run(ctx) })
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return f, stop
}

func TestRealRsyslogOverMutualTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.issue(t, "server", false)
	a.issue(t, "client", false)
	r := newRsyslog(t, a)
	r.start()
	trail := newMemory()
	for i, s := range hostile {
		trail.events = append(trail.events, read(uint64(i+1), "n1", s))
	}
	dir := t.TempDir()
	f, stop := forward(t, a.receiver(r.addr), trail, dir)
	last := uint64(len(hostile))
	wait(t, "every event to be taken", func() bool { return f.Status()[0].Position == last })
	wait(t, "rsyslog to write", func() bool { return strings.Count(r.text(), "\n") >= len(hostile) })
	got := strings.Split(strings.TrimSpace(r.text()), "\n")
	control := strings.NewReplacer("\n", "#012", "\r", "#015", "\t", "#011", "\x00", "#000") // rsyslog shows control characters so
	for i, s := range hostile {
		want := `n1|cofre|credential.read|[cofre@32473 seq="` + strconv.Itoa(i+1) + `"`
		if !strings.HasPrefix(got[i], want) || !strings.HasSuffix(got[i], "|a secret was read") && !strings.HasSuffix(got[i], "| a secret was read") {
			t.Errorf("event %d arrived as %.300q", i+1, got[i])
		}
		if v := `identifier="` + control.Replace(sdEscape.Replace(s)) + `"`; !strings.Contains(got[i], v) {
			t.Errorf("event %d lost its value %.100q: %.300q", i+1, v, got[i])
		}
	}

	// the receiver restarts: nothing is lost, what is sent twice is the same event
	stop()
	r.stop()
	trail.add("n1", "n1")
	f, _ = forward(t, a.receiver(r.addr), trail, dir)
	wait(t, "the failure to show", func() bool { return f.Status()[0].Error != "" })
	r.start()
	trail.add("n1")
	wait(t, "the rest to be taken", func() bool { return f.Status()[0].Position == last+3 && f.Status()[0].Error == "" })
	for seq := uint64(1); seq <= last+3; seq++ {
		if !strings.Contains(r.text(), fmt.Sprintf(` seq="%d" `, seq)) {
			wait(t, fmt.Sprintf("event %d", seq), func() bool { return strings.Contains(r.text(), fmt.Sprintf(` seq="%d" `, seq)) })
		}
	}
}

// TestRefusedClientCertificate: with TLS 1.3 a receiver refuses after our handshake is done; events must not count as sent.
func TestRefusedClientCertificate(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	a.issue(t, "server", false)
	stranger.issue(t, "client", false)
	r := newRsyslog(t, a)
	r.start()
	trail := newMemory()
	trail.add("n1")
	c := a.receiver(r.addr)
	c.Certificate, c.Key = stranger.path("client"), stranger.path("client-key")
	f, stop := forward(t, c, trail, t.TempDir())
	wait(t, "the refusal", func() bool { return f.Status()[0].Error != "" })
	stop()
	if s := f.Status()[0]; s.Position != 0 || strings.Contains(r.text(), "credential.read") {
		t.Errorf("%+v, %s", s, r.text())
	}
	c = a.receiver(r.addr)
	c.CA = stranger.path("ca") // and a receiver that we cannot verify gets nothing
	a.issue(t, "client", false)
	f, stop = forward(t, c, trail, t.TempDir())
	wait(t, "our refusal", func() bool { return strings.Contains(f.Status()[0].Error, "certificate") })
	stop()
	if s := f.Status()[0]; s.Position != 0 || strings.Contains(r.text(), "credential.read") {
		t.Errorf("%+v, %s", s, r.text())
	}
}

// TestStalledReceiver: it takes the connection and reads nothing. The cursor stays, and the end of the program is prompt.
func TestStalledReceiver(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	trail := newMemory()
	long := strings.Repeat("x", 200_000)
	for i := range 100 {
		trail.events = append(trail.events, read(uint64(i+1), "n1", long))
	}
	f, stop := forward(t, ReceiverConfig{Name: "soc", Address: l.Addr().String(), Transport: "tcp", Plaintext: true}, trail, t.TempDir())
	wait(t, "the stall to show", func() bool { return f.Status()[0].Error != "" })
	if s := f.Status()[0]; s.Position != 0 {
		t.Errorf("%+v", s)
	}
	done := make(chan struct{})
	go func() { stop(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("a stalled receiver holds up the end")
	}
}

// TestTCPFraming reads octet counting as RFC 6587 defines it.
func TestTCPFraming(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	trail := newMemory()
	for i, s := range hostile {
		trail.events = append(trail.events, read(uint64(i+1), "n1", s))
	}
	forward(t, ReceiverConfig{Name: "soc", Address: l.Addr().String(), Transport: "tcp", Plaintext: true}, trail, t.TempDir())
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := range hostile {
		size, err := in.ReadString(' ')
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSuffix(size, " "))
		if err != nil {
			t.Fatal(err)
		}
		rec := make([]byte, n)
		if _, err := io.ReadFull(in, rec); err != nil {
			t.Fatal(err)
		}
		want := syslogRecord(viewOf(&trail.events[i], audit.Sensitive), facilities["authpriv"], "cofre@32473")
		if !bytes.Equal(rec, want) {
			t.Errorf("record %d: %.200q", i, rec)
		}
	}
}

func TestUDPSendsOneDatagramEach(t *testing.T) {
	t.Parallel()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	trail := newMemory()
	trail.add("n1", "n1")
	forward(t, ReceiverConfig{Name: "soc", Address: pc.LocalAddr().String(), Transport: "udp", Plaintext: true, Format: "cef"}, trail, t.TempDir())
	buf := make([]byte, 64<<10)
	for i := range 2 {
		if err := pc.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := pc.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if want := cefRecord(viewOf(&trail.events[i], audit.Sensitive), 10, "1"); !bytes.Equal(buf[:n], want) {
			t.Errorf("%q", buf[:n])
		}
	}
}
