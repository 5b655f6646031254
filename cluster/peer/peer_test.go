package peer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"cofre/cluster/peer"
	"cofre/fsm/model"
	"cofre/vault/disk"
	"cofre/vault/secret"
)

// house is a cluster's authority and the keys that its node table pins.
type house struct {
	id    model.ClusterID
	caKey *ecdsa.PrivateKey
	ca    []byte
	pins  map[model.NodeID][]byte
}

func found(t *testing.T, id model.ClusterID) *house {
	t.Helper()
	key, ca, err := peer.NewCA(id, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &house{id, key, ca, map[model.NodeID][]byte{}}
}

func (h *house) lookup(n model.NodeID) ([]byte, bool) { k, ok := h.pins[n]; return k, ok }

// issue makes an identity whose certificate was issued at a time; it is not pinned yet.
func (h *house) issue(t *testing.T, node model.NodeID, at time.Time) *peer.Identity {
	t.Helper()
	key, err := peer.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := peer.NewRequest(key, node)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := peer.IssueNode(h.caKey, h.ca, csr, h.id, node, []string{"127.0.0.1", "host.example"}, at)
	if err != nil {
		t.Fatal(err)
	}
	return &peer.Identity{Node: node, Cluster: h.id, Key: key, Chain: [][]byte{cert}, CA: [][]byte{h.ca}}
}

func (h *house) member(t *testing.T, node model.NodeID) *peer.Identity {
	id := h.issue(t, node, time.Now())
	h.pins[node] = id.PublicKey()
	return id
}

// logbook collects log lines and lets a test wait for one.
type logbook struct {
	mu    sync.Mutex // guards buf and wrote
	buf   bytes.Buffer
	wrote chan struct{}
}

func newLogbook() *logbook { return &logbook{wrote: make(chan struct{})} }

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.wrote)
	l.wrote = make(chan struct{})
	return l.buf.Write(p)
}

func (l *logbook) await(t *testing.T, part string) {
	t.Helper()
	for {
		l.mu.Lock()
		text, wrote := l.buf.String(), l.wrote
		l.mu.Unlock()
		if strings.Contains(text, part) {
			return
		}
		select {
		case <-wrote:
		case <-time.After(10 * time.Second):
			t.Fatalf("the log does not say %q:\n%s", part, text)
		}
	}
}

func (l *logbook) logger() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(l)
	return log
}

// serve runs an echoing peer port that answers with the peer's name first.
func serve(t *testing.T, h *house, self *peer.Identity) (address string, log *logbook) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log = newLogbook()
	echo := func(proto string) peer.Handler {
		return func(_ context.Context, c net.Conn, p model.NodeID) {
			_, _ = io.WriteString(c, proto+" "+string(p)+"\n")
			_, _ = io.Copy(io.Discard, c)
		}
	}
	l := &peer.Listener{Self: func() *peer.Identity { return self }, Pinned: h.lookup, Log: log.logger(),
		Handlers: map[string]peer.Handler{peer.ProtoRPC: echo("rpc"), peer.ProtoJoin: echo("join")}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String(), log
}

func line(t *testing.T, c net.Conn) string {
	t.Helper()
	b := make([]byte, 64)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b[:n]))
}

func TestWhoMayConnect(t *testing.T) {
	t.Parallel()
	h, other := found(t, "c1"), found(t, "c2")
	n1, n2 := h.member(t, "n1"), h.member(t, "n2")
	impostor := h.issue(t, "n2", time.Now()) // a certificate of our authority, with a key that nobody pinned
	unknown := h.issue(t, "n9", time.Now())
	expired := h.issue(t, "n3", time.Now().Add(-90*24*time.Hour))
	h.pins["n3"] = expired.PublicKey()
	stranger := other.member(t, "n2")
	address, log := serve(t, h, n1)

	for name, c := range map[string]struct {
		self   *peer.Identity
		pinned peer.Lookup
		want   model.NodeID
		ok     bool
		client []string // what the dialler's error says
		server []string // what the listener's log says
	}{
		"member":            {n2, h.lookup, "n1", true, nil, nil},
		"expired":           {expired, h.lookup, "n1", true, nil, []string{"out of date", "n3"}},
		"impostor":          {impostor, h.lookup, "n1", false, []string{"refused", "pinned is " + model.Fingerprint(n2.PublicKey())}, []string{model.Fingerprint(impostor.PublicKey())}},
		"unknown":           {unknown, h.lookup, "n1", false, []string{"not a member", "n9"}, []string{"not a member", "n9"}},
		"another cluster":   {stranger, other.lookup, "n1", false, []string{"n1 is of cluster c1", "cluster c2"}, []string{"n2 is of cluster c2", "cluster c1"}},
		"another node":      {n2, h.lookup, "n3", false, []string{"n1 answered where n3 was expected"}, []string{"n1 answered where n3"}},
		"listener unpinned": {n2, func(model.NodeID) ([]byte, bool) { return nil, false }, "n1", false, []string{"not a member", "n1"}, []string{"not a member"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := &peer.Dialer{Self: func() *peer.Identity { return c.self }, Pinned: c.pinned, Log: newLogbook().logger()}
			conn, err := d.To(t.Context(), peer.ProtoRPC, c.want, address)
			if c.ok != (err == nil) {
				t.Fatalf("connect: %v", err)
			}
			if err == nil {
				if got := line(t, conn); got != "rpc "+string(c.self.Node) {
					t.Errorf("the listener sees %q", got)
				}
				_ = conn.Close()
			}
			for _, s := range c.client {
				if !strings.Contains(strings.ReplaceAll(err.Error(), `\"`, ""), s) {
					t.Errorf("error %q does not say %q", err, s)
				}
			}
			for _, s := range c.server {
				log.await(t, s) // the refusal is logged after the answer went out
			}
		})
	}
}

