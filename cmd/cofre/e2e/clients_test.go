package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Clients as people run them against three nodes: the Python package, the binary called dsm, and cofre run.
func TestClients(t *testing.T) {
	t.Parallel()
	c := Start(t, "metrics=127.0.0.1:0")
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "py-host", "ip": "192.0.2.1"}, nil)
	c.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": "py-root", "username": "root", "hostname": "py-host", "secret": `it's "ü"`}, nil)
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "py"}, nil)
	c.Must(http.MethodPost, "/api/v1/applications/py/authorizations", map[string]any{"name": "old", "write": true, "filter": map[string]any{"all": true}}, nil)
	var signing struct {
		Consumer       string `json:"consumer_key"`
		ConsumerSecret string `json:"consumer_secret"`
		Token          string `json:"token_key"`
		TokenSecret    string `json:"token_secret"`
	}
	c.Must(http.MethodPost, "/api/v1/applications/py/authorizations/old/oauth1", nil, &signing)
	var sealed Keys
	c.Must(http.MethodPost, "/api/v1/applications/py/authorizations", map[string]any{"name": "sealed", "filter": map[string]any{"all": true}, "rights": []string{"secret.read"}}, &sealed)
	var nodes []string
	for _, n := range c.ready.Nodes {
		nodes = append(nodes, n.API)
	}

	t.Run("metrics", c.metrics)
	t.Run("python", func(t *testing.T) {
		dir, err := filepath.Abs("../../../packaging/python")
		if err != nil {
			t.Fatal(err)
		}
		c.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": "py-long", "username": "long", "hostname": "py-host", "secret": strings.Repeat("ü", 500)}, nil)
		private, other := privateKeys(t, c, nodes)
		cmd := exec.Command("python3", "-B", "-W", "error", "-m", "unittest", "discover", "-v", "-s", dir+"/tests")
		cmd.Env = append(os.Environ(), "PYTHONPATH="+dir+"/src", "COFRE_TEST_NODES="+strings.Join(nodes, ","), "COFRE_TEST_CA="+c.ready.CAFile,
			"COFRE_TEST_ID="+c.ready.Admin.ClientID, "COFRE_TEST_SECRET="+c.ready.Admin.ClientSecret, "COFRE_TEST_CONSUMER="+signing.Consumer, "COFRE_TEST_CONSUMER_SECRET="+signing.ConsumerSecret,
			"COFRE_TEST_TOKEN="+signing.Token, "COFRE_TEST_TOKEN_SECRET="+signing.TokenSecret,
			"COFRE_TEST_SEALED_ID="+sealed.ID, "COFRE_TEST_SEALED_SECRET="+sealed.Secret, "COFRE_TEST_PRIVATE="+private, "COFRE_TEST_OTHER_PRIVATE="+other)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "OK") || strings.Contains(string(out), "skipped") {
			t.Errorf("%v\n%s", err, out)
		}
	})

	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	dsm := filepath.Join(home, "dsm")
	if err := os.Symlink(bin, dsm); err != nil {
		t.Fatal(err)
	}
	write := func(name, content string, mode os.FileMode) string {
		t.Helper()
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	env := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "API_KEY=k'ey", "UNMAPPED=never", "SENHASEGURA_MAPPING_FILE=" + write("m.json", `{"key_value":[{"name":"TOKENS","fields":["API_KEY"]}]}`, 0o644)}
	config, err := json.Marshal(map[string]string{"SENHASEGURA_URL": strings.Join(nodes, ","), "SENHASEGURA_CLIENT_ID": c.ready.Admin.ClientID, "SENHASEGURA_CLIENT_SECRET": c.ready.Admin.ClientSecret, "SENHASEGURA_CA_FILE": c.ready.CAFile}) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	configFile := write(".senhasegura/config.yaml", string(config), 0o644)
	run := func(name string, args ...string) (string, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = home, env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	c.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": "ci"}, nil)
	var ci Keys
	c.Must(http.MethodPost, "/api/v1/applications/ci/authorizations", map[string]any{"name": "runner", "write": true, "creates": true, "modules": []string{"Application", "CI/CD", "Secrets Management"}, "rights": []string{"secret.read", "credential.write"}}, &ci)
	if out, err := run(dsm, "runb", "-a", "shop", "-s", "erp", "-e", "prod"); err == nil || !strings.Contains(out, "chmod 600") {
		t.Errorf("a configuration that others may read was taken: %s", out)
	}
	if err := os.Chmod(configFile, 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(env, "SENHASEGURA_CLIENT_ID="+ci.ID, "SENHASEGURA_CLIENT_SECRET="+ci.Secret)
	if out, err := run(dsm, "runb", "-a", "shop", "-s", "erp", "-e", "prod", "--debug"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := run("bash", "-c", ". ./.runb.vars && printf %s \"$API_KEY\""); err != nil || out != "k'ey" {
		t.Errorf("%q %v", out, err)
	}
	if out, err := run(dsm, "--version"); err != nil || !strings.HasPrefix(out, "dsm version ") {
		t.Errorf("%q %v", out, err)
	}
	env = append(env, "COFRE_URL="+strings.Join(nodes, ","), "COFRE_CLIENT_ID="+ci.ID, "COFRE_CLIENT_SECRET="+ci.Secret, "COFRE_CA_FILE="+c.ready.CAFile)
	if out, err := run(bin, "run", "--application", "shop", "--system", "erp", "--environment", "prod", "--mask", "--", "sh", "-c", `printf %s "$API_KEY $COFRE_URL"`); err != nil || out != "*** " {
		t.Errorf("%q %v", out, err)
	}

	// A signal goes to the program, and its exit status is ours.
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2} {
		signalled(t, sig, home, env, bin, "run", "--application", "shop", "--system", "erp", "--environment", "prod", "--", "sh", "-c", `trap 'exit 9' TERM HUP QUIT USR1 USR2; echo up; while :; do sleep 0.1; done`)
	}
}

// signalled runs a command, sends it a signal when it says something, and wants its program to have ended by that.
func signalled(t *testing.T, sig syscall.Signal, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var notes bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = dir, env, &notes
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !bufio.NewScanner(out).Scan() {
		t.Error("the program did not begin")
	}
	_ = cmd.Process.Signal(sig)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
		if code := cmd.ProcessState.ExitCode(); code != 9 || notes.Len() > 0 {
			t.Errorf("%s: exit status %d %s", sig, code, &notes)
		}
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		t.Errorf("%s did not reach the program", sig)
	}
}

