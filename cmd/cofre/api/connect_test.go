package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/httpapi/device"
)

func TestConnection(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	ready := write("ready.json", `{"nodes":[{"api":"https://a"},{"api":"https://b"}],"ca_file":"ca","admin":{"client_id":"i","client_secret":"s"}}`, 0o600)
	key := write("key", "sesame\n", 0o600)
	write("good/cofre/profile.env", "# mine\nexport COFRE_URL=\"https://p\"\nCOFRE_CLIENT_ID=i\nCOFRE_CLIENT_SECRET='s=1'\n", 0o600)
	write("open/cofre/profile.env", "COFRE_URL=https://p\n", 0o644)
	write("bad/cofre/profile.env", "COFRE_URL=https://p\nhunter2\n", 0o600)
	for _, c := range []struct {
		name, ready, home string
		env               map[string]string
		want              string // URLs, id, secret; or part of the error
	}{
		{"practice", ready, "", nil, "https://a https://b i s"},
		{"open practice file", write("loose.json", "{}", 0o644), "", nil, "chmod 600"},
		{"no practice file", dir + "/none.json", "", nil, "no such file"},
		{"environment", "", "good", map[string]string{"COFRE_URL": "https://a, https://b", "COFRE_CLIENT_ID": "i", "COFRE_CLIENT_SECRET_FILE": key}, "https://a https://b i sesame"},
		{"plain HTTP", "", "", map[string]string{"COFRE_URL": "http://a"}, "does not begin with https://"},
		{"no secret", "", "", map[string]string{"COFRE_URL": "https://a", "COFRE_CLIENT_ID": "i"}, "no client secret"},
		{"open key file", "", "", map[string]string{"COFRE_URL": "https://a", "COFRE_CLIENT_ID": "i", "COFRE_CLIENT_SECRET_FILE": write("loose", "x", 0o640)}, "mode 0640"},
		{"profile", "", "good", nil, "https://p i s=1"},
		{"open profile", "", "open", nil, "chmod 600"},
		{"bad profile", "", "bad", nil, "line 2"},
		{"nothing", "", "none", nil, " "},
	} {
		s := &session{ready: c.ready, lookup: func(k string) (string, bool) { v, ok := c.env[k]; return v, ok }, home: func() (string, error) { return filepath.Join(dir, c.home), nil }}
		conf, err := s.config()
		got := strings.Join(append(conf.URLs, conf.ClientID, conf.ClientSecret), " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	s := &session{lookup: func(string) (string, bool) { return "", false }, home: func() (string, error) { return dir, nil }}
	if _, err := s.client(); err == nil || !strings.Contains(err.Error(), "COFRE_URL") {
		t.Errorf("without a configuration: %v", err)
	}
}

func TestKnownHosts(t *testing.T) {
	t.Parallel()
	const file = "web1,192.0.2.1 ssh-ed25519 A\n@revoked web1 ssh-ed25519 R\n@cert-authority web1 ssh-rsa C\n[web1]:2222 ssh-rsa B comment\n|1|x|y ssh-rsa H\nweb10 ssh-rsa X\n#web1 ssh-rsa Y\n"
	for _, c := range []struct {
		port uint16
		want []device.TrustedKey
	}{{22, []device.TrustedKey{{Key: "ssh-ed25519 A"}}}, {2222, []device.TrustedKey{{Key: "ssh-rsa B"}}}, {23, nil}} {
		if d := cmp.Diff(c.want, knownHosts(file, "web1", "192.0.2.1", c.port)); d != "" {
			t.Errorf("port %d: %s", c.port, d)
		}
	}
}

// What others chose never drives the terminal.
func TestClean(t *testing.T) {
	t.Parallel()
	if got := clean("a\x1b[2Jb\r\nc\u202ed"); strings.ContainsAny(got, "\x1b\r\n\u202e") || !strings.Contains(got, "[2Jb") {
		t.Errorf("%q", got)
	}
}

func FuzzProfile(f *testing.F) {
	f.Add([]byte("# a\nexport COFRE_URL=\"https://p\"\nCOFRE_X='\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseProfile("file", b)
		for k := range m {
			if err != nil || !strings.HasPrefix(k, "COFRE_") {
				t.Fatalf("%q %v", k, err)
			}
		}
	})
}
