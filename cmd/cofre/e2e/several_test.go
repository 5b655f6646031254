package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofre/cluster/peer"
	"cofre/cmd/cofre/client"
	"cofre/cmd/cofre/daemon"
	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/table/cryptfs"
	"cofre/vault/access"
	"cofre/vault/disk"
	"cofre/vault/keyring"
	"cofre/vault/seal"
	"cofre/vault/seal/keyfile"
	"cofre/vault/secret"
)

// several is a cluster of `cofre server` processes that the test stops, copies and opens offline.
type several struct {
	t     *testing.T
	nodes []*single
	api   *client.Client
}

func startSeveral(t *testing.T, n int, config string) *several {
	t.Helper()
	c := &several{t: t}
	base := freePorts(t, 3*n)
	for i := range n {
		s := newSingle(t, base+3*i, config)
		b, err := os.ReadFile(s.path("cofre.yaml"))
		if err == nil {
			err = os.WriteFile(s.path("cofre.yaml"), bytes.Replace(b, []byte("node: n1\n"), fmt.Appendf(nil, "node: n%d\n", i+1), 1), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.nodes = append(c.nodes, s)
		s.start()
	}
	first := c.nodes[0]
	first.must("", "init", "--fast-leases", "--recovery-out", first.path("init"))
	for i, s := range c.nodes[1:] {
		key := strings.TrimSpace(s.must("", "cluster", "join", "--show-key"))
		token, _, _ := strings.Cut(first.must("", "cluster", "token", "--name", fmt.Sprintf("n%d", i+2), "--node-key", key), "\n")
		if out := s.must(token, "cluster", "join"); strings.Contains(out, "cofre cluster approve") || !strings.Contains(out, "without further approval") {
			t.Errorf("a node that was approved in advance is told:\n%s", out)
		}
	}
	c.healthy(n)
	c.connect(filepath.Join(first.path("init"), "ca.pem"))
	if err := c.api.Do(t.Context(), http.MethodPost, "/api/v1/whoami/secret-read", nil, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// connect makes the administrator's client of all nodes.
func (c *several) connect(ca string) { c.api = c.client(ca, c.nodes...) }

func (c *several) client(ca string, nodes ...*single) *client.Client {
	c.t.Helper()
	b, err := os.ReadFile(filepath.Join(c.nodes[0].path("init"), "admin.env"))
	if err != nil {
		c.t.Fatal(err)
	}
	env := map[string]string{}
	for l := range strings.Lines(string(b)) {
		k, v, _ := strings.Cut(strings.TrimSpace(l), "=")
		env[k] = v
	}
	var urls []string
	for _, s := range nodes {
		urls = append(urls, fmt.Sprintf("https://127.0.0.1:%d", s.port))
	}
	cl, err := client.New(client.Config{URLs: urls, ClientID: env["COFRE_CLIENT_ID"], ClientSecret: env["COFRE_CLIENT_SECRET"], CAFile: ca})
	if err != nil {
		c.t.Fatal(err)
	}
	return cl
}

// healthy waits until n voters are open and well, as the first running node sees them.
func (c *several) healthy(n int) {
	c.t.Helper()
	Eventually(c.t, 90*time.Second, fmt.Sprintf("%d nodes are healthy", n), func() error {
		s, err := c.status()
		if err != nil {
			return err
		}
		well := 0
		for _, m := range s.Members {
			if m.Health == "ok" && !m.Sealed && (m.Role == "voter" || m.Role == "leader") {
				well++
			}
		}
		if well != n || s.Sealed || s.Leader == "" {
			return fmt.Errorf("%d of %d: %s %+v", well, n, s.Headline, s.Members)
		}
		return nil
	})
}

// status is what the first running node says.
func (c *several) status() (daemon.Status, error) {
	for _, s := range c.nodes {
		if s.cmd != nil {
			return s.status()
		}
	}
	return daemon.Status{}, errors.New("no node runs")
}

// keys waits until the keys are as wanted.
func (c *several) keys(what string, ok func(daemon.KeyStatus) bool) {
	c.t.Helper()
	Eventually(c.t, 90*time.Second, what, func() error {
		s, err := c.status()
		if err == nil && (s.Keys == nil || !ok(*s.Keys)) {
			err = fmt.Errorf("keys: %+v", s.Keys)
		}
		return err
	})
}

// kill ends a node with SIGKILL.
func (s *single) kill() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.done
	s.cmd = nil
}

func (c *several) leader() *single {
	c.t.Helper()
	var i int
	Eventually(c.t, 30*time.Second, "there is a leader", func() error {
		s, err := c.status()
		if err == nil {
			_, err = fmt.Sscanf(s.Leader, "n%d", &i)
		}
		return err
	})
	return c.nodes[i-1]
}

// fill registers credentials, one of them with several versions, and gives what is to come back.
func (c *several) fill(n int) map[string]string {
	c.t.Helper()
	want := map[string]string{}
	Eventually(c.t, 30*time.Second, "the API takes a device", func() error {
		return c.api.Do(c.t.Context(), http.MethodPost, "/api/v1/devices", map[string]string{"hostname": "web1", "ip": "192.0.2.1"}, nil)
	})
	for i := range n {
		name := fmt.Sprintf("account-%d", i)
		want[name] = fmt.Sprintf("secret-of-%d-never-in-clear", i)
		c.put(name, want[name])
	}
	for v := range 3 {
		want["account-0"] = fmt.Sprintf("a-later-secret-%d", v)
		c.change("account-0", want["account-0"])
	}
	return want
}

func (c *several) put(name, value string) {
	c.t.Helper()
	body := map[string]string{"identifier": name, "hostname": "web1", "username": name, "secret": value}
	if err := c.api.Do(c.t.Context(), http.MethodPost, "/api/v1/credentials", body, nil); err != nil {
		c.t.Fatal(err)
	}
}

func (c *several) change(name, value string) {
	c.t.Helper()
	if err := c.api.Do(c.t.Context(), http.MethodPut, "/api/v1/credentials/"+name, map[string]string{"secret": value}, nil); err != nil {
		c.t.Fatal(err)
	}
}

// returns reads every secret through a client.
func (c *several) returns(cl *client.Client, want map[string]string) {
	c.t.Helper()
	for name, value := range want {
		Eventually(c.t, 30*time.Second, name+" comes back", func() error {
			var a struct{ Secret string }
			err := cl.Do(c.t.Context(), http.MethodGet, "/api/v1/credentials/"+name+"/secret", nil, &a)
			if err == nil && a.Secret != value {
				c.t.Fatalf("%s: another secret came back", name)
			}
			return err
		})
	}
}

// copyOf copies the folder of a node that does not run, as a thief of its disk would.
func copyOf(t *testing.T, s *single) string {
	t.Helper()
	to := t.TempDir()
	for _, part := range []string{"data", "keys"} {
		if err := os.CopyFS(filepath.Join(to, part), os.DirFS(s.path(part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"disk.key", "seal.key"} {
		if err := os.Chmod(filepath.Join(to, "keys", key), 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return to
}

// thief opens the folder of a node with everything that lies in it.
type thief struct {
	t     *testing.T
	state *fsm.FSM
	id    *peer.Identity
	row   model.Keyring
	root  secret.Value // out of its own seal
}

func steal(t *testing.T, dir string) *thief {
	t.Helper()
	key, err := disk.LoadKeyFile(filepath.Join(dir, "keys", "disk.key"), filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	registry, err := fsm.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	th := &thief{t: t}
	if th.state, err = fsm.Open(filepath.Join(dir, "data", "state"), registry, table.Options{FS: cryptfs.OnDisk(key, func() {}, nil)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = th.state.Close() })
	path := filepath.Join(dir, "data", "identity")
	if th.id, err = peer.Load(func() (secret.Value, error) { return disk.OpenFile(path, key, "identity") }); err != nil {
		t.Fatal(err)
	}
	v := th.state.View()
	defer v.Close()
	row, ok := state.Keyring.Get(v, state.SystemKey)
	if !ok {
		t.Fatal("the stolen state has no keyring")
	}
	th.row = *row
	var blob seal.Blob
	b, err := os.ReadFile(filepath.Join(dir, "data", "root.sealed"))
	if err == nil {
		err = codec.Decode(b, &blob)
	}
	if err == nil {
		th.root, err = keyfile.New(filepath.Join(dir, "keys", "seal.key"), filepath.Join(dir, "data")).Unwrap(t.Context(), blob, seal.Input{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return th
}

func (th *thief) ring() *keyring.Ring {
	th.t.Helper()
	r, err := keyring.Open(th.row, th.root)
	if err != nil {
		th.t.Fatal(err)
	}
	th.t.Cleanup(r.Close)
	return r
}

// opens counts the values of a state that a ring opens, also when they are said to be of its own newest term.
func (th *thief) opens(r *keyring.Ring) (opened, all int) {
	v := th.state.View()
	defer v.Close()
	for c := range state.Credentials.All(v, "") {
		for _, s := range c.Versions {
			all++
			relabelled := model.Sealed{Term: r.Barrier().Active(), Box: s.Secret.Box}
			for _, box := range []model.Sealed{s.Secret, relabelled} {
				if _, err := r.Barrier().Decrypt(access.Place(s.Row), box); err == nil {
					opened++
					break
				}
			}
		}
	}
	return opened, all
}

// whoami shows a token to one node.
func whoami(t *testing.T, s *single, cas *x509.CertPool, token string) int {
	t.Helper()
	cl := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: cas}, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d/api/v1/whoami", s.port), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := cl.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func pool(t *testing.T, files ...string) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || !p.AppendCertsFromPEM(b) {
			t.Fatalf("read %s: %v", f, err)
		}
	}
	return p
}