// metrics asks every node as Prometheus does, and the API for the same numbers.
func (c *Cluster) metrics(t *testing.T) {
	leaders := 0
	for _, n := range c.ready.Nodes {
		log, err := os.ReadFile(filepath.Join(c.dir, n.ID+".log"))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`metrics are served" address="([^"]+)"`).FindSubmatch(log)
		if found == nil {
			t.Fatalf("%s serves no metrics", n.ID)
		}
		var b []byte
		Eventually(t, 20*time.Second, n.ID+" shows its numbers", func() error { // a follower may be a moment behind
			res, err := http.Get("http://" + string(found[1]) + "/metrics")
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if b, err = io.ReadAll(res.Body); err != nil {
				return err
			}
			for _, want := range []string{"cofre_ready 1\n", "cofre_sealed 0\n", `cofre_credentials{state="not_managed"} 1` + "\n", "cofre_dynamic_users_debt 0\n", "go_goroutines "} {
				if !strings.Contains(string(b), want) {
					return fmt.Errorf("no %q in\n%s", want, b)
				}
			}
			return nil
		})
		leaders += strings.Count(string(b), "cofre_leader 1\n")
		if strings.Contains(string(b), "py-root") || strings.Contains(string(b), "py-host") {
			t.Error("metrics name an account or a device")
		}
	}
	if leaders != 1 {
		t.Errorf("%d nodes lead", leaders)
	}
	var d struct {
		Credentials struct{ Total, Managed int } `json:"credentials"`
		Days        []struct{ Date string }      `json:"days"`
	}
	c.Must(http.MethodGet, "/api/v1/dashboards/changes?days=7&consistency=strong", nil, &d)
	if d.Credentials.Total != 1 || d.Credentials.Managed != 0 || len(d.Days) != 7 {
		t.Errorf("%+v", d)
	}
}

// privateKeys encrypts the answers of an authorization to a key that the command line makes, and gives an older one besides.
func privateKeys(t *testing.T, c *Cluster, nodes []string) (private, other string) {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	other, private = filepath.Join(t.TempDir(), "other.pem"), filepath.Join(t.TempDir(), "private.pem")
	for _, file := range []string{other, private} {
		cmd := exec.Command(bin, "authorization", "encrypt", "py", "sealed", "--private-out", file)
		cmd.Env = append(os.Environ(), "COFRE_URL="+strings.Join(nodes, ","), "COFRE_CLIENT_ID="+c.ready.Admin.ClientID, "COFRE_CLIENT_SECRET="+c.ready.Admin.ClientSecret, "COFRE_CA_FILE="+c.ready.CAFile)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return private, other
}
