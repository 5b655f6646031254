package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofre/cmd/cofre/client"
	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/operator"
)

// single is one `cofre server` process with a configuration file of its own.
type single struct {
	t        *testing.T
	bin, dir string
	port     int
	cmd      *exec.Cmd
	done     chan error
}

func newSingle(t *testing.T, port int, config string) *single {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cf") // short: unix sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	s := &single{t: t, bin: bin, dir: dir, port: port}
	s.configure("dev: true\n" + config)
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			b, _ := os.ReadFile(s.path("log"))
			t.Logf("log:\n%s", b)
		}
		_ = os.RemoveAll(dir)
	})
	return s
}

func (s *single) path(name string) string { return filepath.Join(s.dir, name) }

func (s *single) configure(more string) {
	s.t.Helper()
	c := fmt.Sprintf("node: n1\ndata_dir: %s\nkey_dir: %s\nsocket: %s\napi: {listen: 127.0.0.1:%d}\npeer: {listen: 127.0.0.1:%d}\ngossip: {listen: 127.0.0.1:%d}\naudit: {local: {mode: \"off\"}}\n",
		s.path("data"), s.path("keys"), s.path("s"), s.port, s.port+1, s.port+2)
	if strings.Contains(more, "audit:") {
		c, _, _ = strings.Cut(c, "audit:")
	}
	if strings.Contains(more, "cert_file") {
		c = strings.Replace(c, fmt.Sprintf("listen: 127.0.0.1:%d}", s.port), fmt.Sprintf("listen: 127.0.0.1:%d, cert_file: %s, key_file: %s}", s.port, s.path("own.pem"), s.path("own-key.pem")), 1)
		more = strings.Replace(more, "cert_file\n", "", 1)
	}
	if err := os.WriteFile(s.path("cofre.yaml"), []byte(c+more), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// command prepares a call of cofre, without the settings of the surroundings.
func (s *single) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.bin, args...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "COFRE_") && !strings.HasPrefix(e, "NOTIFY_SOCKET=") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	return cmd
}

func (s *single) start() {
	s.t.Helper()
	log, err := os.OpenFile(s.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	s.cmd = s.command("server", "--config", s.path("cofre.yaml"))
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan error) { done <- cmd.Wait() }(s.cmd, s.done)
	Eventually(s.t, 20*time.Second, "the daemon answers", func() error {
		select {
		case err := <-s.done:
			s.done <- err
			s.t.Fatalf("the daemon ended: %v", err)
		default:
		}
		_, err := s.status()
		return err
	})
}

func (s *single) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
		s.t.Error("the daemon did not end on SIGTERM")
	}
	s.cmd = nil
}

// refuses starts the daemon with what must not work and gives its complaint.
func (s *single) refuses() string {
	s.t.Helper()
	cmd := s.command("server", "--config", s.path("cofre.yaml"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	timer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() <= 0 {
		s.t.Errorf("the daemon was not refused (%v):\n%s", err, out.String())
	}
	return out.String()
}

func (s *single) status() (daemon.Status, error) {
	var st daemon.Status
	err := operator.NewClient(s.path("s")).Get(s.t.Context(), "/status", &st)
	return st, err
}

// cofre runs a verb of the operator with an input.
func (s *single) cofre(input string, args ...string) (string, error) {
	cmd := s.command(append(args, "--socket", s.path("s"))...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *single) must(input string, args ...string) string {
	s.t.Helper()
	out, err := s.cofre(input, args...)
	if err != nil {
		s.t.Fatalf("cofre %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (s *single) fails(want, input string, args ...string) {
	s.t.Helper()
	if out, err := s.cofre(input, args...); err == nil || !strings.Contains(out, want) {
		s.t.Errorf("cofre %s: %v, without %q:\n%s", strings.Join(args, " "), err, want, out)
	}
}

// shares reads files that init wrote.
func (s *single) shares(kind string, ns ...int) string {
	s.t.Helper()
	var b strings.Builder
	for _, n := range ns {
		f, err := os.ReadFile(filepath.Join(s.path("init"), fmt.Sprintf("%s-%d", kind, n)))
		if err != nil {
			s.t.Fatal(err)
		}
		b.Write(f)
	}
	return b.String()
}

// api makes the administrator's client from the file that init wrote.
func (s *single) api(ca string) *client.Client {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.path("init"), "admin.env"))
	if err != nil {
		s.t.Fatal(err)
	}
	env := map[string]string{}
	for _, l := range strings.Split(string(b), "\n") {
		k, v, _ := strings.Cut(l, "=")
		env[k] = v
	}
	cl, err := client.New(client.Config{URLs: []string{env["COFRE_URL"]}, ClientID: env["COFRE_CLIENT_ID"], ClientSecret: env["COFRE_CLIENT_SECRET"], CAFile: ca})
	if err != nil {
		s.t.Fatal(err)
	}
	return cl
}

func (s *single) secret() (string, error) {
	var a struct{ Secret string }
	err := s.api(filepath.Join(s.path("init"), "ca.pem")).Do(s.t.Context(), http.MethodGet, "/api/v1/credentials/web1-root/secret", nil, &a)
	return a.Secret, err
}

// keeps stores a secret as soon as the API takes one, by a client that may read secrets from now on.
func (s *single) keeps(api *client.Client, secret string) {
	s.t.Helper()
	do := func(path string, body any) error {
		return api.Do(s.t.Context(), http.MethodPost, path, body, nil)
	}
	Eventually(s.t, 20*time.Second, "the API takes a credential", func() error {
		if err := do("/api/v1/devices", map[string]string{"hostname": "web1", "ip": "192.0.2.1"}); err != nil && !strings.Contains(err.Error(), "already") {
			return err
		}
		return do("/api/v1/credentials", map[string]string{"identifier": "web1-root", "hostname": "web1", "username": "root", "secret": secret})
	})
	if err := do("/api/v1/whoami/secret-read", nil); err != nil {
		s.t.Fatal(err)
	}
}

func (s *single) returns(want string) {
	s.t.Helper()
	Eventually(s.t, 20*time.Second, "the secret comes back", func() error {
		got, err := s.secret()
		if err == nil && got != want {
			s.t.Fatal("another secret came back")
		}
		return err
	})
}

func (s *single) sealed() {
	s.t.Helper()
	Eventually(s.t, 20*time.Second, "the node leads, sealed", func() error {
		st, err := s.status()
		if err == nil && st.Leader == "" {
			err = errors.New("no leader yet")
		}
		if err == nil && !st.Sealed {
			s.t.Fatal("the vault opened by itself")
		}
		return err
	})
	if _, err := s.secret(); err == nil {
		s.t.Error("a sealed node hands out a secret")
	}
}