func TestJoinPinsTheAuthority(t *testing.T) {
	t.Parallel()
	h := found(t, "c1")
	address, _ := serve(t, h, h.member(t, "n1"))
	conn, err := peer.Join(t.Context(), nil, address, "c1", peer.Hash(h.ca))
	if err != nil {
		t.Fatal(err)
	}
	if got := line(t, conn); got != "join" {
		t.Errorf("protocol %q", got)
	}
	_ = conn.Close()
	if _, err := peer.Join(t.Context(), nil, address, "c1", peer.Hash([]byte("other"))); err == nil || !strings.Contains(err.Error(), "authority") {
		t.Errorf("another authority: %v", err)
	}
	if _, err := peer.Join(t.Context(), nil, address, "c2", peer.Hash(h.ca)); !errors.Is(err, peer.ErrOtherCluster) {
		t.Errorf("another cluster: %v", err)
	}
}

// A member's rpc needs a certificate even though joining does not.
func TestNoCertificateNoRPC(t *testing.T) {
	t.Parallel()
	h := found(t, "c1")
	address, log := serve(t, h, h.member(t, "n1"))
	roots := x509.NewCertPool()
	ca, err := x509.ParseCertificate(h.ca)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(ca)
	conn, err := tls.Dial("tcp", address, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{peer.ProtoRPC}, RootCAs: roots, ServerName: "host.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte{0, 0}); err != nil { // "I accept you"
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn)
	if !strings.Contains(string(answer), "shows no certificate") {
		t.Errorf("the answer is %q", answer)
	}
	log.await(t, "shows no certificate")
}

func TestIdentityComesBackFromTheDisk(t *testing.T) {
	t.Parallel()
	id := found(t, "c1").member(t, "n1")
	id.Gossip, id.HPKE = [][]byte{bytes.Repeat([]byte{7}, 32)}, []byte("private half of hpke")
	key, path := disk.GenerateKey(), filepath.Join(t.TempDir(), "identity")
	if err := id.Save(func(v secret.Value) error { return disk.SealFile(path, key, "identity", v) }); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil || bytes.Contains(file, id.HPKE) {
		t.Fatalf("the file shows a key (%v)", err)
	}
	got, err := peer.Load(func() (secret.Value, error) { return disk.OpenFile(path, key, "identity") })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(id, got); diff != "" {
		t.Error(diff)
	}
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := found(t, "c1")
	id := h.issue(t, "n1", now)
	holder := peer.NewHolder(id)
	saved := 0
	var at time.Time
	r := &peer.Renewer{Holder: holder, Save: func(*peer.Identity) error { saved++; return nil },
		Issue: func(_ context.Context, csr []byte) ([]byte, error) {
			return peer.IssueNode(h.caKey, h.ca, csr, h.id, "n1", nil, at)
		}}
	for i, c := range []struct{ days, saved int }{{0, 0}, {19, 0}, {21, 1}, {22, 1}, {40, 1}, {45, 2}} {
		at = now.AddDate(0, 0, c.days)
		if err := r.Renew(t.Context(), at); err != nil || saved != c.saved {
			t.Errorf("step %d, day %d: renewed %d times, want %d (%v)", i, c.days, saved, c.saved, err)
		}
	}
	if !bytes.Equal(holder.Get().PublicKey(), id.PublicKey()) {
		t.Error("renewal changed the key that others pinned")
	}
	if !peer.NeedsRenewal([]byte("x"), now) {
		t.Error("an unreadable certificate is kept")
	}
}

func TestRequestMustBeSignedByItsKey(t *testing.T) {
	t.Parallel()
	h := found(t, "c1")
	key, _ := peer.NewKey()
	csr, err := peer.NewRequest(key, "n1")
	if err != nil {
		t.Fatal(err)
	}
	csr[len(csr)-1] ^= 1
	if _, err := peer.IssueNode(h.caKey, h.ca, csr, "c1", "n1", nil, time.Now()); err == nil {
		t.Error("a request with a wrong signature was signed")
	}
}

func TestPEM(t *testing.T) {
	t.Parallel()
	in := [][]byte{[]byte("one"), []byte("two")}
	if diff := cmp.Diff(in, peer.DecodePEM(peer.EncodePEM(in))); diff != "" {
		t.Error(diff)
	}
}
