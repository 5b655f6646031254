package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cofre/cmd/cofre/operator"
)

// TestOneFounder: of several init calls at once exactly one founds, and the node comes back from a restart as what that
// one made it: no other overwrote its identity or its keys.
func TestOneFounder(t *testing.T) {
	s := newSingle(t, freePorts(t, 3), "")
	s.configure("dev: true\n")
	s.start()
	var founded atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			args := map[string]any{"shares": 5, "threshold": 3, "recovery_shares": 5, "recovery_threshold": 3, "fast_leases": true}
			if operator.NewClient(s.path("s")).Post(t.Context(), "/init", args, nil) == nil {
				founded.Add(1)
			}
		})
	}
	wg.Wait()
	if n := founded.Load(); n != 1 {
		t.Fatalf("%d of 4 calls founded a cluster", n)
	}
	before, err := s.status()
	if err != nil {
		t.Fatal(err)
	}
	if a := before.Automation; a == nil || a.State != "running" || a.Settings.Attempts != 5 || before.Approval == nil || before.Approval.InForce {
		t.Errorf("the status of a new cluster does not tell its execution parameters: %+v, %+v", a, before.Approval)
	}
	s.stop()
	s.start()
	Eventually(t, 20*time.Second, "the node is what it was", func() error {
		now, err := s.status()
		if err == nil && (now.Cluster != before.Cluster || now.Sealed || now.Leader == "") {
			err = errors.New("not open, leading and of the same cluster")
		}
		return err
	})
}

// TestFoundWhatCannotServe: a node that could not serve its cluster founds none. Before, it founded one whose keys and recovery
// shares nobody had seen, and neither opened nor founded again.
func TestFoundWhatCannotServe(t *testing.T) {
	port := freePorts(t, 3)
	s := newSingle(t, port, "")
	s.start()
	for i, key := range []string{"api.listen", "peer.listen", "gossip.listen"} {
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port+i))
		if err != nil {
			t.Fatal(err)
		}
		s.fails(key+": listen tcp", "", "init", "--recovery-out", s.path("lost"))
		_ = ln.Close()
	}
	if entries, err := os.ReadDir(s.path("data")); err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != "lock" }) {
		t.Errorf("something is left in the data directory: %v, %v", entries, err)
	}
	s.must("", "init", "--recovery-out", s.path("init"))
	if st, err := s.status(); err != nil || st.Sealed || st.Leader != "n1" {
		t.Errorf("after the ports are free: %+v, %v", st, err)
	}
	s.fails("belongs to a cluster already", "", "init", "--recovery-out", s.path("again"))
	s.fails("belongs to a cluster already", "any token", "cluster", "join")

	token, _, _ := strings.Cut(s.must("", "cluster", "token", "--name", "n2"), "\n")
	other := newSingle(t, freePorts(t, 3), "")
	b, err := os.ReadFile(other.path("cofre.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other.path("cofre.yaml"), []byte(strings.Replace(string(b), "node: n1", "node: n2", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	other.start()
	left := filepath.Join(other.path("data"), "raft") // of another cluster: what it holds would be taken for this one's
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	other.fails("is not empty: it holds raft", token, "cluster", "join")
	if err := os.Remove(left); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".identity.pending.12345", ".root.sealed.1"} { // of a process that was killed while it wrote
		if err := os.WriteFile(filepath.Join(other.path("data"), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", other.port))
	if err != nil {
		t.Fatal(err)
	}
	other.fails("api.listen: listen tcp", token, "cluster", "join")
	_ = ln.Close()
	if out := other.must(token, "cluster", "join"); !strings.Contains(out, "cofre cluster approve n2") {
		t.Errorf("the token is used up, or what comes next is not said: %s", out)
	}
}

// TestSocketIsNotTaken: a second daemon that is given the socket of a running one refuses to start, and the first one keeps it.
func TestSocketIsNotTaken(t *testing.T) {
	t.Parallel()
	s, other := newSingle(t, freePorts(t, 3), ""), newSingle(t, freePorts(t, 3), "")
	s.start()
	b, err := os.ReadFile(other.path("cofre.yaml"))
	if err == nil {
		err = os.WriteFile(other.path("cofre.yaml"), []byte(strings.Replace(string(b), other.path("s"), s.path("s"), 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out := other.refuses(); !strings.Contains(out, "another cofre server answers at "+s.path("s")) {
		t.Errorf("the second daemon: %s", out)
	}
	if _, err := s.status(); err != nil {
		t.Errorf("the first one lost its socket: %v", err)
	}
}

// TestSharesHaveAPlace: init founds nothing if it could not write what is shown once, and overwrites no shares.
func TestSharesHaveAPlace(t *testing.T) {
	s := newSingle(t, freePorts(t, 3), "")
	s.start()
	kept := filepath.Join(s.path("init"), "recovery-5")
	if err := errors.Join(os.MkdirAll(s.path("init"), 0o700), os.WriteFile(kept, []byte("another cluster's"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s.fails("recovery-5 is there already", "", "init", "--recovery-out", s.path("init"))
	s.fails("not a directory", "", "init", "--recovery-out", s.path("cofre.yaml"))
	if st, err := s.status(); err != nil || st.Initialized {
		t.Fatalf("a cluster was founded: %+v, %v", st, err)
	}
	if b, err := os.ReadFile(kept); err != nil || string(b) != "another cluster's" {
		t.Errorf("the old share: %q, %v", b, err)
	}
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	t.Chdir(s.dir)
	s.must("", "init", "--recovery-out", "init")
	if b, err := os.ReadFile(filepath.Join(s.path("init"), "admin.env")); err != nil || !strings.Contains(string(b), "COFRE_CA_FILE="+s.path("init")+"/ca.pem\n") {
		t.Errorf("admin.env works in one folder only: %v", err)
	}
}
